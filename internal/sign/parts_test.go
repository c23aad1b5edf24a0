package sign_test

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/sign"
)

func hmacSigner(t testing.TB, parts ...string) connectors.Signer {
	return connectors.Signer{Kind: connectors.SignerHMAC, Key: template(t, "{account.key}"), Parts: parts, Header: "X-Signature"}
}

// RFC 4231 section 4.3 and RFC 2202 section 3, test case 2.
func TestHMACExamples(t *testing.T) {
	for hash, want := range map[string]string{
		"":       "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
		"sha256": "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
		"sha1":   "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
		"sha512": "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
	} {
		s := hmacSigner(t, "body")
		s.Hash = hash
		r := message{method: "POST", url: "https://api.example.com/", body: "what do ya want for nothing?"}.
			signed(t, newSigner(t, s), connectors.Values{"account.key": "Jefe"})
		if got := r.Header.Get("X-Signature"); got != want {
			t.Errorf("%s: got %s, want %s", hash, got, want)
		}
	}
}

// RFC 8032 section 7.1, test 2, with its key in every form that people have it in.
func TestEd25519Example(t *testing.T) {
	const seed, public = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb", "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
	const want = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
	raw, err := hex.DecodeString(seed + public)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]string{
		"hex of the seed":  seed,
		"hex of both":      strings.ToUpper(seed + public),
		"base64":           base64.StdEncoding.EncodeToString(raw[:32]),
		"base64 of both":   base64.StdEncoding.EncodeToString(raw),
		"base64url, plain": base64.RawURLEncoding.EncodeToString(raw[:32]) + "\n",
		"PEM":              encoded(t, ed25519.NewKeyFromSeed(raw[:32]), "pkcs8"),
	} {
		s := hmacSigner(t, "body")
		s.Kind = connectors.SignerEd25519
		r := message{method: "POST", url: "https://api.example.com/", body: "r"}.signed(t, newSigner(t, s), connectors.Values{"account.key": key})
		if got := r.Header.Get("X-Signature"); got != want {
			t.Errorf("%s: got %s", name, got)
		}
	}
}

// every signs all that can be signed.
var every = []string{"method", "host", "path", "query", "path_and_query", "url", "body", "body_sha256", "timestamp", "nonce", "key_id"}

func TestParts(t *testing.T) {
	m := message{method: "PATCH", url: "https://api.example.com:8443/a%2Fb/c?q=1+2&q=%7E", body: `{"a":1}`}
	// text is what has to be signed of a request.
	text := func(r *http.Request, body string) string {
		sum := sha256.Sum256([]byte(body))
		query := "?" + r.URL.RawQuery
		return strings.Join([]string{
			r.Method, r.Host, r.URL.EscapedPath(), r.URL.RawQuery, r.URL.EscapedPath() + query,
			"https://" + r.Host + r.URL.EscapedPath() + query, body, hex.EncodeToString(sum[:]),
			r.Header.Get("X-Time"), r.Header.Get("X-Nonce"), r.Header.Get("X-Id"),
		}, "|")
	}
	for _, kind := range []string{connectors.SignerHMAC, connectors.SignerEd25519} {
		t.Run(kind, func(t *testing.T) {
			s := connectors.Signer{
				Kind: kind, Key: template(t, "{account.key}"), KeyID: template(t, "{account.id}"), Parts: every, Separator: "|",
				Encoding: "base64url", Header: "authorization", Template: "Sig {key_id}:{signature}:{timestamp}:{nonce}",
				Timestamp: "X-Time", TimestampAs: "unix_ms", Nonce: "x-nonce",
			}
			key := "canary-key"
			if kind == connectors.SignerEd25519 {
				key = encoded(t, keys()["ed25519"], "pkcs8")
			} else {
				s.Hash = "sha512"
			}
			// good is a provider that checks a signature.
			good := func(r *http.Request, body string) bool {
				f := strings.Split(strings.TrimPrefix(r.Header.Get("Authorization"), "Sig "), ":")
				if len(f) != 4 || f[0] != "id-1" || f[2] != r.Header.Get("X-Time") || f[3] != r.Header.Get("X-Nonce") {
					t.Fatalf("got %v", r.Header)
				}
				r.Header.Set("X-Id", f[0])
				signature := rawURL(t, f[1])
				if kind == connectors.SignerEd25519 {
					return ed25519.Verify(keys()["ed25519"].Public().(ed25519.PublicKey), []byte(text(r, body)), signature)
				}
				mac := hmac.New(sha512.New, []byte(key))
				mac.Write([]byte(text(r, body)))
				return hmac.Equal(mac.Sum(nil), signature)
			}
			signer := newSigner(t, s)
			signed := func() *http.Request {
				return m.signed(t, signer, connectors.Values{"account.key": key, "account.id": "id-1"})
			}
			r := signed()
			if !good(r, m.body) || r.Header.Get("X-Time") != "1772604367089" || len(r.Header.Get("X-Nonce")) < 20 {
				t.Errorf("got %v", r.Header)
			}
			if r.Header.Get("X-Nonce") == signed().Header.Get("X-Nonce") {
				t.Error("a nonce comes twice")
			}
			for name, change := range map[string]func(r *http.Request) string{
				"method": func(r *http.Request) string { r.Method = "PUT"; return m.body },
				"host":   func(r *http.Request) string { r.Host = "bpi.example.com"; return m.body },
				"path":   func(r *http.Request) string { r.URL.RawPath = ""; return m.body },
				"query":  func(r *http.Request) string { r.URL.RawQuery = "q=1%202&q=%7E"; return m.body },
				"body":   func(*http.Request) string { return `{"a":2}` },
			} {
				r := signed()
				if body := change(r); good(r, body) {
					t.Errorf("a change of the %s goes unseen", name)
				}
			}
		})
	}
}

