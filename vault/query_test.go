package vault_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

// every lists all pages and fails when one is too large.
func every(t *testing.T, v *vault.Vault, q vault.AccountQuery) []string {
	t.Helper()
	var ids []string
	for range 100 {
		page, err := v.Accounts(t.Context(), q)
		wantNil(t, err)
		if q.Limit > 0 && len(page.Items) > q.Limit {
			t.Fatalf("got a page of %d, want at most %d", len(page.Items), q.Limit)
		}
		for _, a := range page.Items {
			ids = append(ids, string(a.ID))
		}
		if page.Next == "" {
			return ids
		}
		q.After = page.Next
	}
	t.Fatal("the list does not end")
	return nil
}

func TestAccountsFilters(t *testing.T) {
	v := vaulttest.New(t)
	var all []vault.ConnectedAccount
	for i, name := range []string{"github", "gmail", "slack"} {
		c := vaulttest.Connection(t, v, name)
		for n := range 20 {
			a, err := v.Connect(t.Context(), vault.Link{}, vault.ConnectedAccount{
				ConnectionID: c.ID, Connector: c.Connector, Identifier: fmt.Sprintf("user-%d", n),
				Project: []string{"default", "other"}[n%2],
			}, vaulttest.Grant("1", epoch))
			wantNil(t, err)
			if n%3 == i {
				a, err = v.SetStatus(t.Context(), a.ID, 0, vault.StatusExpired, "invalid_grant")
				wantNil(t, err)
			}
			all = append(all, a)
		}
	}
	c := all[0].ConnectionID
	tests := []struct {
		name string
		q    vault.AccountQuery
		want func(vault.ConnectedAccount) bool
	}{
		{"all", vault.AccountQuery{}, func(vault.ConnectedAccount) bool { return true }},
		{"project", vault.AccountQuery{Project: "other"}, func(a vault.ConnectedAccount) bool { return a.Project == "other" }},
		{"connection", vault.AccountQuery{ConnectionID: c}, func(a vault.ConnectedAccount) bool { return a.ConnectionID == c }},
		{"connector", vault.AccountQuery{Connector: "slack"}, func(a vault.ConnectedAccount) bool { return a.Connector == "slack" }},
		{"part of a connector", vault.AccountQuery{Connector: "sla"}, func(vault.ConnectedAccount) bool { return false }},
		{"status", vault.AccountQuery{Status: vault.StatusExpired}, func(a vault.ConnectedAccount) bool { return a.Status == vault.StatusExpired }},
		{"identifier", vault.AccountQuery{Identifier: "user-1"}, func(a vault.ConnectedAccount) bool { return a.Identifier == "user-1" }},
		{"strange identifier", vault.AccountQuery{Identifier: "user-1/"}, func(vault.ConnectedAccount) bool { return false }},
		{"connection and identifier", vault.AccountQuery{ConnectionID: c, Identifier: "user-1"}, func(a vault.ConnectedAccount) bool {
			return a.ConnectionID == c && a.Identifier == "user-1"
		}},
		{"connection and status", vault.AccountQuery{ConnectionID: c, Status: vault.StatusExpired}, func(a vault.ConnectedAccount) bool {
			return a.ConnectionID == c && a.Status == vault.StatusExpired
		}},
		{"connector, status and project", vault.AccountQuery{Connector: "gmail", Status: vault.StatusActive, Project: "default"}, func(a vault.ConnectedAccount) bool {
			return a.Connector == "gmail" && a.Status == vault.StatusActive && a.Project == "default"
		}},
	}
	for _, tt := range tests {
		for _, limit := range []int{0, 1, 3, 20, 1000} {
			t.Run(fmt.Sprintf("%s by %d", tt.name, limit), func(t *testing.T) {
				var want []string
				for _, a := range all {
					if tt.want(a) {
						want = append(want, string(a.ID))
					}
				}
				slices.Sort(want)
				tt.q.Limit = limit
				if got := every(t, v, tt.q); !slices.Equal(got, want) {
					t.Errorf("got %d accounts %v, want %d %v", len(got), got, len(want), want)
				}
			})
		}
	}
}

func TestAccountsLimit(t *testing.T) {
	v := vaulttest.New(t)
	c := vaulttest.Connection(t, v, "github")
	for i := range 210 {
		a := vault.ConnectedAccount{ConnectionID: c.ID, Connector: c.Connector, Identifier: fmt.Sprint(i)}
		wantNil(t, v.CreateAccount(t.Context(), &a))
	}
	for limit, want := range map[int]int{-1: 50, 0: 50, 1: 1, 200: 200, 201: 200, 1 << 40: 200} {
		page, err := v.Accounts(t.Context(), vault.AccountQuery{PageQuery: vault.PageQuery{Limit: limit}})
		wantNil(t, err)
		if len(page.Items) != want || page.Next == "" {
			t.Errorf("limit %d: got %d items and next %q, want %d and one", limit, len(page.Items), page.Next, want)
		}
	}
}

func TestBadCursor(t *testing.T) {
	v := vaulttest.New(t)
	c := vaulttest.Connection(t, v, "github")
	for i := range 3 {
		vaulttest.Account(t, v, c, fmt.Sprint(i), vaulttest.Grant("1", epoch))
	}
	page, err := v.Accounts(t.Context(), vault.AccountQuery{PageQuery: vault.PageQuery{Limit: 1}})
	wantNil(t, err)
	queries := map[string]vault.AccountQuery{
		"nonsense":      {PageQuery: vault.PageQuery{After: "nonsense!"}},
		"base64":        {PageQuery: vault.PageQuery{After: "YWJj"}},
		"too long":      {PageQuery: vault.PageQuery{After: string(make([]byte, 1<<20))}},
		"another query": {ConnectionID: c.ID, PageQuery: vault.PageQuery{After: page.Next}},
		"with a tail":   {PageQuery: vault.PageQuery{After: page.Next + "A"}},
	}
	for name, q := range queries {
		t.Run(name, func(t *testing.T) {
			_, err := v.Accounts(t.Context(), q)
			wantErr(t, err, vault.ErrBadCursor)
		})
	}
	_, err = v.Connections(t.Context(), "", vault.PageQuery{After: page.Next})
	wantErr(t, err, vault.ErrBadCursor)
}
