package sign_test

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"encoding/xml"
	"maps"
	"math/big"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"
	"github.com/google/go-cmp/cmp"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/sign"
)

const tokenEndpoint = "https://api.example.com/oauth/token?a=1&b=\"2\""

// certified is a certificate in PEM for a key, good from one day before to one day after a time.
func certified(t testing.TB, key crypto.Signer, at time.Time) string {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "issuer.example.com"},
		NotBefore: at.Add(-24 * time.Hour), NotAfter: at.Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// about is an assertion with the least that there can be.
func about(t testing.TB) connectors.SAML {
	t.Helper()
	return connectors.SAML{
		Key: template(t, "{app.key}"), Cert: template(t, "{app.cert}"), Issuer: template(t, "https://issuer.example.com"),
		Subject: template(t, "{account.user}"), Audience: template(t, "www.example.com"),
	}
}

func samlValues(t testing.TB) connectors.Values {
	t.Helper()
	return connectors.Values{"app.key": encoded(t, keys()["rsa"], "pkcs8"), "app.cert": certified(t, keys()["rsa"], now), "account.user": "ada"}
}

// verifiedSAML is an assertion as the library reads it, for whom trusts the certificate only.
func verifiedSAML(t testing.TB, text []byte, cert string) (*etree.Element, error) {
	t.Helper()
	block, _ := pem.Decode([]byte(cert))
	trusted, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(text); err != nil {
		return nil, err
	}
	reader := dsig.NewDefaultValidationContext(&dsig.MemoryX509CertificateStore{Roots: []*x509.Certificate{trusted}})
	reader.Clock = dsig.NewFakeClockAt(now)
	return reader.Validate(doc.Root())
}

// assertion is what a reader makes of an assertion.
type assertion struct {
	ID           string `xml:",attr"`
	IssueInstant string `xml:",attr"`
	Version      string `xml:",attr"`
	Issuer       string
	Subject      struct {
		NameID struct {
			Format string `xml:",attr"`
			Text   string `xml:",chardata"`
		}
		SubjectConfirmation struct {
			Method                  string `xml:",attr"`
			SubjectConfirmationData struct {
				InResponseTo, NotOnOrAfter, Recipient, NotBefore string `xml:",attr"`
			}
		}
	}
	Conditions struct {
		NotBefore    string `xml:",attr"`
		NotOnOrAfter string `xml:",attr"`
		Audience     string `xml:"AudienceRestriction>Audience"`
	}
	AuthnStatement *struct {
		AuthnInstant string `xml:",attr"`
		Class        string `xml:"AuthnContext>AuthnContextClassRef"`
	}
	Attributes []attribute `xml:"AttributeStatement>Attribute"`
}

type attribute struct {
	Name           string `xml:",attr"`
	AttributeValue string
}

