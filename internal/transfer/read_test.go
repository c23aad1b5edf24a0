package transfer_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/claviger-proxy/claviger/internal/transfer"
)

const (
	headLine = `{"claviger_export":4,"created_at":"2026-05-04T12:00:00Z","project":"default"}`
	workLine = `{"connection":{"name":"work","connector":"demo","origin":"api"}}`
	adaLine  = `{"account":{"id":"ca_01JTP3Q4R5S6T7V8W9X0Y1Z2A3","connection":"work","connector":"demo","identifier":"ada","status":"ACTIVE","created_at":"2026-05-04T12:01:00Z","grant":{"access_token":"canary-token"}}}`
	endLine  = `{"end":{"connections":1,"accounts":1}}`
)

func TestReaderRefuses(t *testing.T) {
	// with is adaLine with something else in it.
	with := func(old, new string) string {
		if !strings.Contains(adaLine, old) {
			t.Fatalf("%s is not in the line", old)
		}
		return strings.Replace(adaLine, old, new, 1)
	}
	whole := func(account string) string { return lines(headLine, workLine, account, endLine) }
	if _, items, err := read(bytes.NewReader(encrypt(t, whole(adaLine))), identity(t, testIdentity)); err != nil || len(items) != 2 {
		t.Fatalf("the plain case: %d items, %v", len(items), err)
	}
	for _, c := range []struct{ name, plain, want string }{
		{"nothing", "", "it ends after line 0"},
		{"not JSON", "canary-token\n", "line 1: not JSON"},
		{"no header", lines(workLine, adaLine, endLine), "line 1: claviger_export: missing"},
		{"version", lines(strings.Replace(headLine, ":4,", ":5,", 1)), "line 1: claviger_export: this Claviger reads versions 1 to 4, the file has 5"},
		{"version 0", lines(strings.Replace(headLine, ":4,", ":0,", 1)), "line 1: claviger_export: this Claviger reads versions 1 to 4, the file has 0"},
		{"version text", lines(strings.Replace(headLine, ":4,", `:"3",`, 1)), "line 1: claviger_export: must be a whole number"},
		{"project", lines(strings.Replace(headLine, "default", "De", 1)), "line 1: project: must be 1 to 63"},
		{"no time", lines(`{"claviger_export":1,"project":"default"}`), "line 1: created_at: must be there"},
		{"header member", lines(strings.Replace(headLine, "{", `{"x":1,`, 1)), "line 1: x: unknown member"},
		{"two headers", lines(headLine, headLine), "line 2: must have one member"},
		{"no end", lines(headLine, workLine, adaLine), "damaged or incomplete: it ends after line 3"},
		{"cut line", lines(headLine, workLine) + adaLine, "damaged or incomplete: it ends after line 2"},
		{"no last line feed", strings.TrimSuffix(whole(adaLine), "\n"), "damaged or incomplete: it ends after line 3"},
		{"wrong count", lines(headLine, workLine, endLine), "damaged or incomplete: the last line counts 1 connections and 1 accounts, the file has 1 and 0"},
		{"end members", lines(headLine, workLine, adaLine, `{"end":{"connections":1}}`), "line 4: end.accounts: must be a whole number"},
		{"end member", lines(headLine, workLine, adaLine, `{"end":{"connections":1,"accounts":1,"x":1}}`), "line 4: end.x: unknown member"},
		{"after the end", whole(adaLine) + "\n", "line 5: there is something after the last line"},
		{"empty line", lines(headLine, "", endLine), "line 2: not JSON"},
		{"long line", lines(headLine, `"`+strings.Repeat("a", 1<<20)+`"`), "line 2: longer than the 1 MiB"},
		{"deep", lines(headLine, strings.Repeat("[", 70)+strings.Repeat("]", 70)), "line 2: nested deeper"},
		{"no object", lines(headLine, `["account"]`), "line 2: must be a JSON object"},
		{"empty object", lines(headLine, `{}`), "line 2: must have one member"},
		{"unknown line", lines(headLine, `{"tool":{}}`), "line 2: tool: unknown member"},
		{"null line", lines(headLine, `{"account":null}`), "line 2: account: must not be null"},
		{"text line", lines(headLine, `{"connection":"canary-token"}`), "line 2: connection: must be an object"},
		{"not UTF-8", whole(with("canary-token", "canary-token\xff")), "line 3: not JSON, or not in UTF-8"},
		{"two objects", whole(adaLine + adaLine), "line 3: not JSON"},
		{"connection twice", lines(headLine, workLine, workLine), "line 3: connection.name: the file has a connection of this name already"},
		{"connection later", lines(headLine, adaLine), "line 2: account.connection: the file has no such connection"},
		{"client secret", lines(headLine, strings.Replace(workLine, "{\"name", `{"client_secret":"canary-token\u0000","name`, 1)), "line 2: connection.client_secret: must be at most"},
		{"unknown member", whole(with(`"id"`, `"canary":"canary-token","id"`)), "line 3: account.canary: unknown member"},
		{"duplicate", whole(with(`"access_token":`, `"access_token":"canary-token","access_token":`)), "line 3: account.grant.access_token: the member is there twice"},
		{"other case", whole(with(`"identifier"`, `"Identifier"`)), "line 3: account.Identifier: unknown member"},
		{"grant member", whole(with(`"grant":{`, `"grant":{"generation":1,`)), "line 3: account.grant.generation: unknown member"},
		{"null", whole(with(`"canary-token"`, `null`)), "line 3: account.grant.access_token: must not be null"},
		{"number", whole(with(`"canary-token"`, `12345`)), "line 3: account.grant.access_token: must be text"},
		{"token", whole(with(`canary-token`, `canary-token\n`)), "line 3: account.grant.access_token: must be at most 16 KiB"},
		{"no token", whole(with(`"access_token":"canary-token"`, ``)), "line 3: account.grant: must have"},
		{"list", whole(with(`"id"`, `"granted_scopes":"canary-token","id"`)), "line 3: account.granted_scopes: must be a list of texts"},
		{"mixed list", whole(with(`"id"`, `"granted_scopes":["a",1],"id"`)), "line 3: account.granted_scopes: must be a list of texts"},
		{"captured", whole(with(`"grant":{`, `"grant":{"captured":{"a":1},`)), "line 3: account.grant.captured.a: must be text"},
		{"way", lines(headLine, strings.Replace(workLine, "{\"name", `{"way":"canary-token!","name`, 1)), "line 2: connection.way: must be 1 to 63"},
		{"secret_params", lines(headLine, strings.Replace(workLine, "{\"name", `{"secret_params":{"key":1},"name`, 1)), "line 2: connection.secret_params.key: must be text"},
		{"further secret", lines(headLine, strings.Replace(workLine, "{\"name", `{"further_secrets":["canary-token\u0000"],"name`, 1)), "line 2: connection.further_secrets: must be at most"},
		{"earlier clients", lines(headLine, strings.Replace(workLine, "{\"name", `{"earlier_clients":["canary-token"],"name`, 1)), "line 2: connection.earlier_clients: must be a list of objects"},
		{"earlier client", lines(headLine, strings.Replace(workLine, "{\"name", `{"earlier_clients":[{"secrets":["canary-token"]}],"name`, 1)), "line 2: connection.earlier_clients: must have a client_id"},
		{"earlier client's secret", lines(headLine, strings.Replace(workLine, "{\"name", `{"earlier_clients":[{"client_id":"x","secret":"canary-token"}],"name`, 1)), "line 2: connection.earlier_clients.secret: unknown member"},
		{"inputs", whole(with(`"grant":{`, `"grant":{"inputs":["canary-token"],`)), "line 3: account.grant.inputs: must be an object"},
		{"input", whole(with(`"grant":{`, `"grant":{"inputs":{"key":"canary-token\u0000"},`)), "line 3: account.grant.inputs.key: must be at most 16 KiB"},
		{"input number", whole(with(`"grant":{`, `"grant":{"inputs":{"aKey":1},`)), "line 3: account.grant.inputs.aKey: must be text"},
		{"input null", whole(with(`"grant":{`, `"grant":{"inputs":{"key":null},`)), "line 3: account.grant.inputs.key: must not be null"},
		{"input name", whole(with(`"grant":{`, `"grant":{"inputs":{"aKey":"canary-token"},`)), "line 3: account.grant.inputs.aKey: the name must be 1 to 63"},
		{"empty input", whole(with(`"access_token":"canary-token"`, `"inputs":{"key":""}`)), "line 3: account.grant: must have"},
		{"slot", whole(with(`"grant":{`, `"grant":{"slots":{"bot":"canary-token\n"},`)), "line 3: account.grant.slots.bot: must be at most 16 KiB of printable"},
		{"slot alone", whole(with(`"access_token":`, `"slots":{"bot":"canary-token"},"id_token":`)), "line 3: account.grant: must have"},
		{"time", whole(with("2026-05-04T12:01:00Z", "canary-token")), "line 3: account.created_at: must be a time"},
		{"time without zone", whole(with("2026-05-04T12:01:00Z", "2026-05-04T12:01:00")), "line 3: account.created_at: must be a time"},
		{"time beyond", whole(with("2026-05-04T12:01:00Z", "9999-12-31T23:59:59-01:00")), "line 3: account.created_at: must be a time"},
		{"status", whole(with("ACTIVE", "canary-token")), "line 3: account.status: must be ACTIVE"},
		{"ID", whole(with("ca_", "conn_")), "line 3: account.id: must be an account's ID"},
		{"odd member", whole(with(`"id"`, `"\u0000`+strings.Repeat("a", 200)+`":1,"id"`)), "unknown member"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := read(bytes.NewReader(encrypt(t, c.plain)), identity(t, testIdentity))
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "canary-token") {
				t.Errorf("got  %v\nwant an error with %q", err, c.want)
			}
			if damaged := strings.HasPrefix(c.want, "damaged") || c.plain == ""; damaged != errors.Is(err, transfer.ErrDamaged) {
				t.Errorf("damaged is %v, want %v", !damaged, damaged)
			}
		})
	}
}

