package transit_test

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/vault/seal"
)

// Every refusal says what to do, and none shows the token, even when the server repeats it.
func TestRefusals(t *testing.T) {
	tests := []struct {
		name   string
		answer http.HandlerFunc
		want   error
		says   string
	}{
		{"permission denied", refusing(403, "1 error occurred:\n\t* permission denied"), seal.ErrUnavailable, "update on transit/encrypt/claviger and transit/decrypt/claviger"},
		{"wrong token", refusing(403, "2 errors occurred:\n\t* permission denied\n\t* invalid token"), seal.ErrUnavailable, "does not know the token"},
		{"sealed", refusing(503, "Vault is sealed"), seal.ErrUnavailable, "the server is sealed; unseal it"},
		{"maintenance", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }, seal.ErrUnavailable, "not ready"},
		{"no route", refusing(404, "no handler for route"), seal.ErrUnknownKey, "check key, mount and namespace"},
		{"no key", refusing(400, "encryption key not found"), seal.ErrUnknownKey, "no key of that name"},
		{"limited", refusing(429, "request path: rate limit quota exceeded"), seal.ErrUnavailable, "try again later"},
		{"its own error", refusing(500, "internal error"), seal.ErrUnavailable, "status 500"},
		{"a gateway's", refusing(502, ""), seal.ErrUnavailable, "status 502"},
		{"teapot", refusing(418, ""), seal.ErrUnavailable, "status 418"},
		{"http to https", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(400) }, seal.ErrUnavailable, "status 400"},
		{"no content", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, seal.ErrUnavailable, "check the address"},
		{"a page", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "<p>", r.Header) }, seal.ErrUnavailable, "check the address"},
		{"other JSON", func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, `{"data":{"ciphertext":7,"plaintext":7,"t":%q}}`, r.Header.Get("X-Vault-Token"))
		}, seal.ErrUnavailable, "check the address"},
		{"endless", func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, `{"data":{"ciphertext":"`)
			for range 3 << 10 {
				io.WriteString(w, strings.Repeat("x", 1<<10))
			}
		}, seal.ErrUnavailable, "check the address"},
		{"broken off", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, seal.ErrUnavailable, "broke off"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := startServer(t, false)
			s.answer(tt.answer)
			k, err := newKeys(t, s.options()).Active(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			_, encrypt := k.AEAD.Encrypt(t.Context(), []byte("x"), []byte("y"))
			_, decrypt := k.AEAD.Decrypt(t.Context(), []byte("vault:v1:x"), []byte("y"))
			for _, err := range []error{encrypt, decrypt} {
				if !errors.Is(err, tt.want) || errors.Is(err, seal.ErrSealed) || !strings.Contains(err.Error(), tt.says) {
					t.Errorf("got error %v, want %v with %q", err, tt.want, tt.says)
				}
				wantHidden(t, err)
			}
			if n := len(s.seen()); n != 2 {
				t.Errorf("the server was asked %d times, want 2", n)
			}
		})
	}
}

// What the engine refuses by itself.
func TestUnfitKeys(t *testing.T) {
	s := startServer(t, false)
	s.keys["derived"], s.keys["signs"], s.keys["cut"] = newKey(t), newKey(t), newKey(t)
	s.keys["derived"].derived, s.keys["signs"].signs = true, true
	for name, says := range map[string]string{"derived": "derived=true", "signs": "aes256-gcm96", "none": "there may be no such key"} {
		o := s.options()
		o.Key = name
		k, _ := newKeys(t, o).Active(t.Context())
		_, err := k.AEAD.Encrypt(t.Context(), []byte("x"), []byte("y"))
		wantUnavailable(t, err, says)
	}
	o := s.options()
	o.Key, o.Retired = "cut", []string{"none"}
	keys := newKeys(t, o)
	k, _ := keys.Active(t.Context())
	sealed, err := k.AEAD.Encrypt(t.Context(), []byte("x"), []byte("y"))
	if err != nil {
		t.Fatal(err)
	}
	s.keys["cut"].rotate(t)
	s.keys["cut"].minDecrypt = 2
	_, err = k.AEAD.Decrypt(t.Context(), sealed, []byte("y"))
	wantUnavailable(t, err, "min_decryption_version")
	none, _ := keys.Find(t.Context(), keys.ID("none"))
	if _, err := none.AEAD.Decrypt(t.Context(), sealed, []byte("y")); !errors.Is(err, seal.ErrUnknownKey) {
		t.Errorf("got error %v, want ErrUnknownKey", err)
	}
}

// A redirect is not followed, so that no other host sees the token.
func TestRedirect(t *testing.T) {
	evil := startServer(t, false)
	for _, status := range []int{301, 302, 303, 307, 308} {
		s := startServer(t, false)
		s.answer(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, evil.URL+r.URL.Path, status)
		})
		k, _ := newKeys(t, s.options()).Active(t.Context())
		_, err := k.AEAD.Decrypt(t.Context(), []byte("vault:v1:x"), nil)
		wantUnavailable(t, err, "redirect")
	}
	if n := len(evil.seen()); n != 0 {
		t.Errorf("the other host got %d requests", n)
	}
}

