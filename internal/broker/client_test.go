package broker_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/claviger-proxy/claviger/internal/broker"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/vault"
)

// reconfigure is the kit with another configuration of its connection.
func (k *lifeKit) reconfigure(c vault.Connection, apps ...vault.App) {
	k.t.Helper()
	set, err := connection.NewSet(k.t.Context(), k.vault, k.set.Catalog(), []vault.Connection{c}, apps...)
	if err != nil {
		k.t.Fatal(err)
	}
	k.set = set
	k.broker = k.process(k.shared)
}

// who is the client ID of a request that the client has authenticated with HTTP Basic.
func (a asked) who() string {
	text, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(a.token, "Basic "))
	id, _, _ := strings.Cut(string(text), ":")
	return id
}

// whoAsked are the clients of all requests of the token endpoint so far, and forgets them.
func (o *oracle) whoAsked() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var who []string
	for _, a := range o.asked {
		if a.path == tokenPath {
			who = append(who, a.who())
		}
	}
	o.asked = nil
	return strings.Join(who, " ")
}

func of(client string) func(*vault.Grant) { return func(g *vault.Grant) { g.ClientID = client } }

func oauthClient(id string) vault.OAuthClient {
	return vault.OAuthClient{ID: id, Secrets: []vault.Secret{vault.NewSecret("client_secret_" + id)}}
}

// An account is refreshed with the client that it was connected with, whatever is used for new ones.
func TestAccountRemembersItsClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newLifeKit(t, "", broker.Schedule{})
		k.reconfigure(vault.Connection{Name: "x", Connector: "x", Earlier: []vault.OAuthClient{oauthClient("old")}},
			vault.App{Connector: "x", Client: oauthClient("app"), Earlier: []vault.OAuthClient{oauthClient("app_before")}})
		for _, client := range []string{"old", "app", "app_before", ""} {
			target := k.account("user_"+client, time.Minute, of(client))
			time.Sleep(time.Hour)
			k.credential(target)
			want := client
			if want == "" {
				want = "app"
			}
			if got := k.provider.whoAsked(); got != want {
				t.Errorf("client %q: %q has asked", client, got)
			}
			g, err := k.vault.Grant(t.Context(), target.Account)
			if err != nil || g.ClientID != client || g.Generation != 2 {
				t.Errorf("client %q: the grant is of %q, generation %d, %v", client, g.ClientID, g.Generation, err)
			}
		}
	})
}

// An account whose client is not known any more says so, and loses nothing: the provider is not asked, and
// with the client back it goes on.
func TestClientThatIsNotKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newLifeKit(t, "", broker.Schedule{})
		target, other := k.account("ada", time.Hour, of("gone")), k.account("bob", time.Hour, of("id"))
		k.credential(target) // the token is good as long as it lives
		k.tend(2 * time.Hour)
		if got := k.provider.whoAsked(); strings.Contains(got, "gone") || got == "" {
			t.Errorf("%q have asked, want only the client that is known", got)
		}
		_, err := k.broker.Credential(t.Context(), target)
		e := wantCode(t, err, broker.CodeClientUnknown)
		if !strings.Contains(e.Message, `"gone"`) || !strings.Contains(e.Next, "connections update x --earlier --client-id gone") || !strings.Contains(e.Next, "claviger connect x ada") {
			t.Errorf("got %q, next %q", e.Message, e.Next)
		}
		k.credential(other)
		if a := k.wantAccount(target, vault.StatusActive, "", 1); a.Failures == 0 {
			t.Error("the account does not tell that it has failed")
		}
		k.provider.whoAsked()
		c := vault.Connection{Name: "x", Connector: "x", ClientID: "id", ClientSecret: vault.NewSecret("client_secret_x"), Earlier: []vault.OAuthClient{oauthClient("gone")}}
		k.reconfigure(c)
		time.Sleep(time.Hour)
		k.credential(k.resolve(string(target.Account)))
		if got := k.provider.whoAsked(); got != "gone" {
			t.Errorf("%q has asked, want the client that is back", got)
		}
		k.wantAccount(target, vault.StatusActive, "", 2)
	})
}

