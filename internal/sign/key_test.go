package sign_test

import (
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/sign"
)

// The key of a Google service account is a member of a JSON file, from which it may be pasted as it stands.
func TestKeyForms(t *testing.T) {
	key := keys()["p256"]
	sec1, pkcs8 := encoded(t, key, "sec1"), encoded(t, key, "pkcs8")
	parameters := "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
	for name, text := range map[string]string{
		"as it is":            pkcs8,
		"line breaks of JSON": strings.ReplaceAll(pkcs8, "\n", `\n`),
		"of Windows":          strings.ReplaceAll(pkcs8, "\n", "\r\n"),
		"of Windows in JSON":  strings.ReplaceAll(pkcs8, "\n", `\r\n`),
		"space around":        "\n  " + pkcs8 + " \n",
		"no break at the end": strings.TrimSpace(sec1),
		"after parameters":    parameters + sec1,
		"before a text":       sec1 + "bag attributes\n",
	} {
		t.Run(name, func(t *testing.T) {
			token, err := sign.JWT(&connectors.JWT{Alg: "ES256", Key: template(t, "{app.key}")}, connectors.Values{"app.key": text}, now)
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := read(token, "ES256", key.Public()); !ok {
				t.Error("the token does not verify")
			}
		})
	}
}

func TestKeyRefused(t *testing.T) {
	sec1 := encoded(t, keys()["p256"], "sec1")
	retitled := func(kind string) string { return strings.ReplaceAll(sec1, "EC PRIVATE KEY", kind) }
	for _, test := range []struct{ name, key, want string }{
		{"certificate alone", retitled("CERTIFICATE"), "is PEM without a private key"},
		{"public key", retitled("PUBLIC KEY"), "is PEM without a private key"},
		{"passphrase", retitled("ENCRYPTED PRIVATE KEY"), "is protected by a passphrase"},
		{
			"old passphrase", strings.Replace(sec1, "-----\n", "-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n", 1),
			"is protected by a passphrase",
		},
		{"OpenSSH", retitled("OPENSSH PRIVATE KEY"), "is in the form of OpenSSH"},
		{"wrong title", retitled("RSA PRIVATE KEY"), "is PEM whose private key cannot be read"},
		{"cut", sec1[:len(sec1)/2], "is no PEM"},
		{"X25519", encoded(t, x25519(t), "pkcs8"), "is a private key of a kind that cannot sign"},
	} {
		t.Run(test.name, func(t *testing.T) {
			token, err := sign.JWT(&connectors.JWT{Alg: "ES256", Key: template(t, "{app.key}")}, connectors.Values{"app.key": test.key}, now)
			if err == nil || token != "" || !strings.HasPrefix(err.Error(), "key: "+test.want) {
				t.Fatalf("got %q and %v, want %q alone", token, err, test.want)
			}
			if shows(err.Error(), test.key) {
				t.Errorf("the error shows the key: %v", err)
			}
		})
	}
}
