package broker_test

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/broker"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/internal/fakeprovider"
	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

// kit is a broker, a vault in memory and a provider, on one clock.
type kit struct {
	t        testing.TB
	provider *fakeprovider.Server
	store    *hookedStore
	vault    *vault.Vault
	set      *connection.Set
	broker   *broker.Broker
	shared   *broker.Shared

	mu     sync.Mutex
	time   time.Time
	clock  func() time.Time // nil is the kit's own time
	events []vault.Event
}

func newKit(t testing.TB) *kit {
	k := &kit{t: t, time: time.Now()}
	var err error
	if k.provider, err = fakeprovider.Start(t.Context(), fakeprovider.Config{Now: k.now}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { k.provider.Close() })
	k.store = &hookedStore{Store: vaulttest.NewStore(t)}
	k.vault = k.open()
	catalog, err := connectors.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	k.set, err = connection.NewSet(t.Context(), k.vault, catalog, []vault.Connection{{
		Name: "demo", Connector: "demo", ClientID: k.provider.ClientID(),
		ClientSecret: vault.NewSecret(k.provider.ClientSecret()),
		Params:       map[string]string{"port": strconv.Itoa(k.provider.Port())},
	}})
	if err != nil {
		t.Fatal(err)
	}
	k.shared = broker.NewShared(0)
	k.broker = k.another()
	return k
}

// another is a second broker on the same vault and shared state, as during a reload.
func (k *kit) another() *broker.Broker {
	return broker.New(broker.Options{
		Vault: k.vault, Connections: k.set, Shared: k.shared, Now: k.now,
		OAuth: oauthAt(k),
	})
}

// open opens the kit's store.
func (k *kit) open() *vault.Vault {
	v, err := vault.OpenWith(k.t.Context(), k.store, vaulttest.NewKeys(k.t), vault.Options{Now: k.now, Notify: k.happened})
	if err != nil {
		k.t.Fatal(err)
	}
	return v
}

func (k *kit) happened(e vault.Event) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.events = append(k.events, e)
}

func (k *kit) now() time.Time {
	if k.clock != nil {
		return k.clock()
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.time
}

func (k *kit) pass(d time.Duration) {
	k.mu.Lock()
	k.time = k.time.Add(d)
	k.mu.Unlock()
}

// told counts the events by type.
func (k *kit) told() map[vault.EventType]int {
	k.mu.Lock()
	defer k.mu.Unlock()
	types := map[vault.EventType]int{}
	for _, e := range k.events {
		types[e.Type]++
	}
	return types
}

// connect makes an ACTIVE account of a user of the provider.
func (k *kit) connect(user, identifier string) broker.Target {
	k.t.Helper()
	tokens, err := k.provider.Grant(user, "openid", "mail.read")
	if err != nil {
		k.t.Fatal(err)
	}
	c, err := k.set.ByName("demo")
	if err != nil {
		k.t.Fatal(err)
	}
	a, err := k.vault.Connect(k.t.Context(), vault.Link{}, vault.ConnectedAccount{
		Project: c.Project, ConnectionID: c.ID, Connector: "demo", Identifier: identifier,
	}, vault.Grant{
		Access: vault.NewSecret(tokens.Access), Refresh: vault.NewSecret(tokens.Refresh),
		ObtainedAt: k.now(), Expires: tokens.Expires, ClientID: c.ClientID,
	})
	if err != nil {
		k.t.Fatal(err)
	}
	k.broker.Forget(a.ID)
	return k.resolve(string(a.ID))
}

func (k *kit) resolve(text string) broker.Target {
	k.t.Helper()
	ref, err := broker.ParseRef(text)
	if err != nil {
		k.t.Fatal(err)
	}
	target, err := k.broker.Resolve(k.t.Context(), ref)
	if err != nil {
		k.t.Fatal(err)
	}
	return target
}

func (k *kit) credential(target broker.Target) broker.Credential {
	k.t.Helper()
	c, err := k.broker.Credential(k.t.Context(), target)
	if err != nil {
		k.t.Fatal(err)
	}
	return c
}

func (k *kit) account(target broker.Target) vault.ConnectedAccount {
	k.t.Helper()
	a, err := k.vault.Account(context.Background(), target.Account)
	if err != nil {
		k.t.Fatal(err)
	}
	return a
}

func (k *kit) refreshes() int { return k.provider.TokenCalls("refresh_token") }

func oauthAt(k *kit) *oauth.Client { return oauth.New(oauth.Options{Now: k.now}) }
