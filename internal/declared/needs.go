package declared

import (
	"encoding/base64"
	"encoding/hex"
	"strings"

	"github.com/claviger-proxy/claviger/connectors"
)

// needs is what the values of names have to be for where they stand.
type needs struct {
	// keys are values that have to be keys or certificates.
	keys map[string]string
	// plain are names whose values can be letters and digits only, user those without colons.
	plain, user map[string]bool
}

func needsOf(c *connectors.Connector) needs {
	n := needs{map[string]string{}, map[string]bool{}, map[string]bool{}}
	n.jwt(c.Assertion)
	n.jwt(c.Token.ClientAssertion)
	n.saml(c.SAML)
	if cert := c.ClientCert; cert != nil {
		n.keyIs(cert.Cert, clientCertificate())
		n.keyIs(cert.Key, clientKey())
	}
	n.signer(c)
	for _, in := range c.Inject {
		switch in.In {
		case connectors.InPath:
			n.mark(n.plain, in.Template)
		case connectors.InBasic:
			n.mark(n.user, in.Basic.User)
		}
	}
	for _, t := range urlsOf(c) {
		n.mark(n.plain, t)
	}
	for _, s := range c.Steps {
		if s.Request.Basic != nil {
			n.mark(n.user, s.Request.Basic.User)
		}
	}
	if c.Token.Basic != nil {
		n.mark(n.user, c.Token.Basic.User)
	}
	n.user["client_id"] = true
	if c.Token.ClientAuth == connectors.ClientAuthBasicRaw && c.Token.Client != nil {
		n.mark(n.user, c.Token.Client.ID)
	}
	return n
}

// signer is about the keys of requests that are signed.
func (n needs) signer(c *connectors.Connector) {
	s := c.Signer
	if s == nil {
		return
	}
	switch {
	case s.Kind == connectors.SignerEd25519:
		n.keyIs(s.Key, privatePEM("EdDSA"))
	case s.Kind == connectors.SignerOAuth1 && s.Method == "RSA-SHA1":
		n.keyIs(s.Key, privatePEM("RS256"))
	}
	for _, t := range []connectors.Template{s.KeyID, s.Service, s.Region, s.Realm} {
		n.mark(n.plain, t)
	}
}

// jwt is about the key of a JWT.
func (n needs) jwt(j *connectors.JWT) {
	if j == nil {
		return
	}
	if !strings.HasPrefix(j.Alg, "HS") {
		n.keyIs(j.Key, privatePEM(j.Alg))
		return
	}
	secret := []byte("a secret of sixty-four bytes, which is enough for HS512, HS384..")
	switch j.KeyEncoding {
	case "hex":
		n.keyIs(j.Key, hex.EncodeToString(secret))
	case "base64":
		n.keyIs(j.Key, base64.StdEncoding.EncodeToString(secret))
	default:
		n.keyIs(j.Key, string(secret))
	}
}

// keyIs says what a template that is one name has to give.
func (n needs) keyIs(t connectors.Template, value string) {
	for _, name := range t.Names() {
		n.keys[name] = value
	}
}

func (n needs) mark(set map[string]bool, t connectors.Template) {
	for _, name := range t.Names() {
		set[name] = true
	}
}

// urlsOf are all templates of URLs.
func urlsOf(c *connectors.Connector) []connectors.Template {
	list := []connectors.Template{c.Authorize.URL, c.Authorize.Issuer, c.Authorize.RequestURL, c.Token.URL, c.Refresh.URL, c.API.BaseURL}
	for _, base := range c.API.Bases {
		list = append(list, base)
	}
	for _, s := range c.Steps {
		list = append(list, s.Request.URL)
	}
	if c.Device != nil {
		list = append(list, c.Device.URL)
	}
	if c.Introspect != nil {
		list = append(list, c.Introspect.URL)
	}
	if c.Revoke != nil {
		list = append(list, c.Revoke.URL)
	}
	if c.Register != nil {
		list = append(list, c.Register.URL, c.Register.Metadata)
	}
	return list
}
