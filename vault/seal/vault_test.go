package seal_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/badgerstore"
	"github.com/claviger-proxy/claviger/vault/seal"
)

// A key opens its vault wherever it is kept, and another key is told which one is needed.
func TestVaultOpens(t *testing.T) {
	key, other := seal.NewKeyText(), seal.NewKeyText()
	t.Setenv("CLAVIGER_TEST_KEY", key)
	t.Setenv("CLAVIGER_TEST_OTHER", other)
	want, err := seal.ParseKey(key)
	if err != nil {
		t.Fatal(err)
	}
	const own, wrong = "CLAVIGER_TEST_KEY", "CLAVIGER_TEST_OTHER"
	providers := map[string]func(variable string) seal.KeyProvider{
		"env": func(variable string) seal.KeyProvider { return seal.EnvKeys{Var: variable} },
		"exec": func(variable string) seal.KeyProvider {
			return &seal.ExecKeys{Command: printer("good", variable)}
		},
	}
	dir := t.TempDir()
	open := func(t *testing.T, keys seal.KeyProvider) error {
		t.Helper()
		store, err := badgerstore.Open(badgerstore.Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		_, err = vault.Open(context.Background(), store, keys)
		return err
	}
	for name, keys := range providers {
		t.Run(name, func(t *testing.T) {
			if err := open(t, keys(own)); err != nil {
				t.Fatal(err)
			}
			err := open(t, keys(wrong))
			if !errors.Is(err, seal.ErrUnknownKey) || !strings.Contains(err.Error(), "ID "+want.ID) {
				t.Errorf("got error %v, want ErrUnknownKey with the ID %s", err, want.ID)
			}
			for _, text := range []string{key, other} {
				if err != nil && strings.Contains(err.Error(), strings.TrimSpace(text)[15:]) {
					t.Errorf("error %q shows a key", err)
				}
			}
		})
	}
}
