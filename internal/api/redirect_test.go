package api_test

import (
	"net/url"
	"testing"

	"github.com/claviger-proxy/claviger/client"
)

// Who adds a connection learns that its provider will not take the redirect URI.
func TestRedirectRefused(t *testing.T) {
	for _, tt := range []struct {
		callback *url.URL
		refused  bool
	}{
		{&url.URL{Scheme: "https", Host: "accounts.example.com", Path: "/oauth/callback"}, false},
		{&url.URL{Scheme: "http", Host: "localhost:8091", Path: "/oauth/callback"}, true},
		{nil, false},
	} {
		k := setup(t, withFlow(t, tt.callback))
		made, err := k.CreateConnection(t.Context(), client.NewConnection{Name: "slack", Connector: "slack", ClientID: "id", ClientSecret: "s"})
		if err != nil || made.RedirectRefused != tt.refused {
			t.Errorf("with callback %s the new connection says %t: %v", tt.callback, made.RedirectRefused, err)
		}
		got, err := k.Connection(t.Context(), "slack")
		if err != nil || got.RedirectRefused != tt.refused {
			t.Errorf("with callback %s the connection says %t: %v", tt.callback, got.RedirectRefused, err)
		}
		if mail, err := k.Connection(t.Context(), "mail"); err != nil || mail.RedirectRefused {
			t.Errorf("with callback %s a provider that takes any refuses: %v", tt.callback, err)
		}
	}
	k := setup(t, nil)
	for connector, want := range map[string]bool{"slack": true, "demo": false} {
		if c, err := k.Connector(t.Context(), connector, ""); err != nil || c.PublicRedirect != want {
			t.Errorf("%s wants a public redirect URI: %t, %v", connector, c.PublicRedirect, err)
		}
	}
}