// A file of version 1 has nothing of version 2, as for whoever reads that version only.
func TestReaderVersion1(t *testing.T) {
	head := strings.Replace(headLine, ":4,", ":1,", 1)
	for _, c := range []struct{ work, ada, want string }{
		{workLine, adaLine, ""},
		{strings.Replace(workLine, `"name"`, `"way":"key","name"`, 1), adaLine, "line 2: connection.way: unknown member"},
		{strings.Replace(workLine, `"name"`, `"secret_params":{},"name"`, 1), adaLine, "line 2: connection.secret_params: unknown member"},
		{workLine, strings.Replace(adaLine, `"access_token"`, `"slots":{},"access_token"`, 1), "line 3: account.grant.slots: unknown member"},
		{workLine, strings.Replace(adaLine, `"access_token"`, `"inputs":{"key":"x"},"access_token"`, 1), "line 3: account.grant.inputs: unknown member"},
	} {
		_, items, err := read(bytes.NewReader(encrypt(t, lines(head, c.work, c.ada, endLine))), identity(t, testIdentity))
		if c.want == "" && (err != nil || len(items) != 2) || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("got %d items and %v, want %q", len(items), err, c.want)
		}
	}
}

// A file of version 2 has nothing of version 3.
func TestReaderVersion2(t *testing.T) {
	head := strings.Replace(headLine, ":4,", ":2,", 1)
	for member, want := range map[string]string{
		`"way":"key"`:                        "",
		`"further_secrets":["canary-token"]`: "line 2: connection.further_secrets: unknown member",
		`"earlier_clients":[]`:               "line 2: connection.earlier_clients: unknown member",
	} {
		work := strings.Replace(workLine, `"name"`, member+`,"name"`, 1)
		_, items, err := read(bytes.NewReader(encrypt(t, lines(head, work, adaLine, endLine))), identity(t, testIdentity))
		if want == "" && (err != nil || len(items) != 2) || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("got %d items and %v, want %q", len(items), err, want)
		}
	}
}

