package vault_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

func TestLinkByID(t *testing.T) {
	c := newClock()
	v := vaulttest.NewAt(t, c.now)
	l := newLink("token", c)
	wantNil(t, v.CreateLink(t.Context(), &l))
	got, err := v.Link(t.Context(), l.ID)
	wantNil(t, err)
	if d := cmp.Diff(l, got); d != "" {
		t.Errorf("link (-created +got):\n%s", d)
	}
	for _, id := range []vault.LinkID{"", "lnk_", vault.NewLinkID(), vault.LinkID(l.AccountID), l.ID + "\x00", l.ID + "0"} {
		got, err := v.Link(t.Context(), id)
		if wantErr(t, err, vault.ErrNotFound); got.ID != "" {
			t.Errorf("%q gives the link %s", id, got.ID)
		}
	}
}

func TestLinks(t *testing.T) {
	c := newClock()
	v := vaulttest.NewAt(t, c.now)
	here, there := vault.NewConnectionID(), vault.NewConnectionID()
	var all []vault.Link
	for i, status := range []vault.LinkStatus{vault.LinkOpen, vault.LinkStarted, vault.LinkTaken, vault.LinkUsed, vault.LinkFailed, vault.LinkOpen} {
		l := newLink(fmt.Sprint("token-", i), c)
		l.ConnectionID, l.Identifier = here, "ada"
		if i%2 == 1 {
			l.ConnectionID = there
		}
		if i >= 3 {
			l.Identifier = "ben"
		}
		wantNil(t, v.CreateLink(t.Context(), &l))
		if l.Status = status; status != vault.LinkOpen {
			wantNil(t, v.PutLink(t.Context(), &l))
		}
		all = append(all, l)
	}
	tokens := func(list []vault.Link) (all []string) {
		for _, l := range list {
			all = append(all, l.Token.Reveal())
		}
		return all
	}
	for _, tt := range []struct {
		name string
		q    vault.LinkQuery
		want []int
	}{
		{"all", vault.LinkQuery{}, []int{0, 1, 2, 3, 4, 5}},
		{"connection", vault.LinkQuery{ConnectionID: here}, []int{0, 2, 4}},
		{"identifier", vault.LinkQuery{Identifier: "ben"}, []int{3, 4, 5}},
		{"identifier and connection", vault.LinkQuery{Identifier: "ben", ConnectionID: there}, []int{3, 5}},
		{"no such identifier", vault.LinkQuery{Identifier: "eve"}, nil},
		{"not an identifier", vault.LinkQuery{Identifier: "a b"}, nil},
		{"status", vault.LinkQuery{Status: vault.LinkOpen}, []int{0, 5}},
		{"status that it had", vault.LinkQuery{Status: vault.LinkChoice}, nil},
		{"project", vault.LinkQuery{Project: "other"}, nil},
		{"kept", vault.LinkQuery{Keep: func(l vault.Link) bool { return l.Status == vault.LinkUsed }}, []int{3}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var want []vault.Link
			for _, i := range tt.want {
				want = append(want, all[i])
			}
			slices.SortFunc(want, func(a, b vault.Link) int { return strings.Compare(string(a.ID), string(b.ID)) })
			for limit := range 4 {
				q := tt.q
				q.Limit = limit
				var got []vault.Link
				for {
					page, err := v.Links(t.Context(), q)
					wantNil(t, err)
					got = append(got, page.Items...)
					if q.After = page.Next; q.After == "" {
						break
					}
				}
				if d := cmp.Diff(tokens(want), tokens(got)); d != "" {
					t.Errorf("pages of %d (-want +got):\n%s", limit, d)
				}
			}
		})
	}
	_, err := v.Links(t.Context(), vault.LinkQuery{PageQuery: vault.PageQuery{After: "x"}})
	wantErr(t, err, vault.ErrBadCursor)
	c.add(10*time.Minute + 25*time.Hour)
	page, err := v.Links(t.Context(), vault.LinkQuery{})
	if wantNil(t, err); len(page.Items) != 0 {
		t.Errorf("%d links are listed a day after their end", len(page.Items))
	}
}

// Who goes on with a journey is one at a time.
func TestLeaseLink(t *testing.T) {
	v := vaulttest.New(t)
	id := vault.NewLinkID()
	release, err := v.LeaseLink(t.Context(), id, time.Minute)
	wantNil(t, err)
	if _, err := v.LeaseLink(t.Context(), id, time.Minute); !errors.Is(err, vault.ErrLeased) {
		t.Errorf("the second lease: %v", err)
	}
	release()
	release, err = v.LeaseLink(t.Context(), id, time.Minute)
	wantNil(t, err)
	release()
}
