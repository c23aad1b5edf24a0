package sign

import (
	"cmp"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/claviger-proxy/claviger/connectors"
)

const (
	samlSpace   = "urn:oasis:names:tc:SAML:2.0:assertion"
	samlBearer  = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
	samlClasses = "urn:oasis:names:tc:SAML:2.0:ac:classes:"
	defaultSkew = time.Minute
)

// samlFormats are the spaces of name formats that are not those of SAML 2.0 (SAML core section 8.3).
var samlFormats = map[string]string{
	"unspecified": "1.1", "emailAddress": "1.1", "X509SubjectName": "1.1", "WindowsDomainQualifiedName": "1.1",
}

// SAML returns the assertion that s declares, signed, and encoded for a field of a call. recipient is the token
// endpoint. An attribute whose template names an optional input without a value is left out. Errors say which part
// is wrong, and show no value; a certificate that has ended is one of them.
func SAML(s *connectors.SAML, recipient string, values connectors.Values, now time.Time) (string, error) {
	key, cert, err := samlKey(s, values, now)
	if err != nil {
		return "", err
	}
	a, err := samlAssertion(s, recipient, values, now.UTC())
	if err != nil {
		return "", err
	}
	text, err := enveloped(a, key, cert)
	if err != nil {
		return "", err
	}
	if s.Encoding == "base64" {
		return base64.StdEncoding.EncodeToString(text), nil
	}
	return base64.RawURLEncoding.EncodeToString(text), nil
}

// samlAssertion is the assertion without its signature.
func samlAssertion(s *connectors.SAML, recipient string, values connectors.Values, now time.Time) (*etree.Element, error) {
	f := &samlFiller{values: values, now: now}
	lifetime, skew := cmp.Or(time.Duration(s.Lifetime), defaultLifetime), cmp.Or(time.Duration(s.Skew), defaultSkew)
	ends := instant(now.Add(lifetime))

	a := etree.NewElement("saml:Assertion")
	a.CreateAttr("xmlns:saml", samlSpace)
	a.CreateAttr("ID", "_"+rand.Text())
	a.CreateAttr("IssueInstant", instant(now))
	a.CreateAttr("Version", "2.0")
	a.CreateElement("saml:Issuer").SetText(f.text("issuer", s.Issuer))

	subject := a.CreateElement("saml:Subject")
	name := subject.CreateElement("saml:NameID")
	format := cmp.Or(s.SubjectFormat, "unspecified")
	name.CreateAttr("Format", "urn:oasis:names:tc:SAML:"+cmp.Or(samlFormats[format], "2.0")+":nameid-format:"+format)
	name.SetText(f.text("subject", s.Subject))
	confirmation := subject.CreateElement("saml:SubjectConfirmation")
	confirmation.CreateAttr("Method", samlBearer)
	data := confirmation.CreateElement("saml:SubjectConfirmationData")
	data.CreateAttr("NotOnOrAfter", ends)
	if !s.Recipient.IsZero() {
		recipient = f.text("recipient", s.Recipient)
	}
	data.CreateAttr("Recipient", f.clean("recipient", recipient))

	conditions := a.CreateElement("saml:Conditions")
	conditions.CreateAttr("NotBefore", instant(now.Add(-skew)))
	conditions.CreateAttr("NotOnOrAfter", ends)
	conditions.CreateElement("saml:AudienceRestriction").CreateElement("saml:Audience").SetText(f.text("audience", s.Audience))

	if class := cmp.Or(s.Authentication, "unspecified"); class != "none" {
		authn := a.CreateElement("saml:AuthnStatement")
		authn.CreateAttr("AuthnInstant", instant(now))
		authn.CreateElement("saml:AuthnContext").CreateElement("saml:AuthnContextClassRef").SetText(samlClasses + class)
	}
	samlAttributes(a, s, f)
	return a, f.err
}

// samlAttributes adds the statement about attributes, if there is any. Values say that they are text, because some
// readers take no others.
func samlAttributes(a *etree.Element, s *connectors.SAML, f *samlFiller) {
	var statement *etree.Element
	for _, name := range slices.Sorted(maps.Keys(s.Attributes)) {
		t := s.Attributes[name]
		if leftOut(t, f.values) {
			continue
		}
		if statement == nil {
			statement = a.CreateElement("saml:AttributeStatement")
		}
		attribute := statement.CreateElement("saml:Attribute")
		attribute.CreateAttr("Name", f.clean("attribute "+name, name))
		value := attribute.CreateElement("saml:AttributeValue")
		value.CreateAttr("xmlns:xs", "http://www.w3.org/2001/XMLSchema")
		value.CreateAttr("xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance")
		value.CreateAttr("xsi:type", "xs:string")
		value.SetText(f.text("attribute "+name, t))
	}
}

// instant is a time as SAML writes it (SAML core section 1.3.3).
func instant(t time.Time) string { return t.Format("2006-01-02T15:04:05Z") }

// enveloped signs the assertion. The signature comes after the issuer, where the schema of SAML has it. The
// library's errors are not shown, because they are about the key.
func enveloped(a *etree.Element, key *rsa.PrivateKey, cert *x509.Certificate) ([]byte, error) {
	signer, err := dsig.NewSigningContext(key, [][]byte{cert.Raw})
	if err != nil {
		return nil, errUnsigned
	}
	signer.Prefix = dsig.DefaultPrefix
	signer.Canonicalizer = dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("")
	if err := signer.SetSignatureMethod(dsig.RSASHA256SignatureMethod); err != nil {
		return nil, errUnsigned
	}
	// A copy, because the library makes what it is given canonical, which takes away the prefix of xsi:type.
	signature, err := signer.ConstructSignature(a.Copy(), true)
	if err != nil {
		return nil, errUnsigned
	}
	a.InsertChildAt(1, signature)
	doc := etree.NewDocumentWithRoot(a)
	doc.WriteSettings.CanonicalText, doc.WriteSettings.CanonicalAttrVal, doc.WriteSettings.CanonicalEndTags = true, true, true
	text, err := doc.WriteToBytes()
	if err != nil {
		return nil, errUnsigned
	}
	return text, nil
}

var errUnsigned = errors.New("key: cannot sign with RSA and SHA-256")

// samlFiller fills the templates of an assertion, and keeps the first error.
type samlFiller struct {
	values connectors.Values
	now    time.Time
	err    error
}

func (f *samlFiller) text(what string, t connectors.Template) string {
	text, err := t.ExpandAt(f.values, f.now)
	if err != nil {
		f.fail(what, err)
	}
	return f.clean(what, text)
}

func (f *samlFiller) clean(what, text string) string {
	if !writable(text) {
		f.fail(what, errUnwritable)
	}
	return text
}

func (f *samlFiller) fail(what string, err error) {
	if f.err == nil {
		f.err = fmt.Errorf("%s: %w", what, err)
	}
}
