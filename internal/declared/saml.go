package declared

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"sync"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/claviger-proxy/claviger/connectors"
)

const (
	// grantSAML is the grant type of SAML assertions (RFC 7522).
	grantSAML = "urn:ietf:params:oauth:grant-type:saml2-bearer"
	// defaultSkew is how long before it is made an assertion is good whose declaration says nothing.
	defaultSkew = time.Minute
)

// issuerCertificate is the certificate of the RSA key, as it was registered.
var issuerCertificate = sync.OnceValue(func() string {
	begin, key := time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC), keyFor("RS256")
	t := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "issuer.example.com"}, NotBefore: begin, NotAfter: begin.Add(years)}
	return encodeCertificate(must(x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)))
})

// saml is about the key of a SAML assertion and its certificate.
func (n needs) saml(s *connectors.SAML) {
	if s != nil {
		n.keyIs(s.Key, privatePEM("RS256"))
		n.keyIs(s.Cert, issuerCertificate())
	}
}

// verifySAML checks a SAML assertion that the other side has signed.
func (p *Provider) verifySAML(s *connectors.SAML, text string, values connectors.Values) error {
	if s == nil {
		return errors.New("no SAML assertion is declared")
	}
	encoding := base64.RawURLEncoding
	if s.Encoding == "base64" {
		encoding = base64.StdEncoding
	}
	raw, err := encoding.Strict().DecodeString(text)
	if err != nil {
		return fmt.Errorf("is not the declared form of Base64: %w", err)
	}
	registered, err := p.registered(s, values)
	if err != nil {
		return err
	}
	if err := p.samlSigned(raw, registered); err != nil {
		return err
	}
	a, err := readSAML(raw)
	if err != nil {
		return err
	}
	order := []string{"Issuer", "Signature", "Subject", "Conditions", "AuthnStatement", "AttributeStatement"}
	if !slices.IsSortedFunc(a.children, func(a, b string) int { return cmp.Compare(slices.Index(order, a), slices.Index(order, b)) }) {
		return fmt.Errorf("has an assertion with %q in that order", a.children)
	}
	return p.checkSAML(s, a, registered, values)
}

// registered is the certificate that the provider knows. It is that of the key.
func (p *Provider) registered(s *connectors.SAML, values connectors.Values) (*x509.Certificate, error) {
	text, err := s.Cert.ExpandAt(values, p.now())
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("the certificate is no PEM")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, err
	}
	if text, err = s.Key.ExpandAt(values, p.now()); err != nil {
		return nil, err
	}
	public, err := publicOf(text)
	if err != nil {
		return nil, err
	}
	if own, ok := public.(interface{ Equal(crypto.PublicKey) bool }); !ok || !own.Equal(cert.PublicKey) {
		return nil, errors.New("the certificate is that of another key")
	}
	return cert, nil
}

// samlSigned tells whether the whole document is signed with the registered certificate.
func (p *Provider) samlSigned(raw []byte, registered *x509.Certificate) error {
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(raw); err != nil || doc.Root() == nil {
		return errors.New("is no XML")
	}
	reader := dsig.NewDefaultValidationContext(&dsig.MemoryX509CertificateStore{Roots: []*x509.Certificate{registered}})
	reader.Clock = dsig.NewFakeClockAt(p.now())
	if _, err := reader.Validate(doc.Root()); err != nil {
		return fmt.Errorf("%w: %w", errSignature, err)
	}
	return nil
}

