package api_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/vault"
)

// withKeys is setup with a connection to a provider that takes two keys.
func withKeys(t *testing.T) *kit {
	t.Helper()
	p := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key := r.Header.Get("X-Key")
		if key != canaryPosted && key != canaryImported || r.URL.Path != "/acme/me" {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"error":"`+key+`"}`)
			return
		}
		_, _ = io.WriteString(w, `{"id":"17"}`)
	}))
	t.Cleanup(p.Close)
	u, err := url.Parse(p.URL)
	if err != nil {
		t.Fatal(err)
	}
	return setup(t, withOwn(t,
		vault.Connection{Name: "keys", Connector: "keyed", Params: map[string]string{"port": u.Port()}},
		vault.Connection{Name: "gadget", Connector: "gadget", ClientID: "x"},
	))
}

func newAccount(key string) client.NewAccount {
	return client.NewAccount{Connection: "keys", Identifier: "ada", Inputs: map[string]string{"site": "https://acme.example.com/home", "key": key}}
}

func TestCreateAccount(t *testing.T) {
	k := withKeys(t)
	a, err := k.CreateAccount(t.Context(), newAccount(canaryPosted))
	if err != nil {
		t.Fatal(err)
	}
	if !vault.IsAccountID(a.ID) || a.Connection != "keys" || a.Connector != "keyed" || a.Identifier != "ada" ||
		a.Status != client.StatusActive || a.Identity.ID != "17" || a.Next != "" {
		t.Errorf("got %+v", a)
	}
	if found, err := k.FindAccount(t.Context(), "keys", "ada"); err != nil || found.ID != a.ID {
		t.Errorf("found %+v, %v", found, err)
	}
	got := k.send("POST", "/claviger/accounts", `{"connection":"keys","identifier":"ada","inputs":{"site":"acme","key":"`+canaryImported+`"}}`)
	if got.status != 201 || got.header.Get("Location") != "/claviger/accounts/"+a.ID || got.header.Get("Cache-Control") != "no-store" {
		t.Errorf("the second time: %d %v", got.status, got.header)
	}
	if strings.Contains(got.text, "canary") {
		t.Errorf("the answer holds the key: %s", got.text)
	}
	g, err := k.vault.Grant(t.Context(), vault.AccountID(a.ID))
	if err != nil || !g.Inputs["key"].Equal(vault.NewSecret(canaryImported)) {
		t.Errorf("the account has not got the new key: %v", err)
	}
	k.noCanaries("GET /accounts", "GET /accounts/"+a.ID, "GET /events", "GET /connections/keys")
}

func TestCreateAccountRefused(t *testing.T) {
	k := withKeys(t)
	for _, tt := range []struct {
		name   string
		change func(*client.NewAccount)
		status int
		code   string
		says   string
	}{
		{"key", func(n *client.NewAccount) { n.Inputs["key"] = "canary-wrong" }, 422, "credential_refused", "refuses"},
		{"no key", func(n *client.NewAccount) { delete(n.Inputs, "key") }, 422, "account_inputs_invalid", "key: "},
		{"no inputs", func(n *client.NewAccount) { n.Inputs = nil }, 422, "account_inputs_invalid", "site: "},
		{"unfit", func(n *client.NewAccount) { n.Inputs["site"] = "ac me" }, 422, "account_inputs_invalid", "site: "},
		{"not one of several", func(n *client.NewAccount) { n.Inputs["zone"] = "asia" }, 422, "account_inputs_invalid", "eu, us"},
		{"unknown", func(n *client.NewAccount) { n.Inputs["token"] = "canary" }, 422, "account_inputs_invalid", "token: "},
		{"two mistakes", func(n *client.NewAccount) { n.Inputs["zone"], n.Inputs["token"] = "asia", "canary" }, 422, "account_inputs_invalid", "; "},
		{"placeholder", func(n *client.NewAccount) { n.Inputs["key"] = "{file./etc/passwd}" }, 422, "credential_refused", "refuses"},
		{"identifier", func(n *client.NewAccount) { n.Identifier = "a b" }, 400, "identifier_invalid", "identifier"},
		{"connection", func(n *client.NewAccount) { n.Connection = "none" }, 404, "connection_not_found", "none"},
		{"consent", func(n *client.NewAccount) { n.Connection = "gadget" }, 409, "authorization_link_required", "consent"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := newAccount(canaryPosted)
			tt.change(&n)
			a, err := k.CreateAccount(t.Context(), n)
			e := refused(t, err, tt.status, tt.code)
			if !strings.Contains(e.Detail, tt.says) || strings.Contains(e.Detail, "\n") || e.Next == "" && tt.status != 404 {
				t.Errorf("detail %q, next %q; want %q in one line", e.Detail, e.Next, tt.says)
			}
			if strings.Contains(e.Error()+e.Next, "canary") || a.ID != "" {
				t.Errorf("the error shows the secret, or there is an account: %+v, %+v", e, a)
			}
		})
	}
	k.send("POST", "/claviger/accounts", `{"connection":"keys","identifier":"ada","input":{}}`).wants(t, 400, "field_unknown")
	k.send("POST", "/claviger/accounts", `{"connection":"keys","identifier":"ada","inputs":{"key":1}}`).wants(t, 400, "field_invalid")
	k.send("POST", "/claviger/accounts?dry=1", `{}`).wants(t, 400, "parameter_unknown")
	if got := k.send("GET", "/claviger/accounts", ""); got.text != `{"items":[]}`+"\n" {
		t.Errorf("there are accounts: %s", got.text)
	}
	k.noCanaries("GET /accounts")
}

// What is to be done for an account is said in the way of its connection.
func TestNextWithoutBrowser(t *testing.T) {
	k := withKeys(t)
	a, err := k.CreateAccount(t.Context(), newAccount(canaryPosted))
	if err != nil {
		t.Fatal(err)
	}
	d, err := k.Disconnect(t.Context(), a.ID)
	if want := "`claviger accounts add keys ada`"; err != nil || !strings.Contains(d.Account.Next, want) {
		t.Errorf("next is %q, want %s (%v)", d.Account.Next, want, err)
	}
	l, err := k.CreateLink(t.Context(), client.NewLink{Connection: "keys", Identifier: "ada"})
	if err != nil || !strings.HasPrefix(l.URL, "https://accounts.example.com/oauth/link/") || l.ConnectedAccountID != a.ID {
		t.Errorf("the link is %+v, %v", l, err)
	}
	k.account("gadget", "ada", nil)
	g, err := k.DisconnectNamed(t.Context(), "gadget", "ada")
	if want := "`claviger connect gadget ada`"; err != nil || !strings.Contains(g.Account.Next, want) {
		t.Errorf("next is %q, want %s (%v)", g.Account.Next, want, err)
	}
}
