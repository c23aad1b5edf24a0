package oauth_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"encoding/xml"
	"math/big"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
)

// issuer is a key with its certificate, in PEM.
func issuer(t *testing.T, ends time.Time) (key, cert string) {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "issuer"}, NotBefore: now.Add(-time.Hour), NotAfter: ends}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	encode := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return encode("PRIVATE KEY", pkcs8), encode("CERTIFICATE", der)
}

const samlYAML = `mode: saml_bearer
app: [{name: key, secret: true}, {name: cert, secret: true}]
account: [{name: user, pattern: .+}]
authorize: {scope: {none: true}}
saml: {key: '{app.key}', cert: '{app.cert}', issuer: me, subject: '{account.user}', audience: them, attributes: {api_key: '{client_id}'}}
token: {url: BASE/token, client_auth: none, params: {company_id: acme}}
`

// A SAML assertion is exchanged, a new one for each token.
func TestSAMLBearer(t *testing.T) {
	key, cert := issuer(t, now.Add(time.Hour))
	base, requests := record(t, ok(`{"access_token":"a","expires_in":60}`))
	app := declared(t, base, samlYAML, "app.key", key, "app.cert", cert, "account.user", "ada")
	client := newClient(oauth.Options{})
	ids := map[string]bool{}
	for _, get := range []func() (oauth.Token, error){
		func() (oauth.Token, error) { return client.Obtain(t.Context(), app, vault.Grant{}) },
		func() (oauth.Token, error) { return client.Refresh(t.Context(), app, grant) },
	} {
		token, err := get()
		if err != nil {
			t.Fatal(err)
		}
		sameToken(t, token, oauth.Token{Access: vault.NewSecret("a"), Expires: now.Add(time.Minute), ExpiresFrom: oauth.ExpiresFromAnswer})
		_, body, _ := strings.Cut(wire(t, <-requests), "POST /token\n\n")
		fields, err := url.ParseQuery(body)
		if err != nil {
			t.Fatal(err)
		}
		assertion := fields.Get("assertion")
		fields.Del("assertion")
		want := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:saml2-bearer"}, "client_id": {"id"}, "company_id": {"acme"}}
		if diff := cmp.Diff(want, fields); diff != "" {
			t.Errorf("fields (-want +got):\n%s", diff)
		}
		text, err := base64.RawURLEncoding.DecodeString(assertion)
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			ID      string `xml:",attr"`
			Subject struct {
				NameID string
				Data   struct {
					Recipient string `xml:",attr"`
				} `xml:"SubjectConfirmation>SubjectConfirmationData"`
			}
			Attribute string `xml:"AttributeStatement>Attribute>AttributeValue"`
		}
		if err := xml.Unmarshal(text, &got); err != nil {
			t.Fatal(err)
		}
		if got.Subject.NameID != "ada" || got.Subject.Data.Recipient != base+"/token" || got.Attribute != "id" || ids[got.ID] {
			t.Errorf("got %+v after %v", got, ids)
		}
		ids[got.ID] = true
	}
}

// What is wrong is said before anything is sent.
func TestSAMLBearerUnusable(t *testing.T) {
	key, cert := issuer(t, now.Add(time.Hour))
	other, ended := issuer(t, now.Add(-time.Second))
	for _, test := range []struct {
		name, key, cert, user, code string
	}{
		{"key of another certificate", other, cert, "ada", oauth.CodeBadKey},
		{"certificate that has ended", other, ended, "ada", oauth.CodeBadKey},
		{"no key", "", cert, "ada", oauth.CodeBadKey},
		{"control character", key, cert, "a\x00da", oauth.CodeNoValue},
		{"no user", key, cert, "", oauth.CodeNoValue},
	} {
		t.Run(test.name, func(t *testing.T) {
			base, requests := record(t, ok(`{"access_token":"a"}`))
			app := declared(t, base, samlYAML)
			app.Values = connectors.Values{"app.key": test.key, "app.cert": test.cert, "account.user": test.user}
			token, err := newClient(oauth.Options{}).Obtain(t.Context(), app, vault.Grant{})
			if own := wantError(t, token, err, oauth.ClassOperator, test.code); !own.Unsent || len(requests) != 0 {
				t.Errorf("got %+v and %d requests", own, len(requests))
			}
		})
	}
}