func signedSAML(t testing.TB, s connectors.SAML, values connectors.Values) []byte {
	t.Helper()
	text, err := sign.SAML(&s, tokenEndpoint, values, now)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// readSAML verifies an assertion and reads it.
func readSAML(t testing.TB, s connectors.SAML, values connectors.Values) (a assertion) {
	t.Helper()
	text := signedSAML(t, s, values)
	if _, err := verifiedSAML(t, text, values["app.cert"]); err != nil {
		t.Fatalf("the signature does not hold: %v\n%s", err, text)
	}
	if err := xml.Unmarshal(text, &a); err != nil {
		t.Fatal(err)
	}
	return a
}

func TestSAML(t *testing.T) {
	values := samlValues(t)
	a := readSAML(t, about(t), values)
	if !regexp.MustCompile(`\A_[A-Z2-7]{26}\z`).MatchString(a.ID) {
		t.Errorf("the ID is %q", a.ID)
	}
	if b := readSAML(t, about(t), values); a.ID == b.ID {
		t.Error("two assertions have one ID")
	}
	var want assertion
	want.ID, want.IssueInstant, want.Version, want.Issuer = a.ID, "2026-03-04T06:06:07Z", "2.0", "https://issuer.example.com"
	want.Subject.NameID.Format, want.Subject.NameID.Text = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified", "ada"
	want.Subject.SubjectConfirmation.Method = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
	data := &want.Subject.SubjectConfirmation.SubjectConfirmationData
	data.NotOnOrAfter, data.Recipient = "2026-03-04T06:11:07Z", tokenEndpoint
	want.Conditions.NotBefore, want.Conditions.NotOnOrAfter, want.Conditions.Audience = "2026-03-04T06:05:07Z", "2026-03-04T06:11:07Z", "www.example.com"
	authn := *a.AuthnStatement
	authn.AuthnInstant, authn.Class = "2026-03-04T06:06:07Z", "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified"
	want.AuthnStatement = &authn
	if diff := cmp.Diff(want, a); diff != "" {
		t.Errorf("the assertion (-want +got):\n%s", diff)
	}
}

func TestSAMLDeclared(t *testing.T) {
	s := about(t)
	s.SubjectFormat, s.Recipient, s.Authentication = "persistent", template(t, "https://{account.user}.example.com/odata"), "none"
	s.Lifetime, s.Skew = connectors.Duration(20*time.Minute), connectors.Duration(3*time.Minute)
	s.Attributes = map[string]connectors.Template{"b": template(t, "{client_id}"), "a": template(t, "x {account.user}"), "left": template(t, "{account.absent}")}
	values := samlValues(t)
	values["client_id"] = "me"
	a := readSAML(t, s, values)
	data := a.Subject.SubjectConfirmation.SubjectConfirmationData
	if a.Subject.NameID.Format != "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent" || data.Recipient != "https://ada.example.com/odata" || a.AuthnStatement != nil {
		t.Errorf("got %+v", a)
	}
	if data.NotOnOrAfter != "2026-03-04T06:26:07Z" || a.Conditions.NotOnOrAfter != data.NotOnOrAfter || a.Conditions.NotBefore != "2026-03-04T06:03:07Z" {
		t.Errorf("it is good from %s to %s, and %s", a.Conditions.NotBefore, a.Conditions.NotOnOrAfter, data.NotOnOrAfter)
	}
	if diff := cmp.Diff([]attribute{{"a", "x ada"}, {"b", "me"}}, a.Attributes); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	s.Encoding = "base64"
	text, err := sign.SAML(&s, tokenEndpoint, values, now)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := verifiedSAML(t, raw, values["app.cert"]); err != nil {
		t.Error(err)
	}
}

// Whatever a value is, it stays in its place.
func TestSAMLEscapes(t *testing.T) {
	values := samlValues(t)
	for _, odd := range []string{
		`</saml:NameID><saml:NameID>root`, `a"b'c&d<e>f`, `&#10;&amp;`, `]]>`, `<!-- -->`, `<![CDATA[x]]>`, " space ", "é𝄞\u2028\u00a0", "\u007e", "\ufffd",
	} {
		s := about(t)
		values["account.user"] = odd
		s.Issuer, s.Audience, s.Recipient = s.Subject, s.Subject, s.Subject
		s.Attributes = map[string]connectors.Template{odd: s.Subject}
		a := readSAML(t, s, values)
		for what, got := range map[string]string{
			"subject": a.Subject.NameID.Text, "issuer": a.Issuer, "audience": a.Conditions.Audience,
			"recipient": a.Subject.SubjectConfirmation.SubjectConfirmationData.Recipient,
		} {
			if got != odd {
				t.Errorf("of %q the %s has %q", odd, what, got)
			}
		}
		if diff := cmp.Diff([]attribute{{odd, odd}}, a.Attributes); diff != "" {
			t.Errorf("of %q the attributes have (-want +got):\n%s", odd, diff)
		}
	}
}

// A change of anything is seen.
func TestSAMLTampered(t *testing.T) {
	values := samlValues(t)
	s := about(t)
	s.Attributes = map[string]connectors.Template{"role": template(t, "reader")}
	text := string(signedSAML(t, s, values))
	for _, change := range [][2]string{
		{"ada</", "eve</"},
		{"reader</", "writer</"},
		{"www.example.com", "ww2.example.com"},
		{"06:11:07", "08:11:07"},
		{">https://issuer.", ">https://intruder."},
		{"api.example.com/oauth", "api.example.org/oauth"},
		{`Version="2.0"`, `Version="2.1"`},
		{"cm:bearer", "cm:sender-vouches"},
		{"<saml:Subject>", "<saml:Subject><saml:NameID>eve</saml:NameID>"},
	} {
		changed := strings.Replace(text, change[0], change[1], 1)
		if changed == text {
			t.Fatalf("there is no %s in %s", change[0], text)
		}
		if _, err := verifiedSAML(t, []byte(changed), values["app.cert"]); err == nil {
			t.Errorf("%s in place of %s goes unseen", change[1], change[0])
		}
	}
	if _, err := verifiedSAML(t, []byte(text), certified(t, keys()["p256"], now)); err == nil {
		t.Error("it is good for another certificate")
	}
}

func TestSAMLAlgorithms(t *testing.T) {
	text := string(signedSAML(t, about(t), samlValues(t)))
	for _, want := range []string{
		`<ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#">`,
		`<ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256">`,
		`<ds:Transforms><ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"></ds:Transform>` +
			`<ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"></ds:Transform></ds:Transforms>`,
		`<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256">`,
		"</saml:Issuer><ds:Signature ", "</ds:Signature><saml:Subject>",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %s in %s", want, text)
		}
	}
	if strings.Contains(text, "InResponseTo") {
		t.Error("it answers something")
	}
}

