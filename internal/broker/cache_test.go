package broker_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/internal/broker"
	"github.com/claviger-proxy/claviger/vault"
)

// A cache that has room for few of the accounts, while some are forgotten: everybody gets their own
// token, and what was found before its account left the cache stays good.
func TestCacheSmallerThanItsAccounts(t *testing.T) {
	k := newKit(t)
	k.shared = broker.NewShared(2000)
	k.broker = k.another()
	c, err := k.set.ByName("demo")
	if err != nil {
		t.Fatal(err)
	}
	const accounts = 20
	var targets [accounts]broker.Target
	for i := range targets {
		_, err := k.vault.Connect(t.Context(), vault.Link{}, vault.ConnectedAccount{
			ConnectionID: c.ID, Connector: "demo", Identifier: fmt.Sprint("user_", i),
		}, vault.Grant{Access: vault.NewSecret(fmt.Sprint("token_", i)), ObtainedAt: k.now(), Expires: k.now().Add(time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		targets[i] = k.resolve(fmt.Sprint("demo/user_", i))
	}
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for n := range 200 {
				i := (n*7 + worker) % accounts
				ref := broker.Ref{Connection: "demo", Identifier: fmt.Sprint("user_", i)}
				if n%2 == 0 {
					ref = broker.Ref{Account: targets[i].Account}
				}
				found, err := k.broker.Resolve(t.Context(), ref)
				if err != nil {
					t.Error(err)
					return
				}
				if n%5 == 0 {
					k.broker.Forget(targets[(i+1)%accounts].Account)
				}
				for _, target := range []broker.Target{found, targets[i]} {
					got, err := k.broker.Credential(t.Context(), target)
					if err != nil || !got.Token.Equal(vault.NewSecret(fmt.Sprint("token_", i))) {
						t.Errorf("user_%d: got another token, error %v", i, err)
					}
				}
			}
		})
	}
	wg.Wait()
}
