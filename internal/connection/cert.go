package connection

import (
	"net/http"

	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
)

// Certificate returns the client certificate that the connector declares, and its key, as the connection or the
// account has them. It is for connectors with a ClientCert. The error is [oauth.ErrCertificate].
func (c *Connection) Certificate() (cert, key string, err error) {
	values, how := c.signingValues(vault.Secret{}, nil), c.Connector().ClientCert
	if cert, err = how.Cert.Expand(values); err != nil {
		return "", "", oauth.ErrCertificate
	}
	if key, err = how.Key.Expand(values); err != nil {
		return "", "", oauth.ErrCertificate
	}
	return cert, key, nil
}

// Transport returns what a request of the connector's own goes out over: base, or a copy of it that presents the
// connection's client certificate and is used once. The error is [oauth.ErrCertificate].
func (c *Connection) Transport(base http.RoundTripper) (http.RoundTripper, error) {
	if c.Connector().ClientCert == nil {
		return base, nil
	}
	cert, key, err := c.Certificate()
	if err != nil {
		return nil, err
	}
	plain, ok := base.(*http.Transport)
	if !ok {
		return nil, oauth.ErrCertificate
	}
	own, err := oauth.Presenting(plain, cert, key)
	if err != nil {
		return nil, err
	}
	own.DisableKeepAlives = true // nobody uses it again
	return own, nil
}
