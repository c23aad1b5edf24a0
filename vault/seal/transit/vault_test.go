package transit_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/badgerstore"
	"github.com/claviger-proxy/claviger/vault/seal"
	"github.com/claviger-proxy/claviger/vault/seal/transit"
)

// open opens the vault in dir, and closes it when the test ends or close is called.
func open(t *testing.T, dir string, keys seal.KeyProvider) (*vault.Vault, error) {
	t.Helper()
	store, err := badgerstore.Open(badgerstore.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	v, err := vault.Open(context.Background(), store, keys)
	if err != nil {
		store.Close()
	}
	return v, err
}

// A vault whose key is in a transit engine opens as long as the engine has it, at any address.
func TestVault(t *testing.T) {
	s, dir := startServer(t, false), t.TempDir()
	v, err := open(t, dir, newKeys(t, s.options()))
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}

	moved := startServer(t, false)
	moved.keys = s.keys
	moved.keys["claviger"].rotate(t)
	moved.keys["next"] = newKey(t)
	o := moved.options()
	o.Key, o.Retired = "next", []string{"claviger"}
	if v, err = open(t, dir, newKeys(t, o)); err != nil {
		t.Fatal(err)
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}

	other := startServer(t, false) // has another key of that name
	elsewhere := moved.options()
	elsewhere.Mount = "elsewhere"
	revoked := moved.options()
	revoked.Token = func() (string, error) { return "hvs.do-not-print-revoked", nil }
	for name, tt := range map[string]struct {
		keys seal.KeyProvider
		want error
		says string
	}{
		"another name":  {newKeys(t, transit.Options{Address: moved.URL, Key: "next", Token: o.Token}), seal.ErrUnknownKey, "ID transit:transit/claviger"},
		"another mount": {newKeys(t, elsewhere), seal.ErrUnknownKey, "ID transit:transit/claviger"},
		"a variable":    {seal.EnvKeys{Var: "CLAVIGER_TEST_UNSET"}, seal.ErrUnknownKey, "ID transit:transit/claviger"},
		"another key":   {newKeys(t, other.options()), seal.ErrSealed, "key transit:transit/claviger"},
		"wrong token":   {newKeys(t, revoked), seal.ErrUnavailable, "does not know the token"},
	} {
		t.Run(name, func(t *testing.T) {
			v, err := open(t, dir, tt.keys)
			if v != nil || !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got error %v, want %v with %q", err, tt.want, tt.says)
			}
			wantHidden(t, err)
		})
	}
}

// A server that does not take part leaves an empty vault as it is.
func TestVaultNotMade(t *testing.T) {
	s, dir := startServer(t, false), t.TempDir()
	s.answer(refusing(503, "Vault is sealed"))
	if _, err := open(t, dir, newKeys(t, s.options())); err == nil || !strings.Contains(err.Error(), "the server is sealed") {
		t.Errorf("got error %v, want that the server is sealed", err)
	} else {
		wantHidden(t, err)
	}
	s.answer(nil)
	if _, err := open(t, dir, newKeys(t, s.options())); err != nil {
		t.Error(err)
	}
}
