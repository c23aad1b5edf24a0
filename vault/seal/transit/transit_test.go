package transit_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/vault/seal"
	"github.com/claviger-proxy/claviger/vault/seal/transit"
)

func TestNewRefuses(t *testing.T) {
	good := transit.Options{Address: "https://vault.example.com:8200", Key: "claviger", Token: func() (string, error) { return token, nil }}
	newKeys(t, good)
	tests := []struct {
		name   string
		change func(*transit.Options)
		says   string
	}{
		{"no address", func(o *transit.Options) { o.Address = "" }, "address"},
		{"no scheme", func(o *transit.Options) { o.Address = "vault.example.com:8200" }, "address"},
		{"http to another host", func(o *transit.Options) { o.Address = "http://vault.example.com:8200" }, "https://"},
		{"http to a private address", func(o *transit.Options) { o.Address = "http://10.0.0.1:8200" }, "https://"},
		{"http to a name like loopback", func(o *transit.Options) { o.Address = "http://localhost.example.com" }, "https://"},
		{"socket", func(o *transit.Options) { o.Address = "unix:///run/agent.sock" }, "address"},
		{"socket with host", func(o *transit.Options) { o.Address = "unix://run/agent.sock" }, "https://"},
		{"user", func(o *transit.Options) { o.Address = "https://me:do-not-print@vault.example.com" }, "address"},
		{"query", func(o *transit.Options) { o.Address = "https://vault.example.com?do-not-print" }, "address"},
		{"no token", func(o *transit.Options) { o.Token = nil }, "token"},
		{"no key", func(o *transit.Options) { o.Key = "" }, "key"},
		{"key with a slash", func(o *transit.Options) { o.Key = "a/b" }, "key"},
		{"key that climbs", func(o *transit.Options) { o.Key = ".." }, "key"},
		{"retired key with a query", func(o *transit.Options) { o.Retired = []string{"a?b"} }, "key"},
		{"mount that climbs", func(o *transit.Options) { o.Mount = "transit/../sys" }, "mount"},
		{"mount with a slash", func(o *transit.Options) { o.Mount = "/transit" }, "mount"},
		{"namespace with a line break", func(o *transit.Options) { o.Namespace = "a\r\nX: b" }, "namespace"},
		{"negative timeout", func(o *transit.Options) { o.Timeout = -time.Second }, "timeout"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := good
			tt.change(&o)
			k, err := transit.New(o)
			if err == nil || k != nil {
				t.Fatal("it is accepted")
			}
			if !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "do-not-print") {
				t.Errorf("got error %q, want %q", err, tt.says)
			}
		})
	}
}

func TestKeys(t *testing.T) {
	s := startServer(t, false)
	s.keys["old"] = newKey(t)
	o := s.options()
	o.Retired = []string{"old", "none"}
	k := newKeys(t, o)
	active, err := k.Active(t.Context())
	if err != nil || active.ID != "transit:transit/claviger" {
		t.Fatalf("got key %q and error %v", active.ID, err)
	}
	old, err := k.Find(t.Context(), "transit:transit/old")
	if err != nil || old.ID != "transit:transit/old" {
		t.Fatalf("got key %q and error %v", old.ID, err)
	}
	for _, id := range []string{"", "claviger", "transit:other/claviger", "0123456789abcdef"} {
		k, err := k.Find(t.Context(), id)
		if !errors.Is(err, seal.ErrUnknownKey) || k != (seal.Key{}) || !strings.Contains(err.Error(), id) || !strings.Contains(err.Error(), active.ID) {
			t.Errorf("%q: got key %q and error %v, want ErrUnknownKey with both IDs", id, k.ID, err)
		}
	}
	if len(s.seen()) != 0 {
		t.Error("the server was asked before there was anything to encrypt")
	}

	plain, bound := []byte("a keyset"), []byte("what it is bound to")
	for _, k := range []seal.Key{active, old} {
		sealed, err := k.AEAD.Encrypt(t.Context(), plain, bound)
		if err != nil || bytes.Contains(sealed, plain) {
			t.Fatalf("%s: got %q and error %v", k.ID, sealed, err)
		}
		s.keys["claviger"].rotate(t) // older versions decrypt
		if got, err := k.AEAD.Decrypt(t.Context(), sealed, bound); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%s: got %q and error %v, want %q", k.ID, got, err, plain)
		}
		altered := bytes.Clone(sealed)
		altered[len(altered)-6] ^= 1
		for name, c := range map[string]struct{ sealed, bound []byte }{
			"other bound": {sealed, []byte("else")},
			"no bound":    {sealed, nil},
			"altered":     {altered, bound},
			"no prefix":   {[]byte("x"), bound},
		} {
			if got, err := k.AEAD.Decrypt(t.Context(), c.sealed, c.bound); !errors.Is(err, seal.ErrSealed) || got != nil {
				t.Errorf("%s, %s: got %q and error %v, want ErrSealed", k.ID, name, got, err)
			}
		}
	}
	sealed, err := active.AEAD.Encrypt(t.Context(), plain, bound)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := old.AEAD.Decrypt(t.Context(), sealed, bound); !errors.Is(err, seal.ErrSealed) {
		t.Errorf("got error %v, want ErrSealed", err)
	}
}

// A token that another program renews in its file is used at once.
func TestTokenFile(t *testing.T) {
	s := startServer(t, false)
	o := s.options()
	path := filepath.Join(t.TempDir(), "token")
	o.Token = transit.TokenFile(path)
	k, err := newKeys(t, o).Active(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, text, says string
	}{
		{"another token", "hvs.do-not-print-another", "does not know the token"},
		{"empty", " \n", path + ": it is empty"},
		{"two lines", token + "\n" + token, "characters that no token has"},
		{"a header", token + "\r\nX-Evil: 1", "characters that no token has"},
		{"too long", strings.Repeat("x", 9000), "more than 8192 bytes"},
		{"good", token, ""},
		{"good with line break", token + "\r\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := k.AEAD.Encrypt(t.Context(), []byte("x"), nil)
			if c.says == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantUnavailable(t, err, c.says)
		})
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	_, err = k.AEAD.Encrypt(t.Context(), []byte("x"), nil)
	wantUnavailable(t, err, "reading token file "+path)
}

func wantUnavailable(t *testing.T, err error, says string) {
	t.Helper()
	if !errors.Is(err, seal.ErrUnavailable) || errors.Is(err, seal.ErrSealed) || !strings.Contains(err.Error(), says) {
		t.Errorf("got error %v, want ErrUnavailable with %q", err, says)
	}
	wantHidden(t, err)
}

func wantHidden(t *testing.T, err error) {
	t.Helper()
	if err != nil && strings.Contains(err.Error(), "do-not-print") {
		t.Errorf("error %q shows a token", err)
	}
}
