package api_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/internal/api"
	"github.com/claviger-proxy/claviger/internal/consent"
	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
)

func TestLink(t *testing.T) {
	k := setup(t, nil)
	l, err := k.CreateLink(t.Context(), client.NewLink{
		Connection: "mail", Identifier: "ada", Scopes: []string{"mail.send"},
		ReturnURL: "https://app.example.com/settings", State: "tab=2",
	})
	if err != nil {
		t.Fatal(err)
	}
	token, ok := strings.CutPrefix(l.URL, "https://accounts.example.com/oauth/link/")
	if !ok || !strings.HasPrefix(l.ID, "lnk_") || !vault.IsAccountID(l.ConnectedAccountID) ||
		l.Connection != "mail" || l.Identifier != "ada" || time.Until(l.ExpiresAt) < time.Minute {
		t.Errorf("got %+v", l)
	}
	stored, err := k.vault.FindLink(t.Context(), vault.NewSecret(token))
	if err != nil {
		t.Fatal(err)
	}
	if string(stored.ID) != l.ID || stored.ReturnURL != "https://app.example.com/settings" || stored.AppState != "tab=2" {
		t.Errorf("stored link %s returns to %s with %s", stored.ID, stored.ReturnURL, stored.AppState)
	}
	_, err = k.Account(t.Context(), l.ConnectedAccountID)
	refused(t, err, 404, "account_not_found")

	a := k.account("mail", "bob", nil)
	again, err := k.CreateLink(t.Context(), client.NewLink{Connection: "mail", Identifier: "bob"})
	if err != nil || again.ConnectedAccountID != string(a.ID) {
		t.Errorf("a link for an account that exists is for %s, want %s (%v)", again.ConnectedAccountID, a.ID, err)
	}
	got := k.send("POST", "/claviger/links", `{"connection":"mail","identifier":"eve"}`)
	if got.status != 201 || got.header.Get("Cache-Control") != "no-store" {
		t.Errorf("got %d %v", got.status, got.header)
	}
}

func TestLinkRefused(t *testing.T) {
	k := setup(t, nil)
	tests := []struct {
		name   string
		link   client.NewLink
		status int
		code   string
	}{
		{"connection", client.NewLink{Connection: "gmail", Identifier: "ada"}, 404, "connection_not_found"},
		{"no identifier", client.NewLink{Connection: "mail"}, 400, "identifier_invalid"},
		{"identifier", client.NewLink{Connection: "mail", Identifier: "ada lovelace"}, 400, "identifier_invalid"},
		{"scopes", client.NewLink{Connection: "mail", Identifier: "ada", Scopes: []string{"a b"}}, 400, "scopes_invalid"},
		{"return URL", client.NewLink{Connection: "mail", Identifier: "ada", ReturnURL: "https://evil.example"}, 400, "return_url_not_allowed"},
		{"state", client.NewLink{Connection: "mail", Identifier: "ada", State: "a\nb"}, 400, "return_state_invalid"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l, err := k.CreateLink(t.Context(), tt.link)
			e := refused(t, err, tt.status, tt.code)
			if e.Detail == "" || l != (client.Link{}) {
				t.Errorf("detail %q, link %+v", e.Detail, l)
			}
		})
	}
}

func TestLinkInputs(t *testing.T) {
	k := setup(t, withOwn(t, vault.Connection{Name: "shop", Connector: "shop", ClientID: "x"}))
	inputs := map[string]string{"shop": "acme", "pin": canaryPosted}
	l, err := k.CreateLink(t.Context(), client.NewLink{Connection: "shop", Identifier: "ada", Inputs: inputs})
	if err != nil {
		t.Fatal(err)
	}
	stored, err := k.vault.FindLink(t.Context(), vault.NewSecret(l.URL[strings.LastIndex(l.URL, "/")+1:]))
	if err != nil || !stored.Inputs["shop"].Equal(vault.NewSecret("acme")) || !stored.Inputs["pin"].Equal(vault.NewSecret(canaryPosted)) {
		t.Errorf("the link has %d inputs, %v", len(stored.Inputs), err)
	}
	for name, inputs := range map[string]map[string]string{
		"unfit": {"shop": "a.b"}, "unknown": {"shop": "acme", "token": canaryPosted},
	} {
		_, err := k.CreateLink(t.Context(), client.NewLink{Connection: "shop", Identifier: "ada", Inputs: inputs})
		if e := refused(t, err, 422, "account_inputs_invalid"); strings.Contains(e.Error(), "canary") || e.Next == "" {
			t.Errorf("%s: %+v", name, e)
		}
	}
	if _, err := k.CreateLink(t.Context(), client.NewLink{Connection: "shop", Identifier: "ada"}); err != nil {
		t.Errorf("with nothing, for which the user is asked: %v", err)
	}
	k.noCanaries("GET /connections/shop", "GET /events")
}

// withFlow gives the API a flow of its connections, with that callback or none.
func withFlow(t *testing.T, callback *url.URL) func(*api.Options) {
	return func(o *api.Options) {
		var err error
		o.Consent, err = consent.New(consent.Options{Vault: o.Vault, Connections: o.Connections, OAuth: oauth.New(oauth.Options{}), Callback: callback})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestLinkWithoutCallback(t *testing.T) {
	k := setup(t, withFlow(t, nil))
	_, err := k.CreateLink(t.Context(), client.NewLink{Connection: "mail", Identifier: "ada"})
	if e := refused(t, err, 409, "callback_not_configured"); !strings.Contains(e.Next, "callback https://") {
		t.Errorf("next is %q, want what to add", e.Next)
	}
	c, err := k.Connection(t.Context(), "mail")
	if err != nil || c.RedirectURI != "" {
		t.Errorf("redirect URI %q without a callback (%v)", c.RedirectURI, err)
	}
	if s, err := k.Status(t.Context()); err != nil || s.Callback != "" {
		t.Errorf("callback %q (%v)", s.Callback, err)
	}
}
