package broker_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/internal/broker"
	"github.com/claviger-proxy/claviger/internal/fakeprovider"
	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
)

const beyondExpiry = 2 * time.Hour

// wantCode fails unless err is a broker error with that code.
func wantCode(t *testing.T, err error, code broker.Code) *broker.Error {
	t.Helper()
	var be *broker.Error
	if !errors.As(err, &be) || be.Code != code {
		t.Fatalf("got error %v, want code %s", err, code)
	}
	return be
}

func TestFreshTokenAsksNobody(t *testing.T) {
	k := newKit(t)
	target := k.connect("alice", "user_1")
	first := k.credential(target)
	for range 100 {
		if c := k.credential(k.resolve("demo/user_1")); !same(c, first) {
			t.Fatal("another credential without a refresh")
		}
	}
	if n := k.refreshes(); n != 0 {
		t.Errorf("got %d refreshes, want none", n)
	}
}

// 100 parallel callers at expiry, two configurations, a rotating provider.
func TestR01OneRefreshForAll(t *testing.T) {
	k := newKit(t)
	target := k.connect("alice", "user_1")
	old := k.credential(target)
	k.pass(beyondExpiry)
	brokers := []*broker.Broker{k.broker, k.another()}
	release, waiting := k.provider.HoldToken()
	got := make(chan broker.Credential, 100)
	for i := range 100 {
		go func() {
			c, err := brokers[i%2].Credential(context.Background(), target)
			if err != nil {
				t.Error(err)
			}
			got <- c
		}()
	}
	await(t, func() bool { return waiting() == 1 })
	release()
	for range 100 {
		if c := <-got; c.Generation != old.Generation+1 || c.Token.Equal(old.Token) {
			t.Errorf("got generation %d, want %d with a new token", c.Generation, old.Generation+1)
		}
	}
	if n := k.refreshes(); n != 1 {
		t.Errorf("got %d refreshes, want 1", n)
	}
	if n := k.provider.LiveGrants("alice"); n != 1 {
		t.Errorf("the provider has %d live grants, want 1: a refresh token was used twice", n)
	}
}

// R-01, when it is the provider's 401 that tells: all who were refused wait for the one refresh, and
// those who come while it lands get its token.
func TestR01OneRefreshForAllRefused(t *testing.T) {
	k := newKit(t)
	target := k.connect("alice", "user_1")
	old := k.credential(target)
	brokers := []*broker.Broker{k.broker, k.another()}
	release, waiting := k.provider.HoldToken()
	got := make(chan broker.Credential, 100)
	for i := range 100 {
		go func() {
			c, err := brokers[i%2].Renew(context.Background(), target, old)
			if err != nil {
				t.Error(err)
			}
			got <- c
		}()
	}
	await(t, func() bool { return waiting() == 1 })
	release()
	for range 100 {
		if c := <-got; c.Generation != old.Generation+1 || c.Token.Equal(old.Token) {
			t.Errorf("got generation %d, want %d with a new token", c.Generation, old.Generation+1)
		}
	}
	if n := k.refreshes(); n != 1 {
		t.Errorf("got %d refreshes, want 1", n)
	}
}

// a caller whose view is old enters after a finished refresh.
func TestR02StaleReaderDoesNotRefreshAgain(t *testing.T) {
	k := newKit(t)
	target := k.connect("alice", "user_1")
	old := k.credential(target)
	if _, err := k.broker.Renew(t.Context(), target, old); err != nil {
		t.Fatal(err)
	}
	k.pass(2 * time.Minute) // a forced refresh would be allowed again
	late, err := k.broker.Renew(t.Context(), target, old)
	if err != nil || late.Generation != old.Generation+1 {
		t.Fatalf("got generation %d, error %v; want %d", late.Generation, err, old.Generation+1)
	}
	if n := k.refreshes(); n != 1 {
		t.Errorf("got %d refreshes, want 1", n)
	}
}

// R-02, in a fleet: the other process has refreshed, and this one's memory does not know.
func TestR02AnotherProcessHasRefreshed(t *testing.T) {
	k := newKit(t)
	target := k.connect("alice", "user_1")
	old := k.credential(target)
	k.pass(beyondExpiry)
	other := broker.New(broker.Options{Vault: k.vault, Connections: k.set, Shared: broker.NewShared(0), Now: k.now, OAuth: oauthAt(k)})
	if _, err := other.Credential(t.Context(), target); err != nil {
		t.Fatal(err)
	}
	if c := k.credential(target); c.Generation != old.Generation+1 {
		t.Errorf("got generation %d, want %d", c.Generation, old.Generation+1)
	}
	if n := k.refreshes(); n != 1 {
		t.Errorf("got %d refreshes, want 1", n)
	}
}

