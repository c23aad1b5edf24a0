package sign_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"hash"
	"strings"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/sign"
)

// The key and the token of RFC 7515 appendix A.1.
const (
	rfcSecret = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"
	rfcToken  = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
)

// read verifies a token and returns its payload, or false.
func read(token, alg string, key any) ([]byte, bool) {
	parsed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(alg)})
	if err != nil {
		return nil, false
	}
	payload, err := parsed.Verify(key)
	return payload, err == nil
}

func decoded(t *testing.T, payload []byte) map[string]any {
	t.Helper()
	var object map[string]any
	if err := json.Unmarshal(payload, &object); err != nil {
		t.Fatal(err)
	}
	return object
}

func rawURL(t testing.TB, text string) []byte {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestJWT(t *testing.T) {
	shared := rawURL(t, rfcSecret)
	if _, ok := read(rfcToken, "HS256", shared); !ok {
		t.Fatal("the token of RFC 7515 is not good")
	}
	for _, test := range []struct {
		name, alg, key, form, encoding string
	}{
		{"RSA PKCS #1", "RS256", "rsa", "pkcs1", ""},
		{"RSA PKCS #8", "RS384", "rsa", "pkcs8", ""},
		{"RSA SHA-512", "RS512", "rsa", "pkcs8", ""},
		{"RSA PSS", "PS256", "rsa", "pkcs8", ""},
		{"P-256 SEC 1", "ES256", "p256", "sec1", ""},
		{"P-256 PKCS #8", "ES256", "p256", "pkcs8", ""},
		{"P-384", "ES384", "p384", "sec1", ""},
		{"Ed25519", "EdDSA", "ed25519", "pkcs8", ""},
		{"text", "HS256", "", string(shared), ""},
		{"hex", "HS384", "", hex.EncodeToString(shared), "hex"},
		{"base64url", "HS256", "", rfcSecret, "base64"},
		{"base64", "HS512", "", base64.StdEncoding.EncodeToString(shared) + "\n", "base64"},
	} {
		t.Run(test.name, func(t *testing.T) {
			text, public := test.form, any(shared)
			if test.key != "" {
				text = encoded(t, keys()[test.key], test.form)
				public = keys()[test.key].Public()
			}
			token, err := sign.JWT(&connectors.JWT{
				Alg: test.alg, Key: template(t, "{app.key}"), KeyEncoding: test.encoding,
				Header: map[string]connectors.Template{"kid": template(t, "{app.kid}"), "x5t#S256": template(t, "thumb"), "ppid": template(t, "{app.absent}")},
				Claims: map[string]connectors.Template{
					"iss": template(t, "{client_id}"), "aud": template(t, "https://{account.host}/"), "scope": template(t, "a b"),
					"sub": template(t, "x-{account.absent}"), "box_sub_type": template(t, "user"),
				},
				JTI: true,
			}, connectors.Values{"app.key": text, "app.kid": "k-1", "client_id": "me", "account.host": "example.com"}, now)
			if err != nil {
				t.Fatal(err)
			}
			payload, ok := read(token, test.alg, public)
			if !ok {
				t.Fatalf("%s does not verify", token)
			}
			claims := decoded(t, payload)
			if jti, _ := claims["jti"].(string); len(jti) < 20 {
				t.Errorf("got jti %q", jti)
			}
			delete(claims, "jti")
			want := map[string]any{
				"iss": "me", "aud": "https://example.com/", "scope": "a b", "box_sub_type": "user",
				"iat": float64(now.Unix()), "exp": float64(now.Unix() + 300),
			}
			if diff := cmp.Diff(want, claims); diff != "" {
				t.Errorf("claims (-want +got):\n%s", diff)
			}
			header, _, _ := strings.Cut(token, ".")
			want = map[string]any{"alg": test.alg, "typ": "JWT", "kid": "k-1", "x5t#S256": "thumb"}
			if diff := cmp.Diff(want, decoded(t, rawURL(t, header))); diff != "" {
				t.Errorf("header (-want +got):\n%s", diff)
			}
			tamper(t, token, test.alg, public)
		})
	}
}

// tamper changes one character of each part. The last character of a part may hold unused bits.
func tamper(t *testing.T, token, alg string, key any) {
	t.Helper()
	for i, at := range []int{3, strings.IndexByte(token, '.') + 5, strings.LastIndexByte(token, '.') + 5} {
		changed := []byte(token)
		changed[at] ^= 1
		if _, ok := read(string(changed), alg, key); ok {
			t.Errorf("a change in part %d goes unseen", i+1)
		}
	}
}

func TestJWTLife(t *testing.T) {
	j := &connectors.JWT{
		Alg: "HS256", Key: template(t, "secret"), Lifetime: connectors.Duration(20 * time.Minute), NBF: true,
		Claims: map[string]connectors.Template{"at": template(t, `{now("rfc3339")}`)},
	}
	token, err := sign.JWT(j, nil, now)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(token, ".")
	want := map[string]any{"iat": float64(now.Unix()), "nbf": float64(now.Unix()), "exp": float64(now.Unix() + 1200), "at": "2026-03-04T06:06:07Z"}
	if diff := cmp.Diff(want, decoded(t, rawURL(t, parts[1]))); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
}

// A secret may be shorter than RFC 7518 wants it, or longer than the hash: the signature is HMAC's all the same.
func TestJWTSecretLength(t *testing.T) {
	for _, n := range []int{1, 16, 31, 32, 63, 64, 65, 127, 128, 129, 200} {
		key := strings.Repeat("k", n)
		for alg, h := range map[string]func() hash.Hash{"HS256": sha256.New, "HS384": sha512.New384, "HS512": sha512.New} {
			token, err := sign.JWT(&connectors.JWT{Alg: alg, Key: template(t, "{app.key}")}, connectors.Values{"app.key": key}, now)
			if err != nil {
				t.Fatalf("%s with %d bytes: %v", alg, n, err)
			}
			at := strings.LastIndexByte(token, '.')
			mac := hmac.New(h, []byte(key))
			mac.Write([]byte(token[:at]))
			if !hmac.Equal(mac.Sum(nil), rawURL(t, token[at+1:])) {
				t.Errorf("%s with %d bytes has another signature", alg, n)
			}
		}
	}
}

func TestJWTRefuses(t *testing.T) {
	rsaKey, ecKey := encoded(t, keys()["rsa"], "pkcs8"), encoded(t, keys()["p256"], "pkcs8")
	claim := func(text string) map[string]connectors.Template {
		return map[string]connectors.Template{"sub": template(t, text)}
	}
	for _, test := range []struct {
		name, key, want string
		j               connectors.JWT
	}{
		{name: "no key", want: "key: no value for {account.key}", j: connectors.JWT{Alg: "RS256"}},
		{name: "no PEM", key: "c2VjcmV0LWNhbmFyeS0x", want: "key: is no PEM", j: connectors.JWT{Alg: "RS256"}},
		{name: "EC key for RSA", key: ecKey, want: "key: PS256 needs an RSA key", j: connectors.JWT{Alg: "PS256"}},
		{name: "RSA key for EC", key: rsaKey, want: "key: ES256 needs a key on the curve P-256", j: connectors.JWT{Alg: "ES256"}},
		{name: "other curve", key: ecKey, want: "key: ES384 needs a key on the curve P-384", j: connectors.JWT{Alg: "ES384"}},
		{name: "RSA key for EdDSA", key: rsaKey, want: "key: EdDSA needs an Ed25519 key", j: connectors.JWT{Alg: "EdDSA"}},
		{name: "no such algorithm", key: rsaKey, want: "alg: is unknown", j: connectors.JWT{Alg: "none"}},
		{name: "no such HMAC", key: "secret-canary", want: "key: cannot sign with HS1", j: connectors.JWT{Alg: "HS1"}},
		{name: "not hex", key: "zecret-canary", want: "key: is not hex", j: connectors.JWT{Alg: "HS256", KeyEncoding: "hex"}},
		{name: "not base64", key: "secret canary!", want: "key: is not base64", j: connectors.JWT{Alg: "HS256", KeyEncoding: "base64"}},
		{name: "empty secret", key: "====", want: "key: is empty", j: connectors.JWT{Alg: "HS256", KeyEncoding: "base64"}},
		{name: "claim", key: "secret-canary", want: "claim sub: no value for {captured.id}", j: connectors.JWT{Alg: "HS256", Claims: claim("{captured.id}")}},
		{name: "header", key: "secret-canary", want: "header sub: no value for {client_id}", j: connectors.JWT{Alg: "HS256", Header: claim("{client_id}")}},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.j.Key = template(t, "{account.key}")
			token, err := sign.JWT(&test.j, connectors.Values{"account.key": test.key}, now)
			if err == nil || token != "" || !strings.HasPrefix(err.Error(), test.want) {
				t.Fatalf("got %q and %v, want %q alone", token, err, test.want)
			}
			if shows(err.Error(), test.key) {
				t.Errorf("the error shows the key: %v", err)
			}
		})
	}
}

// shows tells whether text has eight characters of a key in a row, other than of PEM's own lines.
func shows(text, key string) bool {
	for _, line := range strings.Split(key, "\n") {
		if strings.HasPrefix(line, "-----") {
			continue
		}
		for i := 0; i+8 <= len(line); i++ {
			if strings.Contains(text, line[i:i+8]) {
				return true
			}
		}
	}
	return false
}
