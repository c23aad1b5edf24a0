package connection_test

import (
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

const marketYAML = `
schema: 1
name: market
title: Market
authorize: {url: "https://market.example.com/install"}
install: {inbound: true}
token: {url: "https://market.example.com/token", client_auth: post}
api: {base_url: "https://market.example.com/api"}
`

func TestInstallURL(t *testing.T) {
	market, err := connectors.Decode("market.yaml", []byte(marketYAML))
	if err != nil {
		t.Fatal(err)
	}
	known := catalog(t).With(market)
	for _, tt := range []struct {
		url  string
		good bool
	}{
		{"", true},
		{"https://app.example.com", true},
		{"https://app.example.com:8443/installs?from=market&x=%2f", true},
		{"http://localhost:3000/installs", true},
		{"http://127.0.0.1/installs", true},
		{"http://app.example.com/installs", false},
		{"http://localhost.example.com/", false},
		{"ftp://app.example.com/", false},
		{"javascript:alert(1)", false},
		{"//app.example.com/", false},
		{"https:/app.example.com/", false},
		{"https:app.example.com", false},
		{"https://", false},
		{"https://app.example.com:/", false},
		{"https://good@app.example.com/", false},
		{"https://app.example.com/#code", false},
		{`https://app.example.com\@evil.example/`, false},
		{"https://app.example.com/ a", false},
		{"https://app.example.com/\r\nX-A: b", false},
		{"https://app.example.com/ä", false},
		{"https://app.example.com/?a=%zz", false},
		{"https://app.example.com/" + strings.Repeat("a", 2048), false},
	} {
		c := configured("market", "market")
		c.InstallURL = tt.url
		got, err := connection.New(c, known)
		if !tt.good {
			wantCode(t, err, connection.CodeInvalidConnection)
			continue
		}
		if err != nil || got.InstallURL != tt.url {
			t.Errorf("%q: %v", tt.url, err)
		}
	}
	c := configured("mail", "gmail")
	c.InstallURL = "https://app.example.com"
	_, err = connection.New(c, known)
	wantCode(t, err, connection.CodeInvalidConnection)
	if err == nil || !strings.Contains(err.Error(), "no installs") {
		t.Errorf("the error is %v", err)
	}
}

// A configured connection has the page that the configuration says, after a reload as well.
func TestInstallURLChanges(t *testing.T) {
	market, err := connectors.Decode("market.yaml", []byte(marketYAML))
	if err != nil {
		t.Fatal(err)
	}
	v := vaulttest.New(t)
	for _, url := range []string{"https://app.example.com/a", "https://app.example.com/b", ""} {
		c := configured("market", "market")
		c.InstallURL = url
		if _, err := connection.NewSet(t.Context(), v, catalog(t).With(market), []vault.Connection{c}); err != nil {
			t.Fatal(err)
		}
		stored, err := v.FindConnection(t.Context(), "", "market")
		if err != nil || stored.InstallURL != url {
			t.Errorf("the vault has %q, %v; want %q", stored.InstallURL, err, url)
		}
	}
}
