package sign_test

import (
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"regexp"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/connectors"
)

var usernameToken = regexp.MustCompile(`^UsernameToken Username="([^"]+)", PasswordDigest="([^"]+)", Nonce="([^"]+)", Created="([^"]+)"$`)

func wsse(t testing.TB, encoding string) connectors.Signer {
	return connectors.Signer{Kind: connectors.SignerWSSE, KeyID: template(t, "{account.user}"), Key: template(t, "{account.secret}"), Encoding: encoding}
}

func TestWSSE(t *testing.T) {
	values := connectors.Values{"account.user": "customer001", "account.secret": "canary-secret"}
	for encoding, digest := range map[string]func(nonce, created, secret string) string{
		// The digest as a provider after OASIS checks it.
		"": func(nonce, created, secret string) string {
			raw, err := base64.StdEncoding.DecodeString(nonce)
			if err != nil || len(raw) != 16 {
				t.Fatalf("nonce %s: %v", nonce, err)
			}
			sum := sha1.Sum([]byte(string(raw) + created + secret))
			return base64.StdEncoding.EncodeToString(sum[:])
		},
		// As Emarsys does.
		"hex": func(nonce, created, secret string) string {
			if raw, err := hex.DecodeString(nonce); err != nil || len(raw) != 16 {
				t.Fatalf("nonce %s: %v", nonce, err)
			}
			sum := sha1.Sum([]byte(nonce + created + secret))
			return base64.StdEncoding.EncodeToString([]byte(hex.EncodeToString(sum[:])))
		},
	} {
		t.Run(encoding, func(t *testing.T) {
			signer := newSigner(t, wsse(t, encoding))
			var nonces []string
			for range 2 {
				r := message{method: "GET", url: "https://api.example.com/"}.signed(t, signer, values)
				m := usernameToken.FindStringSubmatch(r.Header.Get("X-WSSE"))
				if m == nil || m[1] != "customer001" || m[4] != "2026-03-04T06:06:07Z" {
					t.Fatalf("got %v", r.Header)
				}
				nonces = append(nonces, m[3])
				for _, test := range []struct {
					created, secret string
					good            bool
				}{{m[4], "canary-secret", true}, {"2026-03-04T06:06:08Z", "canary-secret", false}, {m[4], "canary-secreu", false}} {
					if got := digest(m[3], test.created, test.secret) == m[2]; got != test.good {
						t.Errorf("%v: got %t", test, got)
					}
				}
			}
			if nonces[0] == nonces[1] {
				t.Error("a nonce comes twice")
			}
		})
	}
}

func TestWSSERefuses(t *testing.T) {
	for user, want := range map[string]string{
		"":        "signing the request: key_id: no value for {account.user}",
		`a", b="`: "signing the request: key_id: the value has characters that cannot be sent in a header",
		"a\nb":    "signing the request: header X-WSSE: the value has characters that cannot be sent in a header",
		"tökén":   "signing the request: header X-WSSE: the value has characters that cannot be sent in a header",
	} {
		r := message{method: "GET", url: "https://api.example.com/"}.request(t)
		err := newSigner(t, wsse(t, "")).Sign(r, connectors.Values{"account.user": user, "account.secret": "canary-secret"}, nil, now)
		if err == nil || err.Error() != want || len(r.Header) != 0 {
			t.Errorf("%q: got %v and %v, want %s", user, err, r.Header, want)
		}
	}
	r := message{method: "GET", url: "https://api.example.com/"}.request(t)
	err := newSigner(t, wsse(t, "")).Sign(r, connectors.Values{"account.user": "u"}, nil, now)
	if err == nil || !strings.HasSuffix(err.Error(), "key: no value for {account.secret}") {
		t.Errorf("got %v", err)
	}
}
