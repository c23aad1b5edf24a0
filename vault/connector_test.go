package vault_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

func newConnector(t *testing.T, v *vault.Vault, name, source string) vault.Connector {
	t.Helper()
	c := vault.Connector{Name: name, Source: source}
	wantNil(t, v.PutConnector(t.Context(), &c))
	return c
}

func TestConnector(t *testing.T) {
	c := newClock()
	v := vaulttest.NewAt(t, c.now)
	k := newConnector(t, v, "acme", "name: acme\n")
	want := vault.Connector{
		ID: k.ID, Project: "default", Name: "acme", Source: "name: acme\n", CreatedAt: epoch, UpdatedAt: epoch, Version: 1,
	}
	if d := cmp.Diff(want, k); d != "" || !vault.IsConnectorID(string(k.ID)) {
		t.Errorf("(-want +got):\n%s", d)
	}
	c.add(time.Hour)
	k.Source, k.ReplacesBuiltin = "name: acme\ntitle: \"é\x01<&>\"\n", true
	wantNil(t, v.PutConnector(t.Context(), &k))
	want.Source, want.ReplacesBuiltin, want.UpdatedAt, want.Version = k.Source, true, c.now(), 2
	got, err := v.FindConnector(t.Context(), "", "acme")
	wantNil(t, err)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("by name (-want +got):\n%s", d)
	}
	newConnector(t, v, "abc", "name: abc\n")
	page, err := v.Connectors(t.Context(), "", vault.PageQuery{})
	wantNil(t, err)
	if len(page.Items) != 2 || page.Items[0].Name != "abc" || cmp.Diff(want, page.Items[1]) != "" {
		t.Errorf("got the list %+v", page.Items)
	}

	stale := k
	stale.Version = 1
	wantErr(t, v.PutConnector(t.Context(), &stale), vault.ErrConflict)
	wantErr(t, v.PutConnector(t.Context(), &vault.Connector{Name: "acme", Source: "x"}), vault.ErrExists)
	wantErr(t, v.DeleteConnector(t.Context(), k.ID, 1), vault.ErrConflict)
	wantNil(t, v.DeleteConnector(t.Context(), k.ID, 2))
	wantErr(t, v.DeleteConnector(t.Context(), k.ID, 2), vault.ErrNotFound)
	wantErr(t, v.PutConnector(t.Context(), &k), vault.ErrConflict)
	got, err = v.FindConnector(t.Context(), "", "acme")
	wantErr(t, err, vault.ErrNotFound)
	if d := cmp.Diff(vault.Connector{}, got); d != "" {
		t.Errorf("beside the error there is %s", d)
	}
}

func TestConnectorRefused(t *testing.T) {
	v := vaulttest.New(t)
	for name, tt := range map[string]struct {
		c    vault.Connector
		want error
	}{
		"a bad name":      {vault.Connector{Name: "Acme", Source: "x"}, vault.ErrInvalid},
		"a bad project":   {vault.Connector{Name: "acme", Source: "x", Project: "/"}, vault.ErrInvalid},
		"an ID of others": {vault.Connector{ID: "whk_x", Name: "acme", Source: "x"}, vault.ErrInvalid},
		"no file":         {vault.Connector{Name: "acme"}, vault.ErrInvalid},
		"no text":         {vault.Connector{Name: "acme", Source: "\xff"}, vault.ErrInvalid},
		"a long file":     {vault.Connector{Name: "acme", Source: strings.Repeat("x", vault.MaxConnectorSource+1)}, vault.ErrTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			wantErr(t, v.PutConnector(t.Context(), &tt.c), tt.want)
			if tt.c.Version != 0 {
				t.Errorf("it has version %d", tt.c.Version)
			}
		})
	}
}

// The longest files are sealed anew, backed up and restored like everything else, though fifty of them do
// not fit into one write.
func TestLongConnectors(t *testing.T) {
	from, to, keys := vaulttest.NewStore(t), vaulttest.NewStore(t), vaulttest.NewKeys(t)
	v := vaulttest.OpenAt(t, from, keys, nil)
	for i := range 60 {
		newConnector(t, v, fmt.Sprintf("long-%02d", i), strings.Repeat("\x01", vault.MaxConnectorSource))
	}
	id := promoteNew(t, v)
	wantNil(t, v.Reseal(t.Context()))
	wantSealedBy(t, from, id)
	wantNil(t, restore(t, backup(t, v), to, keys))
	if d := cmp.Diff(records(t, from), records(t, to)); d != "" {
		t.Errorf("records (-backup +restored):\n%.500s", d)
	}
	restored := vaulttest.OpenAt(t, to, keys, nil)
	k, err := restored.FindConnector(t.Context(), "", "long-59")
	wantNil(t, err)
	if len(k.Source) != vault.MaxConnectorSource {
		t.Errorf("the restored file has %d bytes", len(k.Source))
	}
}

// A file that was altered outside of the vault is not used, and does not hide the others.
func TestDamagedConnector(t *testing.T) {
	store := vaulttest.NewStore(t)
	v := vaulttest.OpenAt(t, store, vaulttest.NewKeys(t), nil)
	bad := newConnector(t, v, "bad", "name: bad\n")
	newConnector(t, v, "good", "name: good\n")
	key := alter(t, store, vault.Key{Kind: vault.KindConnector, ID: string(bad.ID)})
	_, err := v.FindConnector(t.Context(), "", "bad")
	wantErr(t, err, vault.ErrDamaged)
	page, err := v.Connectors(t.Context(), "", vault.PageQuery{})
	wantNil(t, err)
	if len(page.Items) != 1 || page.Items[0].Name != "good" || len(page.Damaged) != 1 || page.Damaged[0] != string(bad.ID) {
		t.Errorf("got %+v", page)
	}
	var found faults
	_, err = v.Verify(t.Context(), found.add)
	wantNil(t, err)
	if len(found.of(key)) != 1 {
		t.Errorf("got faults %v", found)
	}
}
