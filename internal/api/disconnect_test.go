package api_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/internal/fakeprovider"
	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

// withProvider is setup with a provider behind the connection mail.
func withProvider(t *testing.T) (*kit, *fakeprovider.Server) {
	t.Helper()
	p, err := fakeprovider.Start(t.Context(), fakeprovider.Config{ClientSecret: canaryConfigured})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return setupAt(t, vaulttest.New(t), p.Port(), nil), p
}

// granted connects an account with tokens that the provider knows.
func granted(t *testing.T, k *kit, p *fakeprovider.Server, user string) vault.ConnectedAccount {
	t.Helper()
	tokens, err := p.Grant(user, "mail.read")
	if err != nil {
		t.Fatal(err)
	}
	return k.account("mail", user, func(_ *vault.ConnectedAccount, g *vault.Grant) {
		g.Access, g.Refresh, g.Expires = vault.NewSecret(tokens.Access), vault.NewSecret(tokens.Refresh), tokens.Expires
	})
}

func TestDisconnect(t *testing.T) {
	tests := []struct {
		name       string
		disconnect func(*kit, vault.ConnectedAccount) (client.Disconnection, error)
	}{
		{"by ID", func(k *kit, a vault.ConnectedAccount) (client.Disconnection, error) {
			return k.Disconnect(t.Context(), string(a.ID))
		}},
		{"by name", func(k *kit, a vault.ConnectedAccount) (client.Disconnection, error) {
			return k.DisconnectNamed(t.Context(), "mail", a.Identifier)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k, p := withProvider(t)
			a := granted(t, k, p, "alice")
			d, err := tt.disconnect(k, a)
			if err != nil {
				t.Fatal(err)
			}
			if !d.Revoked || d.RevokeError != "" || d.Account.Status != client.StatusDisconnected || d.Account.ID != string(a.ID) {
				t.Errorf("got %+v", d)
			}
			if d.Account.Connection != "mail" || d.Account.Next == "" {
				t.Errorf("connection %q, next %q", d.Account.Connection, d.Account.Next)
			}
			if n := p.LiveGrants("alice"); n != 0 {
				t.Errorf("the provider still has %d grants", n)
			}
			if _, err := k.vault.Grant(t.Context(), a.ID); err == nil {
				t.Error("the tokens are still in the vault")
			}
			again, err := tt.disconnect(k, a)
			if err != nil || again.Revoked || again.Account.Status != client.StatusDisconnected {
				t.Errorf("the second time: %+v, %v", again, err)
			}
		})
	}
}

func TestDisconnectProviderDown(t *testing.T) {
	k, p := withProvider(t)
	a := granted(t, k, p, "bob")
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	d, err := k.Disconnect(t.Context(), string(a.ID))
	if err != nil {
		t.Fatal(err)
	}
	if d.Revoked || d.RevokeError == "" || d.Account.Status != client.StatusDisconnected {
		t.Errorf("got %+v", d)
	}
	for _, secret := range p.Secrets() {
		if strings.Contains(d.RevokeError, secret) {
			t.Errorf("revoke_error shows a secret: %s", d.RevokeError)
		}
	}
	if _, err := k.vault.Grant(t.Context(), a.ID); err == nil {
		t.Error("the tokens are still in the vault")
	}
}

// TestNoSecrets asks every route for everything and looks for what must not be there.
func TestNoSecrets(t *testing.T) {
	k, p := withProvider(t)
	a := granted(t, k, p, "alice")
	k.account("mail", "canary-user", nil)
	k.second("work")
	n := demoConnection("expanded")
	n.ClientSecret = "{env.SECRET}"
	if _, err := k.CreateConnection(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	l, err := k.CreateLink(t.Context(), client.NewLink{Connection: "mail", Identifier: "eve"})
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(l.URL)
	if err != nil {
		t.Fatal(err)
	}
	token := u.Path[strings.LastIndex(u.Path, "/")+1:]

	var seen strings.Builder
	for _, target := range []string{
		"GET /status", "GET /connectors", "GET /connectors/demo", "GET /connectors/none",
		"GET /connections", "GET /connections/mail", "GET /connections/work", "GET /connections/expanded", "GET /connections/none",
		"GET /accounts", "GET /accounts?connection=mail", "GET /accounts/" + string(a.ID), "GET /accounts/mail/alice",
		"GET /accounts/mail/canary-user", "GET /accounts/mail/eve", "GET /accounts/" + l.ConnectedAccountID,
		`POST /connections {"name":"work","connector":"demo","client_id":"x","client_secret":"` + canaryPosted + `","params":{"port":"9090"}}`,
		`POST /connections {"name":"bad","connector":"demo","client_id":"x","client_secret":"` + canaryPosted + `","params":{"port":"no"}}`,
		`POST /connections {"name":"bad","client_secret":"` + canaryPosted + `","client_secret":"x"}`,
		`POST /accounts/import {"accounts":[{"connection":"mail","identifier":"imported","grant":{"access_token":"` + canaryImported + `"}}]}`,
		`POST /accounts/import {"accounts":[{"connection":"mail","identifier":"bad","grant":{"access_token":"` + canaryImported + ` "}}]}`,
		"GET /vault", "POST /vault/keys", "POST /vault/rotate", "POST /vault/keys/none/promote", "POST /vault/keys/none/retire", "POST /vault/rekey",
		"POST /vault/reseal/pause", "POST /vault/reseal", "POST /vault/verify", "POST /vault/compact", "POST /vault/backup",
		`POST /vault/forget {"identifier":"imported"}`, `POST /vault/forget {"identifier":"nobody"}`,
		"POST /accounts/mail/alice/refresh", "POST /accounts/mail/alice/check", "GET /accounts/mail/alice/token", "GET /accounts/" + string(a.ID) + "/token",
		"POST /accounts/mail/alice/disconnect", "POST /accounts/mail/canary-user/disconnect", "GET /accounts/mail/alice",
		"DELETE /connections/mail", "DELETE /connections/work",
	} {
		part := append(strings.SplitN(target, " ", 3), "")
		got := k.send(part[0], "/claviger"+part[1], part[2])
		seen.WriteString(got.text)
		for name, values := range got.header {
			seen.WriteString(name + ": " + strings.Join(values, " ") + "\n")
		}
	}
	secrets := append(p.Secrets(), canaryConfigured, canaryPosted, canaryExpanded, canaryImported, token,
		"access-canary-mail-canary-user", "refresh-canary-mail-canary-user", "id-token-canary-canary-user")
	for _, s := range secrets {
		if strings.Contains(seen.String(), s) {
			t.Errorf("an answer holds %q", s)
		}
		if strings.Contains(k.log.String(), s) {
			t.Errorf("the log holds %q", s)
		}
	}
	if !strings.Contains(seen.String(), `"has_client_secret":true`) {
		t.Error("no connection tells that it has a secret: the answers are not what was meant")
	}
}
