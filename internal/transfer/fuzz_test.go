package transfer_test

import (
	"bufio"
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/internal/transfer"
	"github.com/claviger-proxy/claviger/vault"
)

// FuzzReadExport: whatever the lines are, what is read of them can be written, and is read again
// as the same.
func FuzzReadExport(f *testing.F) {
	f.Add(string(golden(f, "export-v1.jsonl")))
	f.Add(string(golden(f, "export-v4.jsonl")))
	f.Add(lines(headLine, workLine, adaLine, endLine))
	f.Add(lines(headLine, `{"end":{"connections":0,"accounts":0}}`))
	f.Add(lines(headLine, workLine, strings.Replace(adaLine, "12:01:00Z", "12:01:00.5+02:00", 1), endLine))
	f.Fuzz(func(t *testing.T, plain string) {
		key := identity(t, testIdentity)
		header, items, err := read(bytes.NewReader(encrypt(t, plain)), key)
		if err != nil {
			return
		}
		again, same, err := read(bytes.NewReader(export(t, transfer.WriteOptions{Header: header}, items...)), key)
		if err != nil || again != header {
			t.Fatalf("written again: %+v, %v, want %+v", again, err, header)
		}
		if diff := cmp.Diff(items, same); diff != "" {
			t.Fatal(diff)
		}
	})
}

// FuzzOpenExport: a file that was changed anywhere is not read to its end, unless the change is in
// the white space of armor; and before the error nothing comes that was not written.
func FuzzOpenExport(f *testing.F) {
	f.Add(golden(f, "export-v1.age"))
	f.Add(golden(f, "export-v1.armor.age"))
	f.Add(golden(f, "export-v4.age"))
	f.Add(golden(f, "export-v4.armor.age"))
	f.Add([]byte("age-encryption.org/v1\n-> X25519 \n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		_, items, err := read(bytes.NewReader(file), identity(t, testIdentity))
		want := sample()
		if len(items) == len(first()) && err == nil {
			want = first()
		}
		if len(items) > len(want) || err == nil && len(items) != len(want) {
			t.Fatalf("%d items, %v", len(items), err)
		}
		for i := range items {
			if diff := cmp.Diff(want[i], items[i]); diff != "" {
				t.Fatal(diff)
			}
		}
	})
}

// checkForeign: every item is an account that the vault would take, or a problem with a place and
// a text; and an error is the last.
func checkForeign(t *testing.T, f transfer.Format, text string) {
	var failed error
	for item, err := range readers[f](strings.NewReader(text), transfer.Options{Map: map[string]string{
		"Google": "mail", "connection_config.region": "zone", "connection_config.none": "-", "state.val.region": "zone", "credentials.apiKey": "key",
	}}) {
		if failed != nil {
			t.Fatalf("%v comes after an error", item)
		}
		if failed = err; err != nil {
			if item != (transfer.Item{}) {
				t.Fatalf("an item comes with %v", err)
			}
			continue
		}
		a, p := item.Account, item.Problem
		switch {
		case item.Connection != nil, (a == nil) == (p == nil):
			t.Fatalf("%+v is not one thing", item)
		case p != nil && (p.Where == "" || p.Text == "" || len(p.String()) > 2000):
			t.Fatalf("%+v does not say enough, or too much", p)
		case a != nil && (!vault.ValidIdentifier(a.Identifier) || !vault.ValidName(a.Connection) ||
			a.Grant == nil || a.Grant.Access.IsZero() && a.Grant.Refresh.IsZero() && len(a.Grant.Inputs) == 0):
			t.Fatalf("%+v cannot be moved", a)
		case a != nil:
			writable(t, *a)
		}
	}
	if got, err := transfer.Sniff(bufio.NewReader(strings.NewReader(text))); (err == nil) == (got == "") {
		t.Fatalf("%q, %v", got, err)
	}
}

// writable tells whether an account can be exported when it has been moved.
func writable(t *testing.T, a transfer.Account) {
	a.ID, a.Connector = "ca_01JTP3Q4R5S6T7V8W9X0Y1Z2A3", "demo"
	if a.CreatedAt.IsZero() {
		a.CreatedAt = testHeader.CreatedAt
	}
	w, err := transfer.NewWriter(&bytes.Buffer{}, transfer.WriteOptions{Header: testHeader}, recipient(t))
	if err != nil {
		t.Fatal(err)
	}
	c := transfer.Connection{Name: a.Connection, Connector: "demo", Origin: vault.OriginAPI}
	if err := errors.Join(w.Connection(c), w.Account(a)); err != nil {
		t.Fatalf("%+v cannot be exported: %v", a, err)
	}
}

func FuzzReadNango(f *testing.F) {
	f.Add(string(golden(f, "nango.json")))
	f.Add("[" + nangoItem + "]")
	f.Add(nangoItem + "\n" + nangoItem)
	f.Fuzz(func(t *testing.T, text string) { checkForeign(t, transfer.FormatNango, text) })
}

func FuzzReadComposio(f *testing.F) {
	f.Add(string(golden(f, "composio.json")))
	f.Add("[" + composioItem + "]")
	f.Add(composioItem + "\n" + composioItem)
	f.Fuzz(func(t *testing.T, text string) { checkForeign(t, transfer.FormatComposio, text) })
}

func FuzzReadCSV(f *testing.F) {
	f.Add(string(golden(f, "accounts.csv")))
	f.Add(csvHead + csvRow)
	f.Fuzz(func(t *testing.T, text string) { checkForeign(t, transfer.FormatCSV, text) })
}
