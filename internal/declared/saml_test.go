package declared_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/sign"
)

const samlStrict = `
schema: 1
name: strict
title: Strict
mode: saml_bearer
app: [{name: key, secret: true, multiline: true}, {name: cert, secret: true, multiline: true}]
authorize: {scope: {none: true}}
saml:
  key: "{app.key}"
  cert: "{app.cert}"
  issuer: me
  subject: ada
  audience: them
  attributes: {role: reader}
token: {url: https://login.strict.example.com/token, client_auth: none, client: {id: us}}
api: {base_url: https://api.strict.example.com}
`

// asserting is a provider for SAML assertions, and one who makes them by hand.
type asserting struct {
	*desk
	saml   *connectors.SAML
	values connectors.Values
}

func openSAML(t *testing.T) *asserting {
	t.Helper()
	c, err := connectors.Decode("strict.yaml", []byte(samlStrict))
	if err != nil {
		t.Fatal(err)
	}
	d := open(t, samlStrict)
	return &asserting{d, c.SAML, connectors.Values{"app.key": d.client.App["key"], "app.cert": d.client.App["cert"]}}
}

// made is a good assertion, but for its time.
func (a *asserting) made(at time.Time) string {
	a.Helper()
	text, err := sign.SAML(a.saml, "https://login.strict.example.com/token", a.values, at)
	if err != nil {
		a.Fatal(err)
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		a.Fatal(err)
	}
	return string(raw)
}

// shows sends an assertion. The result is empty if it is taken.
func (a *asserting) shows(assertion string) string {
	a.Helper()
	resp, text := a.says(message{method: "POST", url: "https://login.strict.example.com/token", form: url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:saml2-bearer"}, "client_id": {"us"}, "assertion": {base64.RawURLEncoding.EncodeToString([]byte(assertion))},
	}})
	if resp != nil && resp.StatusCode == 200 {
		return ""
	}
	return text
}

// signed signs an assertion anew, with a key and a certificate, and puts the signature in its place.
func signed(t *testing.T, assertion, key string, signer func(*dsig.SigningContext)) string {
	t.Helper()
	doc := etree.NewDocument()
	if err := doc.ReadFromString(assertion); err != nil {
		t.Fatal(err)
	}
	root := doc.Root()
	old := root.SelectElement("ds:Signature")
	at := old.Index()
	cert := old.FindElement(".//ds:X509Certificate").Text()
	root.RemoveChildAt(at)
	block, _ := pem.Decode([]byte(key))
	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	der, err := base64.StdEncoding.DecodeString(cert)
	if err != nil {
		t.Fatal(err)
	}
	c, err := dsig.NewSigningContext(private.(crypto.Signer), [][]byte{der})
	if err != nil {
		t.Fatal(err)
	}
	c.Prefix, c.Canonicalizer = "ds", dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("")
	signer(c)
	signature, err := c.ConstructSignature(root.Copy(), true)
	if err != nil {
		t.Fatal(err)
	}
	root.InsertChildAt(at, signature)
	text, err := doc.WriteToString()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// An assertion that is not as declared is refused, whoever has signed it.
func TestSAMLIsStrict(t *testing.T) {
	a := openSAML(t)
	same := func(*dsig.SigningContext) {}
	first := a.made(time.Now())
	if why := a.shows(first); why != "" {
		t.Fatalf("a good one is refused: %s", why)
	}
	if why := a.shows(first); !strings.Contains(why, "was there before") {
		t.Errorf("the same one once more: %q", why)
	}
	if why := a.shows(signed(t, a.made(time.Now()), a.client.App["key"], same)); why != "" {
		t.Fatalf("one that is signed anew is refused: %s", why)
	}
	for _, at := range []time.Duration{time.Minute, -6 * time.Minute} {
		if why := a.shows(a.made(time.Now().Add(at))); !strings.Contains(why, "of the future") && !strings.Contains(why, "is over") {
			t.Errorf("one of %s from now: %q", at, why)
		}
	}
	for name, change := range map[string][2]string{
		"another subject":      {">ada<", ">eve<"},
		"another audience":     {">them<", ">all<"},
		"another issuer":       {">me<", ">you<"},
		"another recipient":    {`Recipient="https://login`, `Recipient="https://login2`},
		"another attribute":    {`Name="role"`, `Name="roles"`},
		"another value":        {">reader<", ">writer<"},
		"another type":         {`"xs:string"`, `"xs:boolean"`},
		"an answer":            {`NotOnOrAfter="`, `InResponseTo="_1" NotOnOrAfter="`},
		"another confirmation": {"cm:bearer", "cm:sender-vouches"},
		"another format":       {"unspecified", "transient"},
		"no version":           {` Version="2.0"`, ""},
		"a second subject":     {"</saml:Subject>", "</saml:Subject><saml:Subject><saml:NameID>eve</saml:NameID></saml:Subject>"},
		"two names":            {"<saml:SubjectConfirmation ", "<saml:NameID>eve</saml:NameID><saml:SubjectConfirmation "},
		"a comment in a name":  {">ada<", ">ada<!-- -->.eve<"},
		"another condition":    {"</saml:Conditions>", "<saml:OneTimeUse/></saml:Conditions>"},
		"another namespace":    {"<saml:Audience>", `<saml:Audience xmlns:saml="urn:x">`},
		"text between":         {"</saml:Conditions>", "</saml:Conditions> "},
		"one ID twice":         {` ID="_`, ` ID="__`},
	} {
		text := a.made(time.Now())
		changed := strings.Replace(text, change[0], change[1], 1)
		if changed == text {
			t.Fatalf("%s: there is no %s in %s", name, change[0], text)
		}
		if why := a.shows(changed); !strings.Contains(why, "signature that does not hold") {
			t.Errorf("%s, with a signature that is not for it: %q", name, why)
		}
		if why := a.shows(signed(t, changed, a.client.App["key"], same)); why == "" || strings.Contains(why, "signature that does not hold") {
			t.Errorf("%s, signed: %q", name, why)
		}
	}
}

// Who has signed, how and what, is part of it.
func TestSAMLSignatureIsStrict(t *testing.T) {
	a := openSAML(t)
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(other)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"no signature": func() string {
			s := a.made(time.Now())
			return s[:strings.Index(s, "<ds:Signature")] + s[strings.Index(s, "</ds:Signature>")+len("</ds:Signature>"):]
		}(),
		"another key": signed(t, a.made(time.Now()), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), func(*dsig.SigningContext) {}),
		"SHA-1":       signed(t, a.made(time.Now()), a.client.App["key"], func(c *dsig.SigningContext) { c.Hash = crypto.SHA1 }),
		"SHA-512":     signed(t, a.made(time.Now()), a.client.App["key"], func(c *dsig.SigningContext) { c.Hash = crypto.SHA512 }),
		"inclusive":   signed(t, a.made(time.Now()), a.client.App["key"], func(c *dsig.SigningContext) { c.Canonicalizer = dsig.MakeC14N11Canonicalizer() }),
		"at the end": func() string {
			s := a.made(time.Now())
			from, to := strings.Index(s, "<ds:Signature"), strings.Index(s, "</ds:Signature>")+len("</ds:Signature>")
			return strings.Replace(s[:from]+s[to:], "</saml:Assertion>", s[from:to]+"</saml:Assertion>", 1)
		}(),
		"within another": `<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_x">` + a.made(time.Now()) + `</saml:Assertion>`,
		"no XML":         "<saml",
		"nothing":        "",
	} {
		if why := a.shows(text); why == "" {
			t.Errorf("%s: it is taken", name)
		}
	}
}
