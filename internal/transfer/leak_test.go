package transfer_test

import (
	"bufio"
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/internal/transfer"
	"github.com/claviger-proxy/claviger/vault"
)

// spoil calls f with the text changed at every seventh byte, in many ways.
func spoil(text string, f func(string)) {
	for i := 0; i < len(text); i += 7 {
		for _, s := range []string{"", `"`, "{", "\n", "\xff", ",", "null"} {
			f(text[:i] + s + text[i+1:])
		}
	}
}

// leaks fails the test when a text holds a part of a secret of the samples.
func leaks(t *testing.T, text string) {
	t.Helper()
	for _, part := range []string{"ctional-acc", "ctional-ref", "ctional.id", "ctional cli", "id.token", "t secret", "al app key", "al \"key", "al private", "ctional-slot", "cme", "ctional-key", "ctional-pass"} {
		if strings.Contains(text, part) {
			t.Fatalf("a secret is in %q", text)
		}
	}
}

// However a file is spoilt, no error and no problem has a token in it.
func TestNoLeak(t *testing.T) {
	key := identity(t, testIdentity)
	spoil(string(golden(t, "export-v4.jsonl")), func(plain string) {
		if _, _, err := read(bytes.NewReader(encrypt(t, plain)), key); err != nil {
			leaks(t, err.Error())
		}
	})
	for f, name := range map[transfer.Format]string{
		transfer.FormatNango: "nango.json", transfer.FormatComposio: "composio.json", transfer.FormatCSV: "accounts.csv",
	} {
		spoil(string(golden(t, name)), func(text string) {
			items, err := collect(readers[f](strings.NewReader(text), transfer.Options{}))
			if err != nil {
				leaks(t, err.Error())
			}
			for _, item := range items {
				if item.Problem != nil {
					leaks(t, item.Problem.String())
				}
			}
			if _, err := transfer.Sniff(bufio.NewReader(strings.NewReader(text))); err != nil {
				leaks(t, err.Error())
			}
		})
	}
	bad := *sample()[2].Account
	bad.Grant = &vault.Grant{Access: vault.NewSecret("fictional-access \n"), Refresh: vault.NewSecret("fictional-refresh")}
	w, err := transfer.NewWriter(&bytes.Buffer{}, transfer.WriteOptions{Header: testHeader}, recipient(t))
	if err != nil {
		t.Fatal(err)
	}
	worse, worst := bad, bad
	worse.Grant = &vault.Grant{Inputs: named("key", "fictional-key\x00")}
	worst.Grant = &vault.Grant{Access: vault.NewSecret("x"), Slots: named("bot", "fictional-slot\n")}
	leaks(t, fmt.Sprint(write(w, sample()[:1]), w.Account(bad), w.Account(worse), w.Account(worst), w.Connection(transfer.Connection{Name: "x", ClientSecret: vault.NewSecret("fictional client secret")})))
	for _, item := range sample() {
		leaks(t, fmt.Sprintf("%+v %#v %+v", item.Connection, item.Account, item.Account))
	}
}
