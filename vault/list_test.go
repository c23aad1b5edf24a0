package vault_test

import (
	"context"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

// unreadable is a store that cannot read some of its records.
type unreadable struct {
	vault.Store
	ids []string
}

func (s unreadable) Scan(ctx context.Context, index, prefix string, after vault.Cursor, limit int) ([]vault.Entry, error) {
	entries, err := s.Store.Scan(ctx, index, prefix, after, limit)
	for i, e := range entries {
		if slices.Contains(s.ids, e.Record.ID) {
			entries[i].Record, entries[i].Damaged = vault.Record{Key: e.Record.Key}, true
		}
	}
	return entries, err
}

// Damaged records end no list; the page that they belong to names each of them once.
func TestV03ListWithDamagedRecords(t *testing.T) {
	store, keys := vaulttest.NewStore(t), vaulttest.NewKeys(t)
	v := vaulttest.OpenAt(t, store, keys, nil)
	_, accounts, _ := users(t, v, 7)
	var all []string
	for _, a := range accounts {
		all = append(all, string(a.ID))
	}
	slices.Sort(all)
	tests := []struct {
		name  string
		which []int
	}{
		{"none", nil},
		{"the first", []int{0}},
		{"in the middle", []int{3}},
		{"the last", []int{6}},
		{"several in a row", []int{2, 3, 4}},
		{"all", []int{0, 1, 2, 3, 4, 5, 6}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var bad []string
			for _, i := range tt.which {
				bad = append(bad, all[i])
			}
			v := vaulttest.OpenAt(t, unreadable{store, bad}, keys, nil)
			for limit := 1; limit <= 8; limit++ {
				good, damaged := pages(t, v, limit)
				if d := cmp.Diff(all, slices.Sorted(slices.Values(append(good, damaged...)))); d != "" {
					t.Errorf("by %d: records in the list (-want +got):\n%s", limit, d)
				}
				if !slices.Equal(damaged, bad) {
					t.Errorf("by %d: got damaged %v, want %v", limit, damaged, bad)
				}
			}
		})
	}
}

// pages lists all accounts, good ones and damaged ones.
func pages(t *testing.T, v *vault.Vault, limit int) (good, damaged []string) {
	t.Helper()
	var q vault.AccountQuery
	q.Limit = limit
	for {
		page, err := v.Accounts(t.Context(), q)
		wantNil(t, err)
		if len(page.Items) > limit {
			t.Fatalf("got a page of %d, want at most %d", len(page.Items), limit)
		}
		for _, a := range page.Items {
			good = append(good, string(a.ID))
		}
		damaged = append(damaged, page.Damaged...)
		if q.After = page.Next; q.After == "" {
			return good, damaged
		}
	}
}

// A damaged link does not keep its user from another one.
func TestV03OpenLinkPassesADamagedOne(t *testing.T) {
	store, keys := vaulttest.NewStore(t), vaulttest.NewKeys(t)
	v := vaulttest.OpenAt(t, store, keys, nil)
	_, accounts, links := users(t, v, 1)
	v = vaulttest.OpenAt(t, unreadable{store, []string{string(links[0].ID)}}, keys, nil)
	_, err := v.OpenLink(t.Context(), accounts[0].ID)
	wantErr(t, err, vault.ErrNotFound)
	l := links[0]
	l.Token = vault.NewSecret("another")
	wantNil(t, v.CreateLink(t.Context(), &l))
	got, err := v.OpenLink(t.Context(), accounts[0].ID)
	wantNil(t, err)
	if got.ID != l.ID {
		t.Errorf("got link %s, want %s", got.ID, l.ID)
	}
}
