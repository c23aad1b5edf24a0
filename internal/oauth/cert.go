package oauth

import (
	"crypto/tls"
	"errors"
	"net/http"
)

// ErrCertificate: the client certificate cannot be presented. It is missing, it or its key is no PEM, or they do
// not belong together.
var ErrCertificate = errors.New("the client certificate or its key cannot be used")

// Presenting returns a copy of a transport that presents a client certificate, which is PEM as its key is. The
// copy has its own connections, and sessions of TLS, so that none serves another certificate. The error holds
// nothing of them.
func Presenting(base *http.Transport, cert, key string) (*http.Transport, error) {
	pair, err := tls.X509KeyPair([]byte(cert), []byte(key))
	if err != nil {
		return nil, ErrCertificate
	}
	own := base.Clone()
	// What TLSNextProto has leads to the connections of base, and DialTLSContext goes without the certificate.
	own.ForceAttemptHTTP2 = base.ForceAttemptHTTP2 || own.TLSNextProto["h2"] != nil || own.Protocols != nil && own.Protocols.HTTP2()
	own.TLSNextProto, own.Protocols, own.DialTLSContext = nil, nil, nil
	if own.TLSClientConfig == nil {
		own.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	own.TLSClientConfig.Certificates, own.TLSClientConfig.ClientSessionCache = nil, nil
	// The provider is the one to say whether it takes it, whatever authorities it names.
	own.TLSClientConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	return own, nil
}