// the caller who started the refresh goes away.
func TestR03LeaderLeaves(t *testing.T) {
	k := newKit(t)
	target := k.connect("alice", "user_1")
	k.pass(beyondExpiry)
	release, waiting := k.provider.HoldToken()
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() {
		_, err := k.broker.Credential(ctx, target)
		left <- err
	}()
	await(t, func() bool { return waiting() == 1 })
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("the caller who left got %v, want context.Canceled", err)
	}
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if _, err := k.broker.Credential(context.Background(), target); err != nil {
				t.Error(err)
			}
		})
	}
	release()
	wg.Wait()
	if n := k.refreshes(); n != 1 {
		t.Errorf("got %d refreshes, want 1", n)
	}
	if g, err := k.vault.Grant(t.Context(), target.Account); err != nil || g.Generation != 2 {
		t.Errorf("stored generation %d, error %v; want 2", g.Generation, err)
	}
}

// a dead grant ends the account, once, and the provider is not asked again.
func TestR08InvalidGrant(t *testing.T) {
	k := newKit(t)
	target := k.connect("alice", "user_1")
	k.provider.RevokeUser("alice")
	k.pass(beyondExpiry)
	for range 20 {
		_, err := k.broker.Credential(t.Context(), target)
		if be := wantCode(t, err, broker.CodeExpired); be.Reason != "invalid_grant" || be.Next == "" || be.Identifier != "user_1" {
			t.Fatalf("got reason %q, next %q", be.Reason, be.Next)
		}
	}
	if n := k.refreshes(); n != 1 {
		t.Errorf("got %d refreshes, want 1", n)
	}
	if a := k.account(target); a.Status != vault.StatusExpired || a.Reason != "invalid_grant" {
		t.Errorf("got status %s, reason %s", a.Status, a.Reason)
	}
	if got := k.told()[vault.EventStatusUpdated]; got != 1 {
		t.Errorf("got %d status_updated events, want 1", got)
	}
}

// a refused client leaves the account as it is.
func TestR09InvalidClient(t *testing.T) {
	k := newKit(t)
	target := k.connect("alice", "user_1")
	k.pass(beyondExpiry)
	k.provider.SetFault("/oauth/token", fakeprovider.Fault{Status: http.StatusUnauthorized, Body: `{"error":"invalid_client"}`})
	_, err := k.broker.Credential(t.Context(), target)
	wantCode(t, err, broker.CodeClientRejected)
	if a := k.account(target); a.Status != vault.StatusActive || a.LastError != "invalid_client" {
		t.Errorf("got status %s, last error %q", a.Status, a.LastError)
	}
	k.provider.ClearFaults()
	k.pass(time.Minute)
	k.credential(target)
}

// a provider that is down is not asked at every call, and forgiven when it is back.
func TestR10Transient(t *testing.T) {
	k := newKit(t)
	target := k.connect("alice", "user_1")
	k.pass(beyondExpiry)
	k.provider.SetFault("/oauth/token", fakeprovider.Fault{Status: http.StatusServiceUnavailable, Body: "{}", Header: http.Header{"Retry-After": {"30"}}})
	for range 50 {
		_, err := k.broker.Credential(t.Context(), target)
		if be := wantCode(t, err, broker.CodeRefreshFailed); be.RetryAfter != 30*time.Second {
			t.Fatalf("got retry after %s, want 30s", be.RetryAfter)
		}
	}
	if n := k.refreshes(); n != 1 {
		t.Errorf("got %d refreshes within the time the provider asked for, want 1", n)
	}
	k.provider.ClearFaults()
	k.pass(31 * time.Second)
	k.credential(target)
}

// an answer without a refresh token keeps the old one.
func TestR11NoRefreshTokenInAnswer(t *testing.T) {
	k := newKit(t)
	target := k.connect("alice", "user_1")
	k.provider.SetOmitRefreshToken(true)
	before, err := k.vault.Grant(t.Context(), target.Account)
	if err != nil {
		t.Fatal(err)
	}
	for round := range 3 {
		k.pass(beyondExpiry)
		k.credential(target)
		after, err := k.vault.Grant(t.Context(), target.Account)
		if err != nil {
			t.Fatal(err)
		}
		if !after.Refresh.Equal(before.Refresh) {
			t.Fatalf("round %d: the refresh token was lost", round)
		}
	}
	if n := k.refreshes(); n != 3 {
		t.Errorf("got %d refreshes, want 3", n)
	}
}

