package declared

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/claviger-proxy/claviger/connectors"
)

// assertionType is that of a client that shows a JWT (RFC 7523 section 2.2).
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// ownClient puts the client that the connector has in place of the registered one.
func (p *Provider) ownClient() error {
	own := p.connector.Token.Client
	if own == nil {
		return nil
	}
	id, err := own.ID.ExpandAt(p.values, p.now())
	if err != nil {
		return fmt.Errorf("token.client.id: %w", err)
	}
	secret := ""
	if !own.Secret.IsZero() {
		if secret, err = own.Secret.ExpandAt(p.values, p.now()); err != nil {
			return fmt.Errorf("token.client.secret: %w", err)
		}
	}
	p.values["client_id"], p.values["client_secret"] = id, secret
	return nil
}

// authenticates wants the client to show who it is as the token endpoint has it.
func (p *Provider) authenticates(f, headers *fields) {
	t := p.connector.Token
	switch t.ClientAuth {
	case connectors.ClientAuthBasic, connectors.ClientAuthBasicRaw:
		p.basic(headers, t.Basic)
	case connectors.ClientAuthPost:
		f.text("client_id", p.values["client_id"])
		if secret := p.values["client_secret"]; secret != "" {
			f.text("client_secret", secret)
		}
	case connectors.ClientAuthNone:
		f.text("client_id", p.values["client_id"])
	case connectors.ClientAuthPrivateKeyJWT:
		f.text("client_assertion_type", assertionType)
		f.must["client_assertion"] = func(got string) error { return p.verify(t.ClientAssertion, got, p.values) }
		f.may["client_id"] = is(p.values["client_id"])
	case connectors.ClientAuthSecretJWT:
		f.text("client_id", p.values["client_id"])
		f.must["client_secret"] = func(got string) error { return p.verify(t.ClientAssertion, got, p.values) }
	}
}

func is(want string) test {
	return func(got string) error {
		if got != want {
			return fmt.Errorf("is %q and not %q", got, want)
		}
		return nil
	}
}

// basic wants HTTP Basic with those halves, or with the client.
func (p *Provider) basic(headers *fields, halves *connectors.Basic) {
	raw := p.connector.Token.ClientAuth == connectors.ClientAuthBasicRaw
	headers.must["Authorization"] = func(got string) error {
		user, password, err := splitBasic(got, !raw)
		if err != nil {
			return err
		}
		if halves == nil {
			halves = clientHalves
		}
		return p.fitHalves(halves, user, password, p.values)
	}
}

var clientHalves = func() *connectors.Basic {
	return &connectors.Basic{User: must(connectors.ParseTemplate("{client_id}")), Password: must(connectors.ParseTemplate("{client_secret}"))}
}()

// fitHalves checks both halves. One that is not declared is empty.
func (p *Provider) fitHalves(halves *connectors.Basic, user, password string, values connectors.Values) error {
	for _, half := range []struct {
		name string
		t    connectors.Template
		got  string
	}{{"user", halves.User, user}, {"password", halves.Password, password}} {
		if half.t.IsZero() {
			if half.got != "" {
				return fmt.Errorf("has a %s, and is to have none", half.name)
			}
			continue
		}
		if err := p.fits(half.t, half.got, values); err != nil {
			return fmt.Errorf("has a %s that %w", half.name, err)
		}
	}
	return nil
}

// splitBasic takes HTTP Basic apart. The halves of a client are encoded like forms (RFC 6749 section 2.3.1).
func splitBasic(header string, encoded bool) (user, password string, err error) {
	text, ok := strings.CutPrefix(header, "Basic ")
	plain, err := base64.StdEncoding.DecodeString(text)
	if !ok || err != nil {
		return "", "", errors.New("is not HTTP Basic")
	}
	user, password, ok = strings.Cut(string(plain), ":")
	if !ok {
		return "", "", errors.New("has no colon")
	}
	if !encoded {
		return user, password, nil
	}
	if user, err = url.QueryUnescape(user); err != nil {
		return "", "", err
	}
	password, err = url.QueryUnescape(password)
	return user, password, err
}
