package declared

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"sync"
	"time"
)

// years is how long the certificates are good, whatever the clock of a test says.
const years = 200 * 365 * 24 * time.Hour

// authority is who signs the certificates of all hosts.
var authority = sync.OnceValue(func() *x509.Certificate {
	return must(x509.ParseCertificate(certificate("authority.example.com", nil)))
})

var clientCertificate = sync.OnceValue(func() string {
	return encodeCertificate(certificate("client.example.com", authority()))
})

func clientKey() string { return privatePEM("ES256") }

// certificate is one for a host, signed by the parent or, if that is nil, by itself. All have one key.
func certificate(host string, parent *x509.Certificate) []byte {
	begin := time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC)
	key := keyFor("ES256")
	t := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: begin, NotAfter: begin.Add(years), IsCA: parent == nil, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if parent == nil {
		parent = t
	}
	return must(x509.CreateCertificate(rand.Reader, t, parent, key.Public(), key))
}

func encodeCertificate(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// Secure is who answers, a [Provider] or what stands before it, behind TLS, for connectors with a client
// certificate. Its connections are made in memory, and each is for one request.
func Secure(to http.RoundTripper) *http.Transport {
	trusted := x509.NewCertPool()
	trusted.AddCert(authority())
	return &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			client, server := net.Pipe()
			go serveTLS(server, to)
			return client, nil
		},
		TLSClientConfig:   &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: trusted},
		DisableKeepAlives: true,
	}
}

// serveTLS answers the one request of a connection.
func serveTLS(conn net.Conn, to http.RoundTripper) {
	defer conn.Close()
	secure := tls.Server(conn, &tls.Config{
		MinVersion: tls.VersionTLS12, ClientAuth: tls.RequestClientCert,
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			return &tls.Certificate{Certificate: [][]byte{certificate(hello.ServerName, authority())}, PrivateKey: keyFor("ES256")}, nil
		},
	})
	r, err := http.ReadRequest(bufio.NewReader(secure))
	if err != nil {
		return // the client has hung up
	}
	state := secure.ConnectionState()
	r.URL.Scheme, r.URL.Host, r.TLS = "https", r.Host, &state
	resp, err := to.RoundTrip(r)
	if err != nil {
		return
	}
	resp.Close = true
	_ = resp.Write(secure) // who has hung up need not be told
}
