package connection_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

const (
	samlSigned = `schema: 1
name: signed
title: Signed
app: [{name: key, secret: true, multiline: true}, {name: cert, secret: true, multiline: true}, {name: note, pattern: .*, optional: true}]
mode: saml_bearer
saml: {key: "{app.key}", cert: "{app.cert}", issuer: me, subject: you, audience: them}
token: {url: "https://example.com/token", client_auth: none, omit: [client_id]}
api: {base_url: "https://example.com"}
`
	jwtSigned = `schema: 1
name: signed
title: Signed
app: [{name: key, secret: true, multiline: true}]
mode: client_credentials
token: {url: "https://example.com/token", client_auth: private_key_jwt, client_assertion: {alg: RS256, key: "{app.key}"}}
api: {base_url: "https://example.com"}
`
)

// signingKey is a key in PEM, and its certificate that ends then.
func signingKey(t *testing.T, key crypto.Signer, ends time.Time) (private, cert string) {
	t.Helper()
	encode := func(kind string, der []byte, err error) string {
		if err != nil {
			t.Fatal(err)
		}
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "me"}, NotBefore: ends.Add(-48 * time.Hour), NotAfter: ends}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	cert = encode("CERTIFICATE", der, err)
	der, err = x509.MarshalPKCS8PrivateKey(key)
	return encode("PRIVATE KEY", der, err), cert
}

func newKeys(t *testing.T) (r *rsa.PrivateKey, ec *ecdsa.PrivateKey) {
	t.Helper()
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	if ec, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	return r, ec
}

func signing(name string, secrets ...string) vault.Connection {
	c := vault.Connection{Name: name, Connector: "signed", ClientID: "id", SecretParams: vault.Secrets{}}
	for i := 0; i < len(secrets); i += 2 {
		c.SecretParams[secrets[i]] = vault.NewSecret(secrets[i+1])
	}
	return c
}

// wantUnusable wants an error that says what is wrong, and shows no line of a key.
func wantUnusable(t *testing.T, err error, want string, secrets ...string) {
	t.Helper()
	wantCode(t, err, connection.CodeInvalidConnection)
	if !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
	for _, s := range secrets {
		for line := range strings.Lines(s) {
			if !strings.HasPrefix(line, "-----") && strings.Contains(err.Error(), strings.TrimSpace(line)) {
				t.Errorf("the error shows what was given: %v", err)
			}
		}
	}
}

// What an operator gives to sign with is looked at when it is given, and not by the first user.
func TestKeysAreChecked(t *testing.T) {
	r, ec := newKeys(t)
	soon := time.Now().Add(time.Hour)
	key, cert := signingKey(t, r, soon)
	ecKey, ecCert := signingKey(t, ec, soon)
	_, ended := signingKey(t, r, time.Now().Add(-time.Minute))
	_, later := signingKey(t, r, time.Now().Add(49*time.Hour))
	for _, tt := range []struct{ name, file, key, cert, want string }{
		{"EC key", samlSigned, ecKey, ecCert, "connection new: saml.key: is not an RSA private key; correct key and cert"},
		{"another certificate", samlSigned, key, ecCert, "connection new: saml.cert: is the certificate of another key; correct key and cert"},
		{"ended", samlSigned, key, ended, "connection new: saml.cert: has ended at 20"},
		{"not yet", samlSigned, key, later, "connection new: saml.cert: is not valid before 20"},
		{"swapped", samlSigned, cert, key, "connection new: saml.key: is PEM without a private key"},
		{"no certificate", samlSigned, key, "canary-secret", "connection new: saml.cert: is no PEM"},
		{"good", samlSigned, key, cert, ""},
		{"EC key for RS256", jwtSigned, ecKey, "", "connection new: token.client_assertion.key: RS256 needs an RSA key; correct key"},
		{"good for a JWT", jwtSigned, key, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := vaulttest.New(t)
			set, err := connection.NewSet(t.Context(), v, (*connectors.Catalog)(nil).With(decoded(t, tt.file)), nil)
			if err != nil {
				t.Fatal(err)
			}
			secrets := []string{"key", tt.key}
			if tt.cert != "" {
				secrets = append(secrets, "cert", tt.cert)
			}
			if _, err = set.Add(t.Context(), signing("new", secrets...)); tt.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantUnusable(t, err, tt.want, tt.key, tt.cert)
			if _, err := v.FindConnection(t.Context(), vault.DefaultProject, "new"); err == nil {
				t.Error("it was stored")
			}
		})
	}
}