// What the hint names is what uses the client.
func TestHintForAClientOfAnApp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newLifeKit(t, "", broker.Schedule{})
		k.reconfigure(vault.Connection{Name: "x", Connector: "x"}, vault.App{Connector: "x", Client: oauthClient("app")})
		gone, refused := k.account("ada", time.Minute, of("gone")), k.account("bob", time.Minute, of("app"))
		time.Sleep(time.Hour)
		_, err := k.broker.Credential(t.Context(), gone)
		if e := wantCode(t, err, broker.CodeClientUnknown); !strings.Contains(e.Next, "apps update x --earlier") {
			t.Errorf("got next %q", e.Next)
		}
		k.provider.says(func(int, asked) reply {
			return reply{status: http.StatusUnauthorized, body: `{"error":"invalid_client"}`}
		})
		_, err = k.broker.Credential(t.Context(), refused)
		if e := wantCode(t, err, broker.CodeClientRejected); !strings.Contains(e.Message, "default app") {
			t.Errorf("got %q", e.Message)
		}
	})
}

// An earlier client that the provider refuses stops nobody else, neither who asks nor what is done ahead.
func TestEarlierClientThatIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newLifeKit(t, "", broker.Schedule{IdleAfter: -1})
		c := vault.Connection{Name: "x", Connector: "x", ClientID: "id", ClientSecret: vault.NewSecret("client_secret_x"), Earlier: []vault.OAuthClient{oauthClient("old")}}
		k.reconfigure(c)
		k.provider.says(func(n int, a asked) reply {
			if a.who() == "old" {
				return reply{status: http.StatusUnauthorized, body: `{"error":"invalid_client"}`}
			}
			return fresh(n, 3600)
		})
		var old []broker.Target
		for _, name := range []string{"a", "b", "c", "d", "e"} {
			old = append(old, k.account("old_"+name, time.Hour, of("old")))
		}
		mine := k.account("mine", time.Hour, of("id"))
		k.tend(10 * time.Hour)
		if a := k.stored(mine); a.Generation < 10 {
			t.Errorf("the account of the client in use was refreshed %d times in ten hours", a.Generation-1)
		}
		for _, target := range old {
			_, err := k.broker.Credential(t.Context(), target)
			if e := wantCode(t, err, broker.CodeClientRejected); !strings.Contains(e.Message, `"old"`) {
				t.Errorf("got %q, want to be told which client", e.Message)
			}
			k.credential(mine)
			k.wantAccount(target, vault.StatusActive, "", 1)
		}
	})
}

// The client in use that the provider refuses stops no account of an earlier one.
func TestClientInUseThatIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newLifeKit(t, "", broker.Schedule{})
		k.reconfigure(vault.Connection{Name: "x", Connector: "x", ClientID: "id", ClientSecret: vault.NewSecret("client_secret_x"), Earlier: []vault.OAuthClient{oauthClient("old")}})
		k.provider.says(func(n int, a asked) reply {
			if a.who() == "id" {
				return reply{status: http.StatusUnauthorized, body: `{"error":"invalid_client"}`}
			}
			return fresh(n, 3600)
		})
		mine, old := k.account("mine", time.Minute, of("id")), k.account("old", time.Minute, of("old"))
		time.Sleep(time.Hour)
		_, err := k.broker.Credential(t.Context(), mine)
		wantCode(t, err, broker.CodeClientRejected)
		k.credential(old)
	})
}

// Where each request is signed with the client's secret, an account of a client that is not known cannot be
// used at all, and says that at once.
func TestSignerWithoutItsClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newLifeKit(t, "signer:\n  kind: hmac\n  key: \"{client_secret}\"\n  parts: [method]\n  header: X-Sign\n", broker.Schedule{})
		target := k.account("ada", 0, of("gone"))
		_, err := k.broker.Credential(t.Context(), target)
		wantCode(t, err, broker.CodeClientUnknown)
		k.credential(k.account("bob", 0, of("id")))
	})
}
