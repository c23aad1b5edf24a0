package cli

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/internal/transfer"
	"github.com/claviger-proxy/claviger/vault"
)

// All that an export has of a connection and of a grant is sent to the server.
func TestMoved(t *testing.T) {
	secrets := func(name, value string) vault.Secrets { return vault.NewSecrets(map[string]string{name: value}) }
	for _, c := range []struct {
		name string
		from transfer.Connection
		want client.NewConnection
	}{
		{
			"secret params",
			transfer.Connection{
				Name: "desk", Connector: "helpdesk", Way: "key", Origin: vault.OriginAPI, ClientID: "own", ClientSecret: vault.NewSecret("s"),
				Scopes: []string{"read"}, Params: map[string]string{"region": "eu", "app_key": "old"}, SecretParams: secrets("app_key", "k\nk"),
			},
			client.NewConnection{
				Name: "desk", Connector: "helpdesk", Auth: "key", ClientID: "own", ClientSecret: "s",
				Scopes: []string{"read"}, Params: map[string]string{"region": "eu", "app_key": "k\nk"},
			},
		},
		{
			"several clients",
			transfer.Connection{
				Name: "mail", Connector: "gmail", ClientID: "own", ClientSecret: vault.NewSecret("s"), FurtherSecrets: []vault.Secret{vault.NewSecret("t")},
				EarlierClients: []vault.OAuthClient{{ID: "before", Secrets: []vault.Secret{vault.NewSecret("u")}}, {ID: "public"}},
			},
			client.NewConnection{
				Name: "mail", Connector: "gmail", ClientID: "own", ClientSecrets: []string{"s", "t"}, Params: map[string]string{},
				EarlierClients: []client.NewOAuthClient{{ClientID: "before", ClientSecrets: []string{"u"}}, {ClientID: "public"}},
			},
		},
		{
			"no params",
			transfer.Connection{Name: "mail", Connector: "gmail"},
			client.NewConnection{Name: "mail", Connector: "gmail", Params: map[string]string{}},
		},
	} {
		if d := cmp.Diff(c.want, movedConnection(c.from)); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, d)
		}
	}
	at := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	grant := &vault.Grant{
		Access: vault.NewSecret("a"), Refresh: vault.NewSecret("r"), IDToken: vault.NewSecret("i"), Scopes: []string{"read"},
		ObtainedAt: at, Expires: at.Add(1), RefreshExpires: at.Add(2), ClientID: "own", RedirectURI: "https://cb.test",
		Captured: map[string]string{"team": "T1"}, Slots: secrets("bot", "b"), Inputs: secrets("api_key", "k"),
	}
	want := &client.ImportGrant{
		AccessToken: "a", RefreshToken: "r", IDToken: "i", Scopes: []string{"read"},
		ObtainedAt: at, Expires: at.Add(1), RefreshExpires: at.Add(2), ClientID: "own", RedirectURI: "https://cb.test",
		Captured: map[string]string{"team": "T1"}, Slots: map[string]string{"bot": "b"}, Inputs: map[string]string{"api_key": "k"},
	}
	if d := cmp.Diff(want, movedAccount(transfer.Account{Grant: grant}).Grant); d != "" {
		t.Errorf("grant (-want +got):\n%s", d)
	}
	if out := movedAccount(transfer.Account{}); out.Grant != nil {
		t.Errorf("got %+v, want no grant", out)
	}
}
