package connectors_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/connectors"
)

// A file with many mistakes is told of them in the order of its lines, and each time in the same one.
func TestErrorsInOrder(t *testing.T) {
	text := string(good(t)["code.yaml"])
	for _, change := range [][2]string{
		{"{access_type: offline, team: \"{account.team}\"", `{a: "{token}", b: "{token}", c: "{token}", d: "{token}"`},
		{"{client_id: client_key, code: auth_code}", "{code: x, client_id: x, state: y, nonce: z}"},
		{"{grant_type: code, realm: \"{captured.realm}\"}", `{a: "{x}", b: "{x}", c: "{x}"}`},
		{"{realm: realmId, server: accounts-server}", `{realm: "a b", server: "a b", A: a, B: b}`},
		{"    root: data\n    access: token.value\n    refresh: token.refresh\n    id_token: id\n", "    root: '['\n    access: '['\n    refresh: '['\n    id_token: '['\n"},
		{"{X-Version: \"2026-03-01\", X-Realm: \"{captured.realm}\"}", `{A: "{token}", B: "{token}", C: "", D: " "}`},
		{"param: scopes", "param: state"},
		{"user_param: user_scope", "user_param: state"},
		{"notes: [One note.]", "notes: ['', '']"},
		{"  - Open the console.", "  - ''"},
		{"default: eu\n    enum: [eu, us]", "default: EU\n    example: US\n    enum: [eu, us]"},
	} {
		if !strings.Contains(text, change[0]) {
			t.Fatalf("the file has no %q", change[0])
		}
		text = strings.Replace(text, change[0], change[1], 1)
	}
	// Names that there are not are said when the file is read, the rest when it is checked.
	for _, text := range []string{text, strings.ReplaceAll(text, `"{x}"`, `"{token}"`)} {
		_, err := connectors.Decode("x.yaml", []byte(text))
		if err == nil {
			t.Fatal("no error")
		}
		for range 20 {
			if _, again := connectors.Decode("x.yaml", []byte(text)); again.Error() != err.Error() {
				t.Fatalf("once the errors are\n%v\nand then\n%v", err, again)
			}
		}
		var lines []int
		for _, line := range strings.Split(err.Error(), "\n") {
			_, rest, _ := strings.Cut(line, ":")
			number, _, _ := strings.Cut(rest, ":")
			n, err := strconv.Atoi(number)
			if err != nil {
				t.Fatalf("%s has no line", line)
			}
			lines = append(lines, n)
		}
		if !slices.IsSorted(lines) || len(lines) < 3 {
			t.Errorf("the errors are in the order of %v", lines)
		}
	}
}