// a URL that always gives 401 does not make us refresh without end.
func TestR12ForcedRefreshIsRare(t *testing.T) {
	k := newKit(t)
	target := k.connect("alice", "user_1")
	for range 1000 {
		if _, err := k.broker.Renew(t.Context(), target, k.credential(target)); err != nil {
			t.Fatal(err)
		}
	}
	if n := k.refreshes(); n != 1 {
		t.Errorf("got %d refreshes in a minute, want 1", n)
	}
}

// the provider refuses the token, and its token endpoint is down. It is not asked again
// before the time it has named.
func TestR10TransientAfterRefusal(t *testing.T) {
	k := newKit(t)
	target := k.connect("alice", "user_1")
	refused := k.credential(target)
	k.provider.SetFault("/oauth/token", fakeprovider.Fault{Status: http.StatusServiceUnavailable, Body: "{}", Header: http.Header{"Retry-After": {"30"}}})
	for range 50 {
		if c, err := k.broker.Renew(t.Context(), target, refused); err == nil && !same(c, refused) {
			t.Fatal("got another credential without a refresh")
		}
	}
	if n := k.refreshes(); n != 1 {
		t.Errorf("got %d refreshes within the time the provider asked for, want 1", n)
	}
	k.provider.ClearFaults()
	k.pass(31 * time.Second)
	if c, err := k.broker.Renew(t.Context(), target, refused); err != nil || same(c, refused) {
		t.Errorf("got generation %d, error %v; want the next credential", c.Generation, err)
	}
}

// disconnected while a refresh is under way.
func TestR15DisconnectDuringRefresh(t *testing.T) {
	k := newKit(t)
	target := k.connect("alice", "user_1")
	k.pass(beyondExpiry)
	release, waiting := k.provider.HoldToken()
	failed := make(chan error, 1)
	go func() {
		_, err := k.broker.Credential(context.Background(), target)
		failed <- err
	}()
	await(t, func() bool { return waiting() == 1 })
	d, err := k.broker.Disconnect(t.Context(), target.Account)
	if err != nil || d.Account.Status != vault.StatusDisconnected {
		t.Fatalf("got %+v, %v", d, err)
	}
	release()
	wantCode(t, <-failed, broker.CodeDisconnected)
	if _, err := k.vault.Grant(t.Context(), target.Account); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("a grant is stored again: %v", err)
	}
	await(t, func() bool { return k.provider.LiveGrants("alice") == 0 })
}

// R-15, connected again while a refresh is under way: the late token is dropped, and nothing is
// revoked, because some providers would end the new grant with the old one.
func TestR15ConnectedAgainDuringRefresh(t *testing.T) {
	k := newKit(t)
	target := k.connect("alice", "user_1")
	k.pass(beyondExpiry)
	release, waiting := k.provider.HoldToken()
	got := make(chan broker.Credential, 1)
	go func() {
		c, err := k.broker.Credential(context.Background(), target)
		if err != nil {
			t.Error(err)
		}
		got <- c
	}()
	await(t, func() bool { return waiting() == 1 })
	k.connect("alice", "user_1")
	release()
	stored, err := k.vault.Grant(t.Context(), target.Account)
	if err != nil {
		t.Fatal(err)
	}
	if c := <-got; c.Generation != stored.Generation || !c.Token.Equal(stored.Access) {
		t.Errorf("got generation %d, want the new grant's, %d", c.Generation, stored.Generation)
	}
	if n := k.provider.Requests("/revoke"); n != 0 {
		t.Errorf("got %d revocations, want none", n)
	}
}

// A token near its end is used, and refreshed behind the request.
func TestRefreshBehindTheRequest(t *testing.T) {
	k := newKit(t)
	target := k.connect("alice", "user_1")
	old := k.credential(target)
	k.pass(time.Hour - 3*time.Second)
	release, waiting := k.provider.HoldToken()
	for range 10 {
		if c := k.credential(target); !same(c, old) {
			t.Fatal("the request did not get the token that is still good")
		}
	}
	await(t, func() bool { return waiting() == 1 })
	release()
	await(t, func() bool { return k.credential(target).Generation == old.Generation+1 })
	if n := k.refreshes(); n != 1 {
		t.Errorf("got %d refreshes, want 1", n)
	}
}

