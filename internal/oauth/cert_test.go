package oauth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
)

// certificate makes a certificate that signs itself, with its key.
func certificate(t testing.TB) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "acme"}, NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}))
}

// ADP: the client presents a certificate at every endpoint, and the provider's is verified all the same.
func TestClientCertificate(t *testing.T) {
	cert, key := certificate(t)
	var names []string
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !r.Close {
			t.Error("the connection is kept, although nobody can use it again")
		}
		for _, c := range r.TLS.PeerCertificates {
			names = append(names, r.URL.Path+" "+c.Subject.CommonName)
		}
		_, _ = io.WriteString(w, `{"access_token":"a"}`)
	}))
	server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	server.Config.ErrorLog = discardLog()
	server.StartTLS()
	t.Cleanup(server.Close)
	trusting := server.Client().Transport.(*http.Transport)
	yaml := "mode: client_credentials\napp: [{name: cert, secret: true, multiline: true}, {name: key, secret: true, multiline: true}]\n" +
		"client_cert: {cert: '{app.cert}', key: '{app.key}'}\ntoken: {url: BASE/token, client_auth: none}\nsteps: [{request: {url: BASE/step}}]\nrevoke: {url: BASE/revoke}\n"
	app := declared(t, server.URL, yaml, "app.cert", cert, "app.key", key)

	client := newClient(oauth.Options{Transport: trusting})
	if _, err := client.Obtain(t.Context(), app, vault.Grant{}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Revoke(t.Context(), app, grant); err != nil {
		t.Fatal(err)
	}
	if want := []string{"/token acme", "/step acme", "/revoke acme"}; !slices.Equal(names, want) {
		t.Errorf("got %q, want %q", names, want)
	}
	if c := trusting.TLSClientConfig; len(c.Certificates) != 0 || c.GetClientCertificate != nil {
		t.Error("the certificate stays for other connectors")
	}
	token, err := newClient(oauth.Options{}).Obtain(t.Context(), app, vault.Grant{})
	wantError(t, token, err, oauth.ClassTransient, oauth.CodeTLS)

	token, err = newClient(oauth.Options{Transport: &http.Transport{}}).Obtain(t.Context(), app, vault.Grant{})
	wantError(t, token, err, oauth.ClassTransient, oauth.CodeTLS)

	broken := declared(t, server.URL, yaml, "app.cert", cert, "app.key", apiKey)
	token, err = client.Obtain(t.Context(), broken, vault.Grant{})
	wantError(t, token, err, oauth.ClassOperator, oauth.CodeBadKey)
	token, err = newClient(oauth.Options{Transport: &canned{200, "{}"}}).Obtain(t.Context(), app, vault.Grant{})
	wantError(t, token, err, oauth.ClassOperator, oauth.CodeBadKey)
	for _, name := range []string{"app.cert", "app.key"} {
		lacking := declared(t, server.URL, yaml, "app.cert", cert, "app.key", key)
		delete(lacking.Values, name)
		token, err = client.Obtain(t.Context(), lacking, vault.Grant{})
		wantError(t, token, err, oauth.ClassOperator, oauth.CodeNoValue)
	}
}
