package oauth

import (
	"encoding/base64"
	"net/url"
	"slices"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/sign"
	"github.com/claviger-proxy/claviger/vault"
)

// authenticate tells who asks: with fields, or with the Authorization header that it returns. how is as in
// [connectors.Revoke].Auth, and access the token for "bearer".
func (c *call) authenticate(how string, access vault.Secret) (fields url.Values, header string, err error) {
	fields, c.proved, c.basicSent = url.Values{}, false, false
	auth := c.app.Connector.Token.ClientAuth
	switch {
	case how == authNone:
		return fields, "", nil
	case how == authBearer:
		return fields, "Bearer " + access.Reveal(), nil
	case how == authBasic, auth == connectors.ClientAuthBasic, auth == connectors.ClientAuthBasicRaw:
		header, err = c.basic()
		return fields, header, err
	case auth == "": // there is no token endpoint to do it like
		return fields, "", nil
	}
	if c.app.ClientID != "" {
		fields.Set("client_id", c.app.ClientID)
	}
	switch auth {
	case connectors.ClientAuthPost:
		if !c.app.ClientSecret.IsZero() {
			fields.Set("client_secret", c.secret.Reveal())
			c.proved = c.spelling.sends("client_secret")
		}
	case connectors.ClientAuthPrivateKeyJWT:
		signed, err := c.jwt(c.app.Connector.Token.ClientAssertion)
		if err != nil {
			return nil, "", err
		}
		fields.Set("client_assertion", signed)
		fields.Set("client_assertion_type", assertionType)
	case connectors.ClientAuthSecretJWT:
		signed, err := c.jwt(c.app.Connector.Token.ClientAssertion)
		if err != nil {
			return nil, "", err
		}
		fields.Set("client_secret", signed)
	}
	return fields, "", nil
}

// basic returns HTTP Basic credentials: the client's, or the halves that the connector declares. RFC 6749
// section 2.3.1 wants both halves form-encoded before they are joined; basic_raw is for providers that do
// not decode them.
func (c *call) basic() (string, error) {
	token := c.app.Connector.Token
	user, password := c.app.ClientID, c.secret.Reveal()
	c.proved, c.basicSent = !c.secret.IsZero(), true
	if token.Basic != nil {
		c.proved = c.proved && slices.Contains(token.Basic.Password.Names(), nameClientSecret)
		fill := c.fill.with(nameClientSecret, c.secret)
		var err error
		if user, err = fill.text(token.Basic.User); err != nil {
			return "", err
		}
		if password, err = fill.text(token.Basic.Password); err != nil {
			return "", err
		}
	}
	if token.ClientAuth != connectors.ClientAuthBasicRaw {
		user, password = url.QueryEscape(user), url.QueryEscape(password)
	}
	return basicHeader(user, password), nil
}

func basicHeader(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// jwt signs a JWT. The signer's errors are not passed on: they may say how a key is wrong.
func (c *call) jwt(j *connectors.JWT) (string, error) {
	if j == nil {
		return "", unsent(c.op, ClassOperator, CodeIncomplete)
	}
	signed, err := sign.JWT(j, c.fill.values, c.client.now())
	if err != nil {
		return "", unsent(c.op, ClassOperator, CodeBadKey)
	}
	return signed, nil
}
