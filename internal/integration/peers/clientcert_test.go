//go:build peers

package peers

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/client"
)

// certificate is one that has signed itself, for 127.0.0.1.
type certificate struct {
	cert, key string // PEM
	jwk       string // for the provider, which compares the client's certificate with it
}

func newCertificate(t *testing.T, name string) certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	public := jwkOf(t, key)
	public["x5c"] = []string{base64.StdEncoding.EncodeToString(der)}
	sum := sha256.Sum256(der)
	public["x5t#S256"] = base64.RawURLEncoding.EncodeToString(sum[:])
	jwk, err := json.Marshal(public)
	if err != nil {
		t.Fatal(err)
	}
	return certificate{string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), pemOf(t, key), string(jwk)}
}

// The provider knows the client by the certificate that it shows where tokens come from and where they are
// revoked (RFC 8705). Another certificate is refused.
func TestClientCertificate(t *testing.T) {
	server, ours, other := newCertificate(t, "server"), newCertificate(t, "client"), newCertificate(t, "client")
	roots := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(roots, []byte(server.cert), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SSL_CERT_FILE", roots)
	port := strconv.Itoa(freePort(t))
	with := func(name string, c certificate) connection {
		return connection{
			name: name, connector: "oidc-cert", id: "proxy-cert",
			params: map[string]string{"tls_port": port, "cert": c.cert, "key": c.key},
		}
	}
	const ttl = 2 * time.Second
	p, c := startOIDCWith(t, []string{
		"ACCESS_TTL=2", "TLS_PORT=" + port, "TLS_CERT=" + server.cert, "TLS_KEY=" + server.key, "CLIENT_CERT=" + ours.jwk,
	}, lazily, with("cert", ours), with("forged", other))
	c.connect("cert", "u-alice", "alice")
	time.Sleep(ttl + 100*time.Millisecond)
	if err := c.wantMe("cert/u-alice", "alice"); err != nil {
		t.Error(err)
	}
	if p.refreshes("alice") == 0 {
		t.Error("nothing was refreshed")
	}
	p.wantNoRefusal()
	c.disconnect(t, "cert", "u-alice", true)
	if n := p.active("proxy-cert", "alice"); n != 0 {
		t.Errorf("%d tokens are still good at the provider", n)
	}
	c.wantRefused(t, client.NewLink{Connection: "forged", Identifier: "u-alice"}, "oauth_client_rejected")
}
