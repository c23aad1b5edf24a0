package vault_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

func TestConnectAgainKeepsTheID(t *testing.T) {
	c := newClock()
	v := vaulttest.NewAt(t, c.now)
	conn := vaulttest.Connection(t, v, "github")
	first := vaulttest.Account(t, v, conn, "ada", vaulttest.Grant("1", c.now()))
	c.add(time.Minute)
	_, err := v.SetStatus(t.Context(), first.ID, 1, vault.StatusDisconnected, "by_user")
	wantNil(t, err)
	wantNil(t, v.DropGrant(t.Context(), first.ID))
	_, err = v.Grant(t.Context(), first.ID)
	wantErr(t, err, vault.ErrNotFound)
	again, err := v.Connect(t.Context(), vault.Link{}, vault.ConnectedAccount{
		ID: vault.NewAccountID(), ConnectionID: conn.ID, Connector: "github", Identifier: "ada",
	}, vaulttest.Grant("2", c.now()))
	wantNil(t, err)
	if again.ID != first.ID || again.Generation != 2 || again.Status != vault.StatusActive || again.Reason != "" {
		t.Errorf("got %+v, want account %s, ACTIVE, of generation 2", again, first.ID)
	}
	if !again.CreatedAt.Equal(epoch) || !again.ConnectedAt.Equal(epoch.Add(time.Minute)) {
		t.Errorf("got created %v and connected %v", again.CreatedAt, again.ConnectedAt)
	}
}

func TestConnectRefuses(t *testing.T) {
	v := vaulttest.New(t)
	conn := vaulttest.Connection(t, v, "github")
	a := vaulttest.Account(t, v, conn, "ada", vaulttest.Grant("1", epoch))
	good := vault.ConnectedAccount{ConnectionID: conn.ID, Connector: "github", Identifier: "bob"}
	tests := []struct {
		name   string
		change func(*vault.ConnectedAccount)
		want   error
	}{
		{"no identifier", func(a *vault.ConnectedAccount) { a.Identifier = "" }, vault.ErrInvalid},
		{"slash", func(a *vault.ConnectedAccount) { a.Identifier = "a/b" }, vault.ErrInvalid},
		{"no connection", func(a *vault.ConnectedAccount) { a.ConnectionID = "" }, vault.ErrInvalid},
		{"strange ID", func(a *vault.ConnectedAccount) { a.ID = "ca_1" }, vault.ErrInvalid},
		{"strange connector", func(a *vault.ConnectedAccount) { a.Connector = "../x" }, vault.ErrInvalid},
		{"strange project", func(a *vault.ConnectedAccount) { a.Project = "a/b" }, vault.ErrInvalid},
		{"ID of another account", func(n *vault.ConnectedAccount) { n.ID = a.ID }, vault.ErrConflict},
		{"account of another project", func(n *vault.ConnectedAccount) { n.Identifier, n.Project = "ada", "other" }, vault.ErrConflict},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := good
			tt.change(&n)
			got, err := v.Connect(t.Context(), vault.Link{}, n, vaulttest.Grant("2", epoch))
			wantErr(t, err, tt.want)
			if d := cmp.Diff(vault.ConnectedAccount{}, got); d != "" {
				t.Errorf("account beside an error: %s", d)
			}
		})
	}
}

// A link to reconnect an account that was deleted meanwhile does not bring the ID back.
func TestT23DeletedAccountStaysDeleted(t *testing.T) {
	v := vaulttest.New(t)
	conn := vaulttest.Connection(t, v, "github")
	a := vaulttest.Account(t, v, conn, "ada", vaulttest.Grant("1", epoch))
	l := vault.Link{ConnectionID: conn.ID, Identifier: "ada", AccountID: a.ID, Reconnect: true, Token: vault.NewSecret("t"), Expires: time.Now().Add(time.Hour)}
	wantNil(t, v.CreateLink(t.Context(), &l))
	for range 2 {
		wantNil(t, v.DeleteAccount(t.Context(), a.ID))
	}
	_, err := v.Connect(t.Context(), l, vault.ConnectedAccount{ConnectionID: conn.ID, Connector: "github", Identifier: "ada"}, vault.Grant{})
	wantErr(t, err, vault.ErrNotFound)
	_, err = v.Grant(t.Context(), a.ID)
	wantErr(t, err, vault.ErrNotFound)
	next := vaulttest.Account(t, v, conn, "ada", vaulttest.Grant("2", epoch))
	if next.ID == a.ID {
		t.Error("the ID is used again")
	}
}