// The type of a value is a qualified name, whose prefix has to be declared although nothing else has it.
func TestSAMLAttributeType(t *testing.T) {
	s := about(t)
	s.Attributes = map[string]connectors.Template{"role": template(t, "reader")}
	text := string(signedSAML(t, s, samlValues(t)))
	want := `<saml:AttributeValue xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="xs:string">reader<`
	if !strings.Contains(text, want) {
		t.Errorf("there is no %s in %s", want, text)
	}
}

func TestSAMLRefuses(t *testing.T) {
	r, ec := keys()["rsa"], keys()["p256"]
	good := certified(t, r, now)
	for _, test := range []struct {
		name, want string
		values     connectors.Values
	}{
		{"no key", "key: no value for {app.key}", connectors.Values{"app.key": ""}},
		{"EC key", "key: is not an RSA private key", connectors.Values{"app.key": encoded(t, ec, "pkcs8")}},
		{"no PEM", "key: is no PEM", connectors.Values{"app.key": "c2VjcmV0LWNhbmFyeS0x"}},
		{"key with a passphrase", "key: is protected by a passphrase", connectors.Values{"app.key": strings.ReplaceAll(encoded(t, r, "pkcs8"), "PRIVATE", "ENCRYPTED PRIVATE")}},
		{"no certificate", "cert: no value for {app.cert}", connectors.Values{"app.cert": ""}},
		{"certificate no PEM", "cert: is no PEM", connectors.Values{"app.cert": "secret-canary-1"}},
		{"key for a certificate", "cert: is PEM without a certificate", connectors.Values{"app.cert": encoded(t, r, "pkcs8")}},
		{"broken certificate", "cert: is PEM whose certificate cannot be read", connectors.Values{"app.cert": strings.ReplaceAll(encoded(t, r, "pkcs8"), "PRIVATE KEY", "CERTIFICATE")}},
		{"certificate of another key", "cert: is the certificate of another key", connectors.Values{"app.cert": certified(t, ec, now)}},
		{"certificate that has ended", "cert: has ended at 2026-02-02 06:06:07", connectors.Values{"app.cert": certified(t, r, now.AddDate(0, -1, -3))}},
		{"certificate of later", "cert: is not valid before 2026-04-03 06:06:07", connectors.Values{"app.cert": certified(t, r, now.AddDate(0, 1, 0))}},
		{"control character", "subject: has control characters, or is not UTF-8", connectors.Values{"account.user": "secret\x01canary"}},
		{"line break", "subject: has control characters, or is not UTF-8", connectors.Values{"account.user": "secret\ncanary"}},
		{"NEL", "subject: has control characters, or is not UTF-8", connectors.Values{"account.user": "secret\u0085canary"}},
		{"no code point", "subject: has control characters, or is not UTF-8", connectors.Values{"account.user": "secret\uffffcanary"}},
		{"not UTF-8", "subject: has control characters, or is not UTF-8", connectors.Values{"account.user": "secret\xffcanary"}},
		{"half a surrogate pair", "subject: has control characters, or is not UTF-8", connectors.Values{"account.user": "secret\xed\xa0\x80canary"}},
		{"no subject", "subject: no value for {account.user}", connectors.Values{"account.user": ""}},
	} {
		t.Run(test.name, func(t *testing.T) {
			values := connectors.Values{"app.key": encoded(t, r, "pkcs8"), "app.cert": good, "account.user": "ada"}
			maps.Copy(values, test.values)
			s := about(t)
			text, err := sign.SAML(&s, tokenEndpoint, values, now)
			if err == nil || text != "" || !strings.HasPrefix(err.Error(), test.want) {
				t.Fatalf("got %q and %v, want %q alone", text, err, test.want)
			}
			for name, value := range test.values {
				if shows(err.Error(), value) || name == "account.user" && strings.Contains(err.Error(), "canary") {
					t.Errorf("the error shows what was given: %v", err)
				}
			}
			about := strings.HasPrefix(test.want, "key") || strings.HasPrefix(test.want, "cert")
			if err := sign.CheckSAML(&s, values, now); (err != nil) != about {
				t.Errorf("the check of the keys says %v", err)
			}
		})
	}
}

