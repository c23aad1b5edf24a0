package connection_test

import (
	"testing"

	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

// A configuration that is refused after it has been made leaves a connection of the API as it was; one that
// runs owns it, and whoever has the connection still as one of the API cannot change it.
func TestConnectionTakenOverFromTheAPI(t *testing.T) {
	v := vaulttest.New(t)
	first := newSet(t, v, nil)
	c := bare("one", "github")
	c.SetClient(client("id", "1", "2"))
	c.Earlier = []vault.OAuthClient{client("old", "3")}
	if _, err := first.Add(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	configured := bare("one", "github")
	configured.SetClient(client("file", "4"))
	next := newSet(t, v, []vault.Connection{configured})
	wantClient(t, next, "one", client("file", "4"), false)
	wantClient(t, newSet(t, v, nil), "one", client("id", "1", "2"), false)
	if _, err := first.ForgetClient(t.Context(), "one", "old", true); err != nil {
		t.Errorf("it cannot be changed any more: %v", err)
	}
	for range 2 {
		if err := next.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	stored, err := v.FindConnection(t.Context(), "", "one")
	if err != nil || stored.Origin != vault.OriginConfig || stored.ClientID != "file" || !stored.ClientSecret.IsZero() || len(stored.FurtherSecrets) != 0 {
		t.Errorf("got origin %s, client %s, %v", stored.Origin, stored.ClientID, err)
	}
	if live := wantClient(t, next, "one", client("file", "4"), false); live.Version != stored.Version {
		t.Errorf("got version %d in use, and %d stored", live.Version, stored.Version)
	}
	wantClient(t, first, "one", client("id", "1", "2"), false)
	_, err = first.Change(t.Context(), "one", func(*vault.Connection) error { return nil })
	wantCode(t, err, connection.CodeReadOnly)
	_, err = newSet(t, v, nil).ByName("one")
	wantCode(t, err, connection.CodeNotFound)
}
