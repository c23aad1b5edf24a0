package connection_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/internal/declared"
	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
)

const certified = `schema: 1
name: certified
title: Certified
mode: static
account: [{name: cert, secret: true, multiline: true}, {name: key, secret: true, multiline: true}]
client_cert: {cert: "{account.cert}", key: "{account.key}"}
api: {base_url: "https://api.example.com"}
`

// The connector's own requests go out with the account's certificate, or not at all.
func TestTransport(t *testing.T) {
	k := decoded(t, certified)
	client, err := declared.Register(k, "https://claviger.example.com/oauth/callback/work")
	if err != nil {
		t.Fatal(err)
	}
	all, err := connection.New(vault.Connection{Name: "work", Connector: k.Name}, (*connectors.Catalog)(nil).With(k))
	if err != nil {
		t.Fatal(err)
	}
	of := func(cert, key string) *connection.Connection {
		one, err := all.For(vault.NewSecrets(map[string]string{"cert": cert, "key": key}), nil)
		if err != nil {
			t.Fatal(err)
		}
		return one
	}
	cert, key := client.Account["cert"], client.Account["key"]
	base := new(http.Transport)
	got, err := of(cert, key).Transport(base)
	own, ok := got.(*http.Transport)
	if err != nil || !ok || own == base || !own.DisableKeepAlives || base.TLSClientConfig != nil && base.TLSClientConfig.GetClientCertificate != nil {
		t.Fatalf("got %v, %v", got, err)
	}
	if pair, err := own.TLSClientConfig.GetClientCertificate(nil); err != nil || len(pair.Certificate) != 1 {
		t.Errorf("it presents %v, %v", pair, err)
	}
	for name, c := range map[string]*connection.Connection{"no key": of(cert, "none"), "no certificate": of("none", key), "swapped": of(key, cert), "nothing": all} {
		if got, err := c.Transport(base); !errors.Is(err, oauth.ErrCertificate) || got != nil || err.Error() != oauth.ErrCertificate.Error() {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
	}
	if got, err := of(cert, key).Transport(http.NewFileTransport(nil)); !errors.Is(err, oauth.ErrCertificate) || got != nil {
		t.Errorf("over what cannot present it: got %v, %v", got, err)
	}
	plain := decoded(t, "schema: 1\nname: plain\ntitle: Plain\nmode: none\napi: {base_url: \"https://api.example.com\"}\n")
	without, err := connection.New(vault.Connection{Name: "plain", Connector: plain.Name}, (*connectors.Catalog)(nil).With(plain))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := without.Transport(base); got != http.RoundTripper(base) || err != nil {
		t.Errorf("without a certificate: got %v, %v", got, err)
	}
}
