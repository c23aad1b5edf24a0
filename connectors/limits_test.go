package connectors_test

import (
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/connectors"
)

func TestLimits(t *testing.T) {
	const at = "x.yaml:13: "
	for _, tt := range []struct{ name, limits, rest, want string }{
		{"both", "{refresh_tokens: 20, accounts: 25}", "", ""},
		{"accounts where nothing is refreshed", "{accounts: 25}", "refresh: {none: true}\n", ""},
		{"nothing", "{refresh_tokens: 0}", "", at + "limits: must have refresh_tokens or accounts"},
		{"less than nothing", "{accounts: -1}", "", at + "limits.accounts: must be a number above 0"},
		{"not a number", "{accounts: many}", "", at + "limits.accounts: must be a whole number"},
		{"no refresh tokens", "{refresh_tokens: 20}", "refresh: {none: true}\n", at + "limits.refresh_tokens: has no use: there are no refresh tokens"},
		{"refreshed without", "{refresh_tokens: 20}", "refresh: {with: access_token}\n", at + "limits.refresh_tokens: has no use: there are no refresh tokens"},
	} {
		_, err := connectors.Decode("x.yaml", []byte(strings.TrimSuffix(minimal, "\n")+"\n\nlimits: "+tt.limits+"\n"+tt.rest))
		if got := strings.TrimSuffix(errText(err), "\n"); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
	_, err := connectors.Decode("x.yaml", []byte("schema: 1\nname: x\ntitle: X\nmode: none\nlimits: {accounts: 25}\napi: {base_url: https://x.example.com}\n"))
	if want := "x.yaml:5: limits: has no use with mode none"; errText(err) != want {
		t.Errorf("got %q, want %q", errText(err), want)
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