func TestReplaceGrant(t *testing.T) {
	c := newClock()
	v := vaulttest.NewAt(t, c.now)
	conn := vaulttest.Connection(t, v, "github")
	a := vaulttest.Account(t, v, conn, "ada", vaulttest.Grant("1", c.now()))
	_, err := v.EndRefresh(t.Context(), a.ID, vault.Failure{Generation: a.Generation, Code: "temporary", Class: "transient", Answered: true})
	wantNil(t, err)
	_, err = v.SetStatus(t.Context(), a.ID, 1, vault.StatusExpired, "invalid_grant")
	wantNil(t, err)
	c.add(time.Hour)
	for _, generation := range []uint64{0, 1, 3} {
		g := vaulttest.Grant("x", c.now())
		g.Generation = generation
		_, err := v.ReplaceGrant(t.Context(), a.ID, g)
		wantErr(t, err, vault.ErrConflict)
	}
	g := vaulttest.Grant("2", c.now())
	g.Generation, g.Scopes = 2, nil
	got, err := v.ReplaceGrant(t.Context(), a.ID, g)
	wantNil(t, err)
	if got.Status != vault.StatusActive || got.Reason != "" || got.Generation != 2 || !got.RefreshedAt.Equal(c.now()) ||
		!got.TokenExpiresAt.Equal(g.Expires) || len(got.GrantedScopes) != 1 || got.LastError != "temporary" {
		t.Errorf("got %+v", got)
	}
	stored, err := v.Account(t.Context(), a.ID)
	wantNil(t, err)
	if d := cmp.Diff(got, stored); d != "" {
		t.Errorf("stored account (-returned +stored):\n%s", d)
	}
	_, err = v.ReplaceGrant(t.Context(), vault.NewAccountID(), g)
	wantErr(t, err, vault.ErrNotFound)
}

func TestReplaceGrantOfADisconnectedAccount(t *testing.T) {
	v := vaulttest.New(t)
	a := vaulttest.Account(t, v, vaulttest.Connection(t, v, "github"), "ada", vaulttest.Grant("1", epoch))
	wantErr(t, v.DropGrant(t.Context(), a.ID), vault.ErrConflict)
	_, err := v.SetStatus(t.Context(), a.ID, 0, vault.StatusDisconnected, "by_user")
	wantNil(t, err)
	g := vaulttest.Grant("2", epoch)
	g.Generation = 2
	_, err = v.ReplaceGrant(t.Context(), a.ID, g)
	wantErr(t, err, vault.ErrConflict)
	_, err = v.SetStatus(t.Context(), a.ID, 1, vault.StatusExpired, "invalid_grant")
	wantErr(t, err, vault.ErrConflict)
	for range 2 {
		wantNil(t, v.DropGrant(t.Context(), a.ID))
	}
	_, err = v.ReplaceGrant(t.Context(), a.ID, g)
	wantErr(t, err, vault.ErrConflict)
}

// The time of a disconnect is when the use of the account was stopped. Links made after it may bring
// the account back, also while the provider is still being asked to end the grant.
func TestDropGrantKeepsTheTimeOfTheDisconnect(t *testing.T) {
	c := newClock()
	v := vaulttest.NewAt(t, c.now)
	a := vaulttest.Account(t, v, vaulttest.Connection(t, v, "github"), "ada", vaulttest.Grant("1", epoch))
	c.add(time.Minute)
	stopped, err := v.SetStatus(t.Context(), a.ID, 0, vault.StatusDisconnected, "by_user")
	wantNil(t, err)
	c.add(time.Minute)
	wantNil(t, v.DropGrant(t.Context(), a.ID))
	got, err := v.Account(t.Context(), a.ID)
	wantNil(t, err)
	if !got.UpdatedAt.Equal(stopped.UpdatedAt) || !got.TokenExpiresAt.IsZero() {
		t.Errorf("got %+v, want what was updated at %s, without token", got, stopped.UpdatedAt)
	}
}

// An account that waits for the app to confirm its user does not get past that by a refresh.
func TestRefreshKeepsPendingVerification(t *testing.T) {
	v := vaulttest.New(t)
	conn := vaulttest.Connection(t, v, "github")
	a, err := v.Connect(t.Context(), vault.Link{}, vault.ConnectedAccount{
		ConnectionID: conn.ID, Connector: "github", Identifier: "ada", Status: vault.StatusPendingVerification,
	}, vaulttest.Grant("1", epoch))
	wantNil(t, err)
	g := vaulttest.Grant("2", epoch)
	g.Generation = 2
	a, err = v.ReplaceGrant(t.Context(), a.ID, g)
	wantNil(t, err)
	if a.Status != vault.StatusPendingVerification {
		t.Errorf("got status %s, want it kept", a.Status)
	}
}

