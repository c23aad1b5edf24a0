package sign_test

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/sign"
)

// now is a time with a fraction, in a zone that is not UTC.
var now = time.Date(2026, 3, 4, 8, 6, 7, 89e6, time.FixedZone("", 2*3600))

func template(t testing.TB, text string) connectors.Template {
	t.Helper()
	parsed, err := connectors.ParseTemplate(text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func newSigner(t testing.TB, s connectors.Signer) *sign.Signer {
	t.Helper()
	made, err := sign.New(&s)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// message is a request before it is signed.
type message struct {
	method, url, host string
	header            http.Header
	body              string
}

func (m message) request(t testing.TB) *http.Request {
	t.Helper()
	var body io.Reader
	if m.body != "" {
		body = strings.NewReader(m.body)
	}
	r, err := http.NewRequestWithContext(t.Context(), m.method, m.url, body)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range m.header {
		r.Header[name] = values
	}
	if m.host != "" {
		r.Host = m.host
	}
	return r
}

// signed is the request with its signature.
func (m message) signed(t testing.TB, s *sign.Signer, values connectors.Values) *http.Request {
	t.Helper()
	r := m.request(t)
	if err := s.Sign(r, values, []byte(m.body), now); err != nil {
		t.Fatal(err)
	}
	return r
}

// keys are made once: RSA takes its time.
var keys = sync.OnceValue(func() map[string]crypto.Signer {
	made := map[string]crypto.Signer{}
	keep := func(name string, key crypto.Signer, err error) {
		if err != nil {
			panic(err)
		}
		made[name] = key
	}
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	keep("rsa", r, err)
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	keep("p256", p256, err)
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	keep("p384", p384, err)
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	keep("ed25519", ed, err)
	return made
})

// x25519 is a key that does not sign.
func x25519(t testing.TB) *ecdh.PrivateKey {
	t.Helper()
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// encoded is a key in PEM, in the form of PKCS #8, PKCS #1 or SEC 1.
func encoded(t testing.TB, key any, form string) string {
	t.Helper()
	block := &pem.Block{}
	var err error
	switch form {
	case "pkcs1":
		block.Type, block.Bytes = "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key.(*rsa.PrivateKey))
	case "sec1":
		block.Type = "EC PRIVATE KEY"
		block.Bytes, err = x509.MarshalECPrivateKey(key.(*ecdsa.PrivateKey))
	default:
		block.Type = "PRIVATE KEY"
		block.Bytes, err = x509.MarshalPKCS8PrivateKey(key)
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(block))
}