// checkSAML tells whether an assertion says what is declared, and nothing else.
func (p *Provider) checkSAML(s *connectors.SAML, a *samlFacts, registered *x509.Certificate, values connectors.Values) error {
	ends, err := p.connector.Endpoints(values)
	if err != nil {
		return err
	}
	f := newFields()
	var id, issued, from, until, confirmed, authenticated string
	f.text("@Version", "2.0")
	f.some("@ID", &id)
	f.some("@IssueInstant", &issued)
	f.text("Subject/NameID@Format", nameFormat(s.SubjectFormat))
	f.text("Subject/SubjectConfirmation@Method", "urn:oasis:names:tc:SAML:2.0:cm:bearer")
	f.some("Subject/SubjectConfirmation/SubjectConfirmationData@NotOnOrAfter", &confirmed)
	f.text("Subject/SubjectConfirmation/SubjectConfirmationData@Recipient", ends.Token)
	f.some("Conditions@NotBefore", &from)
	f.some("Conditions@NotOnOrAfter", &until)
	p.templates(f, map[string]connectors.Template{
		"Issuer": s.Issuer, "Subject/NameID": s.Subject, "Conditions/AudienceRestriction/Audience": s.Audience,
	}, values)
	if !s.Recipient.IsZero() {
		p.templates(f, map[string]connectors.Template{"Subject/SubjectConfirmation/SubjectConfirmationData@Recipient": s.Recipient}, values)
	}
	if s.Authentication != "none" {
		f.some("AuthnStatement@AuthnInstant", &authenticated)
		f.text("AuthnStatement/AuthnContext/AuthnContextClassRef", "urn:oasis:names:tc:SAML:2.0:ac:classes:"+cmp.Or(s.Authentication, "unspecified"))
	}
	for name, t := range s.Attributes {
		if at := "AttributeStatement/Attribute(" + name + ")/AttributeValue"; !p.leftOut(t) {
			p.templates(f, map[string]connectors.Template{at: t}, values)
			f.text(at+"@type", "http://www.w3.org/2001/XMLSchema string")
		}
	}
	signatureFields(f, registered)
	if err := f.check("part", a.facts); err != nil {
		return fmt.Errorf("has a SAML assertion whose %w", err)
	}
	if a.facts.Get("Signature/SignedInfo/Reference@URI") != "#"+id {
		return errors.New("has a SAML assertion with a signature over something else")
	}
	if err := p.isNew("SAML "+id, `SAML _[A-Z2-7]{20,}`); err != nil {
		return err
	}
	return p.samlTimes(s, issued, from, until, confirmed, authenticated)
}

// samlTimes checks when an assertion is good.
func (p *Provider) samlTimes(s *connectors.SAML, issued, from, until, confirmed, authenticated string) error {
	begin, err := time.Parse(samlTime, issued)
	if err != nil {
		return fmt.Errorf("has a SAML assertion of the time %q", issued)
	}
	life, skew := cmp.Or(time.Duration(s.Lifetime), defaultLifetime), cmp.Or(time.Duration(s.Skew), defaultSkew)
	now := p.now()
	switch {
	case begin.After(now.Add(time.Second)):
		return errors.New("has a SAML assertion of the future")
	case !begin.Add(life).After(now):
		return errors.New("has a SAML assertion that is over")
	case authenticated != "" && authenticated != issued:
		return fmt.Errorf("has a SAML assertion with a login at %s, made at %s", authenticated, issued)
	}
	for _, one := range []struct {
		got  string
		want time.Time
	}{{from, begin.Add(-skew)}, {until, begin.Add(life)}, {confirmed, begin.Add(life)}} {
		if want := one.want.Format(samlTime); one.got != want {
			return fmt.Errorf("has a SAML assertion with the time %s in place of %s", one.got, want)
		}
	}
	return nil
}

const samlTime = "2006-01-02T15:04:05Z"

// nameFormat is the URI of the format of a name.
func nameFormat(name string) string {
	version := "1.1"
	switch name {
	case "":
		name = "unspecified"
	case "kerberos", "entity", "persistent", "transient":
		version = "2.0"
	}
	return "urn:oasis:names:tc:SAML:" + version + ":nameid-format:" + name
}

// signatureFields are what a signature of that certificate is made of.
func signatureFields(f *fields, registered *x509.Certificate) {
	const (
		exclusive = "http://www.w3.org/2001/10/xml-exc-c14n#"
		info      = "Signature/SignedInfo/"
	)
	f.text(info+"CanonicalizationMethod@Algorithm", exclusive)
	f.text(info+"SignatureMethod@Algorithm", "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256")
	f.text(info+"Reference/Transforms/Transform@Algorithm", "http://www.w3.org/2000/09/xmldsig#enveloped-signature")
	f.text(info+"Reference/Transforms/Transform#2@Algorithm", exclusive)
	f.text(info+"Reference/DigestMethod@Algorithm", "http://www.w3.org/2001/04/xmlenc#sha256")
	var signed, digest, signature string
	f.some(info+"Reference@URI", &signed)
	f.some(info+"Reference/DigestValue", &digest)
	f.some("Signature/SignatureValue", &signature)
	f.must["Signature/KeyInfo/X509Data/X509Certificate"] = func(got string) error {
		der, err := base64.StdEncoding.DecodeString(got)
		if err != nil || !bytes.Equal(der, registered.Raw) {
			return errors.New("is not the registered certificate")
		}
		return nil
	}
}