func TestSetStatus(t *testing.T) {
	v := vaulttest.New(t)
	a := vaulttest.Account(t, v, vaulttest.Connection(t, v, "github"), "ada", vaulttest.Grant("1", epoch))
	_, err := v.SetStatus(t.Context(), a.ID, 2, vault.StatusExpired, "x")
	wantErr(t, err, vault.ErrConflict)
	_, err = v.SetStatus(t.Context(), a.ID, 0, "NONSENSE", "x")
	wantErr(t, err, vault.ErrInvalid)
	_, err = v.SetStatus(t.Context(), vault.NewAccountID(), 0, vault.StatusExpired, "x")
	wantErr(t, err, vault.ErrNotFound)
	got, err := v.SetStatus(t.Context(), a.ID, 1, vault.StatusExpired, strings.Repeat("x", 1000))
	wantNil(t, err)
	if got.Status != vault.StatusExpired || len(got.Reason) != 200 {
		t.Errorf("got status %s and a reason of %d bytes", got.Status, len(got.Reason))
	}
	counts, err := v.CountAccounts(t.Context())
	wantNil(t, err)
	if counts[vault.StatusExpired] != 1 || counts[vault.StatusActive] != 0 || len(counts) != 5 {
		t.Errorf("got counts %v", counts)
	}
}

// of many who refresh one generation one wins, whatever else changes the account.
func TestR01ManyRefreshers(t *testing.T) {
	v := vaulttest.New(t)
	a := vaulttest.Account(t, v, vaulttest.Connection(t, v, "github"), "ada", vaulttest.Grant("1", epoch))
	for generation := uint64(2); generation < 12; generation++ {
		var won atomic.Int32
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				g := vaulttest.Grant(fmt.Sprint(generation), epoch)
				g.Generation = generation
				_, err := v.ReplaceGrant(t.Context(), a.ID, g)
				if err == nil {
					won.Add(1)
				} else if !errors.Is(err, vault.ErrConflict) {
					t.Error(err)
				}
			})
			wg.Go(func() {
				if _, err := v.Note(t.Context(), a.ID, 0, func(f *vault.Facts) []vault.Event { f.LastUsedAt = f.LastUsedAt.Add(time.Hour); return nil }); err != nil {
					t.Error(err)
				}
				if _, err := v.Grant(t.Context(), a.ID); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Fatalf("generation %d: %d writers won, want 1", generation, won.Load())
		}
	}
}

// Many consents of one new user at once make one account.
func TestManyConnects(t *testing.T) {
	v := vaulttest.New(t)
	conn := vaulttest.Connection(t, v, "github")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			_, err := v.Connect(t.Context(), vault.Link{}, vault.ConnectedAccount{
				ConnectionID: conn.ID, Connector: "github", Identifier: "ada",
			}, vaulttest.Grant(fmt.Sprint(i), epoch))
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	page, err := v.Accounts(t.Context(), vault.AccountQuery{})
	wantNil(t, err)
	if len(page.Items) != 1 || page.Items[0].Generation != 8 {
		t.Errorf("got %d accounts, the first %+v; want one of generation 8", len(page.Items), page.Items)
	}
	g, err := v.Grant(t.Context(), page.Items[0].ID)
	wantNil(t, err)
	if g.Generation != 8 {
		t.Errorf("got grant of generation %d, want 8", g.Generation)
	}
}

func TestCreateAccount(t *testing.T) {
	v := vaulttest.New(t)
	conn := vaulttest.Connection(t, v, "github")
	a := vault.ConnectedAccount{ConnectionID: conn.ID, Connector: "github", Identifier: "ada"}
	wantNil(t, v.CreateAccount(t.Context(), &a))
	if a.Status != vault.StatusPendingAuth || a.Version != 1 || !vault.IsAccountID(string(a.ID)) {
		t.Errorf("got %+v", a)
	}
	twin := vault.ConnectedAccount{ConnectionID: conn.ID, Connector: "github", Identifier: "ada"}
	wantErr(t, v.CreateAccount(t.Context(), &twin), vault.ErrExists)
	if twin.ID != "" {
		t.Error("a refused account was changed")
	}
	got := vaulttest.Account(t, v, conn, "ada", vaulttest.Grant("1", epoch))
	if got.ID != a.ID || got.Status != vault.StatusActive {
		t.Errorf("got %+v, want account %s", got, a.ID)
	}
}
