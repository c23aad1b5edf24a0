package vault_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

var epoch = time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)

// clock is a clock that tests move.
type clock struct{ t time.Time }

func newClock() *clock { return &clock{epoch} }

func (c *clock) now() time.Time { return c.t }

func (c *clock) add(d time.Duration) { c.t = c.t.Add(d) }

func wantErr(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got error %v, want %v", err, want)
	}
}

func wantNil(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestConnectStoresAccountGrantAndLink(t *testing.T) {
	c := newClock()
	v := vaulttest.NewAt(t, c.now)
	conn := vaulttest.Connection(t, v, "github")
	link := vault.Link{
		ConnectionID: conn.ID, Identifier: "ada", Token: vault.NewSecret("link-token"),
		Expires: c.now().Add(time.Hour), AppState: "s",
	}
	wantNil(t, v.CreateLink(t.Context(), &link))
	link.Status, link.State = vault.LinkTaken, vault.NewSecret("state")
	wantNil(t, v.PutLink(t.Context(), &link))

	a, err := v.Connect(t.Context(), link, vault.ConnectedAccount{
		ConnectionID: conn.ID, Connector: "github", Identifier: "ada", RequestedScopes: []string{"repo"},
		Identity: vault.Identity{ID: "1", Name: "Ada"},
	}, vaulttest.Grant("1", c.now()))
	wantNil(t, err)
	want := vault.ConnectedAccount{
		ID: link.AccountID, Project: "default", ConnectionID: conn.ID, Connector: "github", Identifier: "ada",
		Status: vault.StatusActive, Identity: vault.Identity{ID: "1", Name: "Ada"},
		RequestedScopes: []string{"repo"}, GrantedScopes: []string{"read"},
		CreatedAt: epoch, UpdatedAt: epoch, ConnectedAt: epoch, TokenExpiresAt: epoch.Add(time.Hour), Facts: vault.Facts{DueAt: epoch},
		Generation: 1, Version: 1,
	}
	if d := cmp.Diff(want, a); d != "" {
		t.Errorf("returned account (-want +got):\n%s", d)
	}
	stored, err := v.FindAccount(t.Context(), conn.ID, "ada")
	wantNil(t, err)
	if d := cmp.Diff(a, stored); d != "" {
		t.Errorf("stored account (-returned +stored):\n%s", d)
	}
	g, err := v.Grant(t.Context(), a.ID)
	wantNil(t, err)
	wantGrant := vaulttest.Grant("1", c.now())
	wantGrant.AccountID, wantGrant.Generation = a.ID, 1
	if d := cmp.Diff(wantGrant, g, cmpopts.EquateEmpty()); d != "" {
		t.Errorf("grant (-want +got):\n%s", d)
	}
	used, err := v.FindLink(t.Context(), vault.NewSecret("link-token"))
	wantNil(t, err)
	if used.Status != vault.LinkUsed || used.AppState != "s" {
		t.Errorf("got link %+v, want it used", used)
	}
	_, err = v.Connect(t.Context(), link, vault.ConnectedAccount{
		ConnectionID: conn.ID, Connector: "github", Identifier: "ada",
	}, vaulttest.Grant("2", c.now()))
	wantErr(t, err, vault.ErrConflict)
}
