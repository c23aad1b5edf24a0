package declared

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"sync"
)

// The keys are made once for all connectors: RSA keys take their time.
var keys = map[string]func() crypto.Signer{
	"RSA":   sync.OnceValue(func() crypto.Signer { return must(rsa.GenerateKey(rand.Reader, 2048)) }),
	"ES256": sync.OnceValue(func() crypto.Signer { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) }),
	"ES384": sync.OnceValue(func() crypto.Signer { return must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)) }),
	"EdDSA": sync.OnceValue(func() crypto.Signer {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return must(key, err)
	}),
}

// must panics where only a broken system makes an error.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// keyFor is the key that an algorithm of JWTs takes.
func keyFor(alg string) crypto.Signer {
	if key, ok := keys[alg]; ok {
		return key()
	}
	return keys["RSA"]()
}

// privatePEM is the key for an algorithm as an operator pastes it.
func privatePEM(alg string) string {
	der := must(x509.MarshalPKCS8PrivateKey(keyFor(alg)))
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// publicOf is the public half of a private key in PEM: what was registered at the provider.
func publicOf(text string) (crypto.PublicKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("the key is no PEM")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, errors.New("the key signs nothing")
	}
	return signer.Public(), nil
}