// Each part alone: what it is, of a request with the least in it.
func TestPart(t *testing.T) {
	sum := sha256.Sum256(nil)
	for part, want := range map[string]string{
		"method": "GET", "host": "api.example.com", "path": "/", "query": "", "path_and_query": "/", "url": "https://api.example.com/",
		"body": "", "body_sha256": hex.EncodeToString(sum[:]),
	} {
		r := message{url: "https://api.example.com"}.request(t)
		r.Method, r.Host = "", ""
		if err := newSigner(t, hmacSigner(t, part)).Sign(r, connectors.Values{"account.key": "k"}, nil, now); err != nil {
			t.Fatal(err)
		}
		mac := hmac.New(sha256.New, []byte("k"))
		mac.Write([]byte(want))
		if r.Header.Get("X-Signature") != hex.EncodeToString(mac.Sum(nil)) {
			t.Errorf("%s is not %q", part, want)
		}
	}
}

func TestPartsDefaults(t *testing.T) {
	s := hmacSigner(t, "method", "timestamp")
	s.Timestamp, s.Encoding = "X-Time", "base64"
	for key := byte('a'); key < 'k'; key++ { // so that all of the alphabet is there
		r := message{method: "GET", url: "https://api.example.com/"}.signed(t, newSigner(t, s), connectors.Values{"account.key": string(key)})
		mac := hmac.New(sha256.New, []byte{key})
		mac.Write([]byte("GET\n1772604367"))
		want := http.Header{"X-Time": {"1772604367"}, "X-Signature": {base64.StdEncoding.EncodeToString(mac.Sum(nil))}}
		if diff := cmp.Diff(want, r.Header); diff != "" {
			t.Errorf("headers (-want +got):\n%s", diff)
		}
	}
}

func TestPartsRefuse(t *testing.T) {
	ed := hmacSigner(t, "method")
	ed.Kind = connectors.SignerEd25519
	id := hmacSigner(t, "method", "key_id")
	id.KeyID = template(t, "{account.id}")
	body, digest := hmacSigner(t, "body"), hmacSigner(t, "body_sha256")
	mismatched := strings.Repeat("ab", 64)
	for _, test := range []struct {
		name   string
		s      connectors.Signer
		values connectors.Values
		body   string
		want   error
		text   string
	}{
		{name: "no key", s: body, text: "signing the request: key: no value for {account.key}"},
		{name: "no key ID", s: id, values: connectors.Values{"account.key": "canary-key"}, text: "signing the request: key_id: no value for {account.id}"},
		{name: "body", s: body, values: connectors.Values{"account.key": "canary-key"}, body: "x", want: sign.ErrBody},
		{name: "hash of the body", s: digest, values: connectors.Values{"account.key": "canary-key"}, body: "x", want: sign.ErrBody},
		{
			name: "no such Ed25519 key", s: ed, values: connectors.Values{"account.key": "canary-key"},
			text: "signing the request: key: is not an Ed25519 private key: PEM, or its 32 or 64 bytes as hex or base64",
		},
		{
			name: "another public key", s: ed, values: connectors.Values{"account.key": mismatched},
			text: "signing the request: key: is not an Ed25519 private key: PEM, or its 32 or 64 bytes as hex or base64",
		},
		{
			name: "RSA key", s: ed, values: connectors.Values{"account.key": encoded(t, keys()["rsa"], "pkcs8")},
			text: "signing the request: key: is not an Ed25519 private key: PEM, or its 32 or 64 bytes as hex or base64",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := message{method: "POST", url: "https://api.example.com/", body: test.body}.request(t)
			err := newSigner(t, test.s).Sign(r, test.values, nil, now)
			if err == nil || test.want != nil && !errors.Is(err, test.want) || test.text != "" && err.Error() != test.text {
				t.Fatalf("got %v, want %v%s", err, test.want, test.text)
			}
			if len(r.Header) != 0 || shows(err.Error(), test.values["account.key"]) {
				t.Errorf("got %v and %v", r.Header, err)
			}
		})
	}
}