func same(a, b broker.Credential) bool { return a.Generation == b.Generation && a.Token.Equal(b.Token) }

func TestDisconnectRevokes(t *testing.T) {
	k := newKit(t)
	target := k.connect("alice", "user_1")
	d, err := k.broker.Disconnect(t.Context(), target.Account)
	if err != nil || !d.Revoked || d.RevokeError != "" {
		t.Fatalf("got %+v, %v; want revoked", d, err)
	}
	if n := k.provider.LiveGrants("alice"); n != 0 {
		t.Errorf("the provider has %d live grants, want none", n)
	}
	_, err = k.broker.Credential(t.Context(), target)
	wantCode(t, err, broker.CodeDisconnected)
	if again, err := k.broker.Disconnect(t.Context(), target.Account); err != nil || again.Revoked {
		t.Errorf("a second disconnect gave %+v, %v", again, err)
	}
}

// The caller of a disconnect hangs up. The provider is told all the same, because afterwards nobody
// has the token that could be revoked.
func TestDisconnectOutlivesItsCaller(t *testing.T) {
	k := newKit(t)
	target := k.connect("alice", "user_1")
	ctx, leave := context.WithCancel(t.Context())
	k.broker = broker.New(broker.Options{
		Vault: k.vault, Connections: k.set, Shared: k.shared, Now: k.now,
		OAuth: oauth.New(oauth.Options{Now: k.now, Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			leave()
			if err := r.Context().Err(); err != nil {
				return nil, err
			}
			return http.DefaultTransport.RoundTrip(r)
		})}),
	})
	if d, err := k.broker.Disconnect(ctx, target.Account); err != nil || !d.Revoked {
		t.Errorf("got %+v, %v; want revoked", d, err)
	}
	if n := k.provider.LiveGrants("alice"); n != 0 {
		t.Errorf("the provider has %d live grants, want none", n)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Connected again while the provider is asked to end the old grant: the new one stays.
func TestConnectedAgainDuringDisconnect(t *testing.T) {
	k := newKit(t)
	target := k.connect("alice", "user_1")
	k.provider.SetFault("/revoke", fakeprovider.Fault{Count: 1, Stream: func(w http.ResponseWriter, _ *http.Request) {
		k.connect("alice", "user_1")
	}})
	d, err := k.broker.Disconnect(t.Context(), target.Account)
	if err != nil || !d.Revoked {
		t.Fatalf("got %+v, %v; want revoked", d, err)
	}
	if c := k.credential(target); c.Generation != 2 {
		t.Errorf("got generation %d, want 2", c.Generation)
	}
}

// A token without a successor is used to its end, and its account ends with it.
func TestNoRefreshToken(t *testing.T) {
	k := newKit(t)
	c, err := k.set.ByName("demo")
	if err != nil {
		t.Fatal(err)
	}
	a, err := k.vault.Connect(t.Context(), vault.Link{}, vault.ConnectedAccount{
		Project: c.Project, ConnectionID: c.ID, Connector: "demo", Identifier: "user_1",
	}, vault.Grant{Access: vault.NewSecret("access"), ObtainedAt: k.now(), Expires: k.now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	target := k.resolve(string(a.ID))
	k.provider.SetFault("/api/me", fakeprovider.Fault{Status: http.StatusOK, Body: "{}"}) // the check behind a refusal
	k.pass(time.Hour - 3*time.Second)
	c1 := k.credential(target)
	if c2, err := k.broker.Renew(t.Context(), target, c1); err != nil || !same(c1, c2) {
		t.Errorf("after a 401 got generation %d, error %v; want the same token", c2.Generation, err)
	}
	if a := k.account(target); a.Status != vault.StatusActive {
		t.Errorf("got status %s before the token's end, want ACTIVE", a.Status)
	}
	k.pass(3 * time.Second)
	_, err = k.broker.Credential(t.Context(), target)
	if be := wantCode(t, err, broker.CodeExpired); be.Reason != "no_refresh_token" {
		t.Errorf("got reason %q", be.Reason)
	}
}

// await polls until ok, for things that another goroutine of this test brings about.
func await(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			t.Fatal("waited ten seconds for nothing")
		}
		time.Sleep(time.Millisecond)
	}
}
