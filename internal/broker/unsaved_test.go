package broker_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/broker"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

// rotating is a token endpoint without a network. Its second refresh token is "refresh_2".
type rotating struct {
	mu        sync.Mutex
	refreshes int
	revoked   []string
}

func (p *rotating) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	answer := `{"access_token":"access_2","token_type":"bearer","expires_in":3600,"refresh_token":"refresh_2"}`
	if form.Get("grant_type") == "refresh_token" {
		p.refreshes++
	} else {
		p.revoked = append(p.revoked, form.Get("token"))
		answer = ""
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(answer)), Request: r}, nil
}

// newUnsaved is a kit on a clock of the test's own, with an account whose refreshed grant the vault
// did not take.
func newUnsaved(t *testing.T) (*kit, *rotating, broker.Target) {
	t.Helper()
	k, p := &kit{t: t, time: time.Now(), shared: broker.NewShared(0)}, new(rotating)
	k.store = &hookedStore{Store: vaulttest.NewStore(t)}
	k.vault = vaulttest.OpenAt(t, k.store, vaulttest.NewKeys(t), k.now)
	catalog, err := connectors.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	k.set, err = connection.NewSet(t.Context(), k.vault, catalog, []vault.Connection{{
		Name: "demo", Connector: "demo", ClientID: "id", ClientSecret: vault.NewSecret("secret"), Params: map[string]string{"port": "8099"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	k.broker = broker.New(broker.Options{
		Vault: k.vault, Connections: k.set, Shared: k.shared, Now: k.now, OAuth: oauth.New(oauth.Options{Now: k.now, Transport: p}),
	})
	c, err := k.set.ByName("demo")
	if err != nil {
		t.Fatal(err)
	}
	a, err := k.vault.Connect(t.Context(), vault.Link{}, vault.ConnectedAccount{ConnectionID: c.ID, Connector: "demo", Identifier: "user_1"}, vault.Grant{
		Access: vault.NewSecret("access_1"), Refresh: vault.NewSecret("refresh_1"), ObtainedAt: k.now(), Expires: k.now().Add(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	target := k.resolve(string(a.ID))
	k.pass(beyondExpiry)
	k.store.onWrite(vault.KindGrant, func(func() error) error { return vault.ErrFull })
	served := make(chan broker.Credential, 1)
	go func() {
		c, err := k.broker.Credential(context.Background(), target)
		if err != nil {
			t.Error(err)
		}
		served <- c
	}()
	<-time.After(time.Second)
	if n := k.shared.Unsaved(); n != 1 {
		t.Errorf("got %d unsaved tokens during the first flight, want 1", n)
	}
	if c := <-served; c.Generation != 2 || !c.Token.Equal(vault.NewSecret("access_2")) {
		t.Errorf("got generation %d, want the one from memory", c.Generation)
	}
	k.broker.Forget(target.Account)
	if c := k.credential(k.resolve(string(target.Account))); c.Generation != 2 {
		t.Errorf("got generation %d from the vault, want the one from memory", c.Generation)
	}
	if n := k.shared.Unsaved(); n != 1 {
		t.Errorf("got %d unsaved tokens, want 1", n)
	}
	return k, p, target
}

// wantSaved fails unless the vault has the refreshed grant and the provider was asked once.
func (k *kit) wantSaved(t *testing.T, p *rotating, target broker.Target) {
	t.Helper()
	g, err := k.vault.Grant(t.Context(), target.Account)
	if err != nil || g.Generation != 2 || !g.Refresh.Equal(vault.NewSecret("refresh_2")) {
		t.Errorf("stored generation %d, error %v; want 2", g.Generation, err)
	}
	if n := k.shared.Unsaved(); n != 0 {
		t.Errorf("got %d unsaved tokens, want none", n)
	}
	if p.refreshes != 1 || len(p.revoked) != 0 {
		t.Errorf("got %d refreshes and %d revocations, want one refresh", p.refreshes, len(p.revoked))
	}
}

// what the vault did not take is saved as soon as it does.
func TestR06UnsavedToken(t *testing.T) {
	for _, c := range []struct {
		name string
		then func(t *testing.T, k *kit, target broker.Target)
	}{
		{"when nobody asks", func(*testing.T, *kit, broker.Target) { <-time.After(10 * time.Second) }},
		{"at the end of the process", func(t *testing.T, k *kit, _ broker.Target) {
			if err := k.shared.Drain(t.Context()); err != nil {
				t.Error(err)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k, p, target := newUnsaved(t)
				k.store.onWrite("", nil)
				c.then(t, k, target)
				k.wantSaved(t, p, target)
			})
		})
	}
}

// The vault goes on refusing: the token is neither lost nor is the provider asked again.
func TestR06VaultStaysFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, p, target := newUnsaved(t)
		<-time.After(10 * time.Minute)
		if n := k.shared.Unsaved(); n != 1 || p.refreshes != 1 {
			t.Errorf("got %d unsaved tokens and %d refreshes, want 1 and 1", n, p.refreshes)
		}
		k.store.onWrite("", nil)
		<-time.After(time.Minute)
		k.wantSaved(t, p, target)
	})
}

// What is revoked is the token that the provider knows, and the unsaved one is not waited for any more.
func TestDisconnectRevokesUnsavedToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, p, target := newUnsaved(t)
		d, err := k.broker.Disconnect(t.Context(), target.Account)
		if err != nil || !d.Revoked {
			t.Errorf("got %+v, %v; want revoked", d, err)
		}
		if len(p.revoked) != 1 || p.revoked[0] != "refresh_2" {
			t.Errorf("got %q revoked, want the unsaved token", p.revoked)
		}
		<-time.After(time.Minute)
		if n := k.shared.Unsaved(); n != 0 {
			t.Errorf("got %d unsaved tokens, want none", n)
		}
		if _, err := k.vault.Grant(t.Context(), target.Account); !errors.Is(err, vault.ErrNotFound) {
			t.Errorf("a grant is stored: %v", err)
		}
	})
}
