package sign_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/sign"
)

// FuzzKey: whatever is given as a key makes a token that verifies, or an error that shows none of it.
func FuzzKey(f *testing.F) {
	for name, forms := range map[string][]string{"rsa": {"pkcs1", "pkcs8"}, "p256": {"sec1", "pkcs8"}, "p384": {"sec1"}, "ed25519": {"pkcs8"}} {
		for _, form := range forms {
			text := encoded(f, keys()[name], form)
			f.Add(text, uint8(len(name)))
			f.Add(strings.ReplaceAll(text, "\n", `\n`), uint8(5))
			f.Add(text[:len(text)/2]+text[len(text)/2+2:], uint8(0))
		}
	}
	f.Add(rfcSecret, uint8(7))
	f.Add("00ff00ff", uint8(8))
	f.Add("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----", uint8(4))
	algs := []struct{ alg, encoding string }{
		{"RS256", ""}, {"RS512", ""}, {"PS256", ""}, {"ES256", ""}, {"ES384", ""}, {"EdDSA", ""}, {"HS256", ""}, {"HS384", "base64"}, {"HS512", "hex"},
	}
	// about are all the errors about a key.
	about := []string{
		"key: no value for {account.key}", "key: is empty", "key: is no PEM: it must begin with -----BEGIN", "key: is PEM without a private key",
		"key: is protected by a passphrase, which must be taken off first", "key: is in the form of OpenSSH and must be converted to PKCS #8",
		"key: is PEM whose private key cannot be read", "key: is a private key of a kind that cannot sign",
		"key: is not an Ed25519 private key: PEM, or its 32 or 64 bytes as hex or base64", "key: is not hex", "key: is not base64",
		"key: EdDSA needs an Ed25519 key", "key: ES256 needs a key on the curve P-256", "key: ES384 needs a key on the curve P-384",
	}
	for _, alg := range []string{"RS256", "RS512", "PS256"} {
		about = append(about, "key: "+alg+" needs an RSA key", "key: cannot sign with "+alg)
	}
	signer := newSigner(f, connectors.Signer{
		Kind: connectors.SignerEd25519, Key: template(f, "{account.key}"), Parts: []string{"method"}, Header: "X-Signature",
	})
	f.Fuzz(func(t *testing.T, key string, choice uint8) {
		a := algs[int(choice)%len(algs)]
		values := connectors.Values{"account.key": key}
		token, err := sign.JWT(&connectors.JWT{Alg: a.alg, Key: template(t, "{account.key}"), KeyEncoding: a.encoding}, values, now)
		if (err == nil) != (strings.Count(token, ".") == 2) {
			t.Fatalf("got %q and %v", token, err)
		}
		r := message{method: "GET", url: "https://example.com/"}.request(t)
		err2 := signer.Sign(r, values, nil, now)
		if (err2 == nil) != (len(r.Header.Get("X-Signature")) == 128) {
			t.Fatalf("got %v and %v", r.Header, err2)
		}
		for _, err := range []error{err, err2} {
			if err != nil && !slices.Contains(about, strings.TrimPrefix(err.Error(), "signing the request: ")) {
				t.Fatalf("the error is none of those that show nothing: %v", err)
			}
		}
	})
}