// What a value may be is named by where it stands.
func TestSAMLNamesThePlace(t *testing.T) {
	values := samlValues(t)
	values["account.user"] = "a\x00b"
	for want, change := range map[string]func(*connectors.SAML, connectors.Template){
		"issuer":    func(s *connectors.SAML, t connectors.Template) { s.Issuer = t },
		"audience":  func(s *connectors.SAML, t connectors.Template) { s.Audience = t },
		"recipient": func(s *connectors.SAML, t connectors.Template) { s.Recipient = t },
		"attribute role": func(s *connectors.SAML, t connectors.Template) {
			s.Attributes = map[string]connectors.Template{"role": t}
		},
	} {
		s := about(t)
		bad := s.Subject
		s.Subject = template(t, "ada")
		change(&s, bad)
		if _, err := sign.SAML(&s, tokenEndpoint, values, now); err == nil || err.Error() != want+": has control characters, or is not UTF-8" {
			t.Errorf("got %v, want one about the %s", err, want)
		}
	}
}

// Key and certificate may be pasted as one file, as some providers give them out.
func TestSAMLOneFile(t *testing.T) {
	values := samlValues(t)
	whole := values["app.key"] + values["app.cert"]
	values["app.key"] = strings.ReplaceAll(whole, "\n", `\n`)
	s := about(t)
	s.Cert = s.Key
	if _, err := sign.SAML(&s, tokenEndpoint, values, now); err != nil {
		t.Error(err)
	}
}

// FuzzSAML: whatever a value is, it comes out as it went in and the signature holds, or it is refused.
func FuzzSAML(f *testing.F) {
	for _, seed := range []string{"ada", "<a>", "&amp;", "\x00", "\r\n", "]]>", "\xff", "\ufffe", "é"} {
		f.Add(seed, seed)
	}
	values := samlValues(f)
	f.Fuzz(func(t *testing.T, user, name string) {
		s := about(t)
		s.Recipient = s.Subject
		s.Attributes = map[string]connectors.Template{name: s.Subject}
		own := maps.Clone(values)
		own["account.user"] = user
		text, err := sign.SAML(&s, tokenEndpoint, own, now)
		if err != nil {
			if text != "" || !strings.HasSuffix(err.Error(), "has control characters, or is not UTF-8") && user != "" {
				t.Fatalf("got %q and %v", text, err)
			}
			return
		}
		a := readSAML(t, s, own)
		if a.Subject.NameID.Text != user || a.Subject.SubjectConfirmation.SubjectConfirmationData.Recipient != user {
			t.Fatalf("of %q there is %+v", user, a.Subject)
		}
		if diff := cmp.Diff([]attribute{{name, user}}, a.Attributes); diff != "" {
			t.Fatalf("attributes (-want +got):\n%s", diff)
		}
	})
}