func TestSlow(t *testing.T) {
	s := startServer(t, false)
	s.answer(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	o := s.options()
	o.Timeout = 50 * time.Millisecond
	k, _ := newKeys(t, o).Active(t.Context())
	_, err := k.AEAD.Encrypt(t.Context(), []byte("x"), nil)
	wantUnavailable(t, err, "within 50ms")

	o.Timeout = time.Minute
	k, _ = newKeys(t, o).Active(t.Context())
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, err := k.AEAD.Encrypt(ctx, []byte("x"), nil); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, seal.ErrUnavailable) {
		t.Errorf("got error %v, want DeadlineExceeded", err)
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("the context's end was noticed after %v", took)
	}
}

func TestTLS(t *testing.T) {
	s := startServer(t, true)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(ca, block, 0o600); err != nil {
		t.Fatal(err)
	}
	none := filepath.Join(t.TempDir(), "none.pem")
	junk := filepath.Join(t.TempDir(), "junk.pem")
	if err := os.WriteFile(junk, []byte("junk"), 0o600); err != nil {
		t.Fatal(err)
	}
	clear := startServer(t, false)
	_, port, _ := strings.Cut(strings.TrimPrefix(s.URL, "https://"), ":")
	for _, tt := range []struct {
		name, address, ca, says string
	}{
		{"known", s.URL, ca, ""},
		{"unknown authority", s.URL, "", "authority that is not known"},
		{"other name", "https://localhost:" + port, ca, "other names"},
		{"no CA file", s.URL, none, "reading CA file " + none},
		{"no certificate", s.URL, junk, "no certificate"},
		{"no TLS", strings.Replace(clear.URL, "http:", "https:", 1), ca, "does not speak TLS"},
		{"nobody", "https://127.0.0.1:1", ca, "cannot be reached"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := s.options()
			o.Address, o.CAFile = tt.address, tt.ca
			k, _ := newKeys(t, o).Active(t.Context())
			_, err := k.AEAD.Encrypt(t.Context(), []byte("x"), nil)
			if tt.says == "" && err == nil {
				return
			}
			wantUnavailable(t, err, tt.says)
		})
	}
}

// Only the options count, whatever the environment says.
func TestEnvironment(t *testing.T) {
	evil := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the environment's server was asked") }))
	t.Cleanup(evil.Close)
	for name, value := range map[string]string{
		"VAULT_ADDR": evil.URL, "VAULT_AGENT_ADDR": evil.URL, "VAULT_PROXY_ADDR": evil.URL, "VAULT_HTTP_PROXY": evil.URL,
		"HTTPS_PROXY": evil.URL, "HTTP_PROXY": evil.URL, "ALL_PROXY": evil.URL,
		"VAULT_TOKEN": "hvs.do-not-print-environment", "VAULT_NAMESPACE": "evil", "VAULT_WRAP_TTL": "60s", "VAULT_MFA": "evil",
		"VAULT_HEADERS": `{"X-Evil":"1"}`, "VAULT_SKIP_VERIFY": "true", "VAULT_MAX_RETRIES": "5", "VAULT_SRV_LOOKUP": "true",
		"VAULT_TLS_SERVER_NAME": "evil.example", "VAULT_RATE_LIMIT": "0.001:0", "VAULT_CLIENT_TIMEOUT": "1ns",
	} {
		t.Setenv(name, value)
	}
	s := startServer(t, false)
	s.namespace = "team/apps"
	o := s.options()
	o.Namespace = s.namespace
	k, _ := newKeys(t, o).Active(t.Context())
	if _, err := k.AEAD.Encrypt(t.Context(), []byte("x"), nil); err != nil {
		t.Fatal(err)
	}
	h := s.seen()[0].Header
	if h.Get("X-Vault-Token") != token || h.Get("X-Vault-Namespace") != "team/apps" {
		t.Errorf("got token or namespace of the environment: %q", h.Get("X-Vault-Namespace"))
	}
	for _, name := range []string{"X-Evil", "X-Vault-Wrap-TTL", "X-Vault-MFA"} {
		if h.Get(name) != "" {
			t.Errorf("header %s is sent", name)
		}
	}
	secure := startServer(t, true)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	k, _ = newKeys(t, secure.options()).Active(t.Context())
	_, err := k.AEAD.Encrypt(t.Context(), []byte("x"), nil)
	wantUnavailable(t, err, "authority that is not known")

	t.Setenv("VAULT_SKIP_VERIFY", "perhaps")
	_, err = k.AEAD.Encrypt(t.Context(), []byte("x"), nil)
	wantUnavailable(t, err, "VAULT_ variable")
}

// An error of the token's source keeps the key out of reach.
func TestTokenSource(t *testing.T) {
	s := startServer(t, false)
	for name, c := range map[string]struct {
		source func() (string, error)
		says   string
	}{
		"error":       {func() (string, error) { return "", errors.New("the agent sleeps") }, "the agent sleeps"},
		"empty":       {func() (string, error) { return "", nil }, "it is empty"},
		"line breaks": {func() (string, error) { return token + "\n" + token, nil }, "characters that no token has"},
	} {
		t.Run(name, func(t *testing.T) {
			o := s.options()
			o.Token = c.source
			k, _ := newKeys(t, o).Active(t.Context())
			_, err := k.AEAD.Encrypt(t.Context(), []byte("x"), nil)
			wantUnavailable(t, err, c.says)
		})
	}
	if n := len(s.seen()); n != 0 {
		t.Errorf("the server got %d requests", n)
	}
}