// A connection whose certificate has ended since can be changed in other ways, and gets a new one.
func TestKeysOfAChange(t *testing.T) {
	r, ec := newKeys(t)
	key, ended := signingKey(t, r, time.Now().Add(-time.Minute))
	_, cert := signingKey(t, r, time.Now().Add(time.Hour))
	_, others := signingKey(t, ec, time.Now().Add(time.Hour))
	v := vaulttest.New(t)
	old := signing("old", "key", key, "cert", ended)
	old.Origin, old.Project = vault.OriginAPI, vault.DefaultProject
	if err := v.PutConnection(t.Context(), &old); err != nil {
		t.Fatal(err)
	}
	set, err := connection.NewSet(t.Context(), v, (*connectors.Catalog)(nil).With(decoded(t, samlSigned)), []vault.Connection{signing("written", "key", key, "cert", ended)})
	if err != nil {
		t.Fatalf("a certificate that ends must not keep the server from starting: %v", err)
	}
	for _, name := range []string{"old", "written"} {
		if _, err := set.ByName(name); err != nil {
			t.Errorf("connection %s cannot be used: %v", name, err)
		}
	}
	change := func(to func(*vault.Connection)) error {
		_, err := set.Change(t.Context(), "old", func(c *vault.Connection) error { to(c); return nil })
		return err
	}
	if err := change(func(c *vault.Connection) { c.Scopes = []string{"read"} }); err != nil {
		t.Errorf("a change of something else: %v", err)
	}
	wantUnusable(t, change(func(c *vault.Connection) { c.SecretParams["cert"] = vault.NewSecret(others) }), "saml.cert: is the certificate of another key", others)
	if err := change(func(c *vault.Connection) { c.SecretParams["cert"] = vault.NewSecret(cert) }); err != nil {
		t.Error(err)
	}
}

// A default app is looked at as far as it has what is signed with.
func TestKeysOfAnApp(t *testing.T) {
	r, ec := newKeys(t)
	key, _ := signingKey(t, r, time.Now().Add(time.Hour))
	ecKey, _ := signingKey(t, ec, time.Now().Add(time.Hour))
	set, err := connection.NewSet(t.Context(), vaulttest.New(t), (*connectors.Catalog)(nil).With(decoded(t, jwtSigned)), nil)
	if err != nil {
		t.Fatal(err)
	}
	app := func(key string) vault.App {
		return vault.App{Connector: "signed", Client: vault.OAuthClient{ID: "id"}, SecretParams: vault.NewSecrets(map[string]string{"key": key})}
	}
	_, err = set.AddApp(t.Context(), app(ecKey))
	wantCode(t, err, connection.CodeInvalidApp)
	if want := "app for signed: token.client_assertion.key: RS256 needs an RSA key; correct key"; err.Error() != want {
		t.Errorf("got %v, want %q", err, want)
	}
	if _, err := set.AddApp(t.Context(), vault.App{Connector: "signed", Client: vault.OAuthClient{ID: "id"}}); err != nil {
		t.Errorf("one without a key, which may come with each connection: %v", err)
	}
	change := func(to vault.App) error {
		_, err := set.ChangeApp(t.Context(), "signed", "", func(a *vault.App) error { a.SecretParams = to.SecretParams; return nil })
		return err
	}
	wantCode(t, change(app(ecKey)), connection.CodeInvalidApp)
	if err := change(app(key)); err != nil {
		t.Error(err)
	}
}