// After an error there is nothing else, and with it no item.
func TestReaderStays(t *testing.T) {
	plain := lines(headLine, workLine, "x", adaLine, endLine)
	r, err := transfer.NewReader(bytes.NewReader(encrypt(t, plain)), identity(t, testIdentity))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if item, err := r.Next(); err == nil || item != (transfer.Item{}) {
			t.Errorf("got %v, %v", item, err)
		}
	}
	r, err = transfer.NewReader(bytes.NewReader(encrypt(t, lines(headLine, `{"end":{"connections":0,"accounts":0}}`))), identity(t, testIdentity))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := r.Next(); err != io.EOF {
			t.Errorf("got %v, want the end", err)
		}
	}
}

// An error of the file itself is told as it is; so is what is no age file at all.
func TestReaderSource(t *testing.T) {
	file, key := golden(t, "export-v4.age"), identity(t, testIdentity)
	broken := errors.New("broken disk")
	for _, n := range []int{0, 10, 300, len(file) - 1} {
		_, _, err := read(io.MultiReader(bytes.NewReader(file[:n]), iotest.ErrReader(broken)), key)
		if !errors.Is(err, broken) {
			t.Errorf("after %d bytes: %v", n, err)
		}
	}
	_, items, err := read(iotest.OneByteReader(bytes.NewReader(file)), key)
	if err != nil {
		t.Fatal(err)
	}
	same(t, items, sample())
	for _, text := range []string{"", "x", `{"claviger_export":1}`, testIdentity, "age-encryption.org/v2\n"} {
		if _, _, err := read(strings.NewReader(text), key); err == nil || !strings.Contains(err.Error(), "not an export of Claviger") {
			t.Errorf("%.20q: %v", text, err)
		}
	}
}

// endless gives the same bytes for ever.
type endless string

func (e endless) Read(p []byte) (int, error) {
	return copy(p, strings.Repeat(string(e), len(p)/len(e)+1)), nil
}

// A file that never ends a header or a line is refused before it fills the memory.
func TestReaderEndless(t *testing.T) {
	for _, start := range []string{"age-encryption.org/v1\n", "age-encryption.org/v1\n-> X25519 ", "-----BEGIN AGE ENCRYPTED FILE-----\n", string(golden(t, "export-v4.armor.age")[:400])} {
		_, _, err := read(io.MultiReader(strings.NewReader(start), endless("A")), identity(t, testIdentity))
		if !errors.Is(err, transfer.ErrDamaged) {
			t.Errorf("%.60q: %v", start, err)
		}
	}
}
