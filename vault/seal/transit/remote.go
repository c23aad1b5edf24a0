package transit

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"

	"github.com/hashicorp/vault/api"
	"github.com/tink-crypto/tink-go-hcvault/v2/integration/hcvault"

	"github.com/claviger-proxy/claviger/vault/seal"
)

// remote is one key of the server.
type remote struct {
	keys *Keys
	name string
}

// Encrypt has the server encrypt plain.
func (r remote) Encrypt(ctx context.Context, plain, bound []byte) ([]byte, error) {
	sealed, err := r.ask(ctx, func(a aead) ([]byte, error) { return a.Encrypt(plain, bound) })
	if errors.Is(err, seal.ErrSealed) {
		return nil, r.failed(unavailable("the server refuses to encrypt with it; make a key of type aes256-gcm96"))
	}
	return sealed, err
}

// Decrypt has the server decrypt. It returns seal.ErrSealed when the server has tried and it does
// not open.
func (r remote) Decrypt(ctx context.Context, sealed, bound []byte) ([]byte, error) {
	return r.ask(ctx, func(a aead) ([]byte, error) { return a.Decrypt(sealed, bound) })
}

// aead is what the driver makes, which knows no context.
type aead interface {
	Encrypt(plain, bound []byte) ([]byte, error)
	Decrypt(sealed, bound []byte) ([]byte, error)
}

// ask makes one call under a client of its own: there are a few of them in the life of a process,
// and so a token or authority that has changed is used at once and no connection is left behind.
func (r remote) ask(ctx context.Context, do func(aead) ([]byte, error)) ([]byte, error) {
	c, err := r.keys.newCall()
	if err != nil {
		return nil, r.failed(fmt.Errorf("%w: %w", seal.ErrUnavailable, err))
	}
	limited, cancel := context.WithTimeout(ctx, r.keys.o.Timeout)
	defer cancel()
	c.ctx = limited
	a, err := r.newAEAD(c)
	if err != nil {
		return nil, r.failed(fmt.Errorf("%w: %w", seal.ErrUnavailable, err))
	}
	out, err := do(a)
	switch {
	case err == nil:
		return out, nil
	case ctx.Err() != nil:
		return nil, r.failed(ctx.Err())
	case limited.Err() != nil:
		return nil, r.failed(fmt.Errorf("%w: the server has not answered within %v; check that address and network are right", seal.ErrUnavailable, r.keys.o.Timeout))
	}
	return nil, r.failed(r.explain(c.err))
}

func (r remote) failed(err error) error {
	return fmt.Errorf("transit key %s/%s: %w", r.keys.o.Mount, r.name, err)
}

// newAEAD makes the driver use the call. The driver's client reads the environment, and what it
// takes from there does not get past the call.
func (r remote) newAEAD(c *call) (aead, error) {
	client, err := api.NewClient(&api.Config{
		Address:          r.keys.o.Address,
		HttpClient:       &http.Client{Transport: c, CheckRedirect: noRedirect},
		DisableRedirects: true,
	})
	if err != nil {
		return nil, errors.New("a VAULT_ variable in the environment of this program is not valid; unset it, for none is used here")
	}
	client.ClearToken()
	return hcvault.NewAEAD("/"+r.keys.o.Mount+"/keys/"+r.name, client.Logical())
}

func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// newCall reads token and authorities.
func (k *Keys) newCall() (*call, error) {
	token, err := k.o.Token()
	if err != nil {
		return nil, err
	}
	if err := checkToken(token); err != nil {
		return nil, fmt.Errorf("token: %w", err)
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if k.o.CAFile != "" {
		pem, err := os.ReadFile(k.o.CAFile)
		if err != nil {
			return nil, fmt.Errorf("reading CA file %s: %w", k.o.CAFile, reason(err))
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("CA file %s has no certificate in PEM form", k.o.CAFile)
		}
	}
	header := http.Header{
		"Content-Type":    {"application/json"},
		"X-Vault-Request": {"true"}, // an agent asks for it
		"X-Vault-Token":   {token},
	}
	if k.o.Namespace != "" {
		header.Set("X-Vault-Namespace", k.o.Namespace)
	}
	return &call{header: header, base: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true, MaxResponseHeaderBytes: maxAnswer}}, nil
}
