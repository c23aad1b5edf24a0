package oauth

import "github.com/claviger-proxy/claviger/internal/sign"

// saml signs the connector's SAML assertion for the token endpoint. As with jwt, the signer's errors are not passed
// on, but what is wrong: the key or its certificate, or a value that the assertion is made of.
func (c *call) saml() (string, error) {
	how := c.app.Connector.SAML
	if how == nil {
		return "", unsent(c.op, ClassOperator, CodeIncomplete)
	}
	now := c.client.now()
	signed, err := sign.SAML(how, c.app.Endpoints.Token, c.fill.values, now)
	switch {
	case err == nil:
		return signed, nil
	case sign.CheckSAML(how, c.fill.values, now) != nil:
		return "", unsent(c.op, ClassOperator, CodeBadKey)
	}
	return "", c.fill.missing()
}
