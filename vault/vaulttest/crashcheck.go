package vaulttest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/claviger-proxy/claviger/vault"
)

// brief is a test whose cleanups do not wait for its end, and whose end says where the remains are.
type brief struct {
	testing.TB
	lost     func(format string, args ...any)
	cleanups []func()
}

func (b *brief) Cleanup(f func()) { b.cleanups = append(b.cleanups, f) }

func (b *brief) Fatal(args ...any) { b.lost("%s", fmt.Sprint(args...)) }

func (b *brief) Fatalf(format string, args ...any) { b.lost(format, args...) }

func (b *brief) end() {
	for _, f := range slices.Backward(b.cleanups) {
		f()
	}
}

// starting is held while a process is started, and for reading while a store is opened or closed:
// until the new process is itself, it holds the locks of our files.
var starting sync.RWMutex

// check opens the store and looks for everything. With finish, it then brings all work on keys to
// its end and looks again.
func (c *crash) check(t *testing.T, finish bool) {
	t.Helper()
	b := &brief{TB: t, lost: func(format string, args ...any) { c.lost(t, format, args...) }}
	defer b.end()
	s := c.opened(b)
	k := &checker{s: s, root: c.root, model: c.model}
	err := k.keys(t.Context())
	if err == nil {
		err = k.everything(t.Context())
	}
	if err == nil && finish {
		err = k.finish(t.Context())
	}
	starting.RLock()
	closing := s.Close()
	starting.RUnlock()
	if err = errors.Join(err, closing); err != nil {
		c.lost(t, "%v", err)
	}
	c.all.count(&c.all.checks)
}

func (c *crash) opened(b *brief) vault.Store {
	starting.RLock()
	defer starting.RUnlock()
	return c.open(b, c.place)
}

// checker compares a store with the model.
type checker struct {
	s     vault.Store
	root  string
	model *model
	v     *vault.Vault
	conns [crashConnections]vault.Connection
}

// everything looks for all accounts and links, one by one and in lists, and verifies the records.
func (k *checker) everything(ctx context.Context) error {
	if found, err := k.connections(ctx); err != nil || !found {
		return err
	}
	links := map[string]vault.LinkStatus{}
	for token := range k.model.links {
		l, err := k.v.FindLink(ctx, vault.NewSecret(token))
		if err != nil && !errors.Is(err, vault.ErrNotFound) {
			return fmt.Errorf("link %s: %w", token, err)
		}
		links[token] = l.Status
	}
	want, grants := map[vault.AccountID]vault.ConnectedAccount{}, 0
	for slot := range k.model.accounts {
		s, a, err := look(ctx, k.v, k.conns[slot%crashConnections], crashUser(slot))
		if err == nil {
			err = k.model.sawAccount(slot, s, links[k.model.tied[slot]])
		}
		if err != nil {
			return err
		}
		if s.ID != "" {
			want[s.ID] = a
		}
		if s.Token != "" {
			grants++
		}
	}
	for token, status := range links {
		if err := k.model.sawLink(token, status); err != nil {
			return err
		}
	}
	if err := k.lists(ctx, want); err != nil {
		return err
	}
	return k.verify(ctx, len(want), grants)
}

// connections finds the connections, which may be missing if no process has come to work.
func (k *checker) connections(ctx context.Context) (found bool, err error) {
	for i := range k.conns {
		k.conns[i], err = k.v.FindConnection(ctx, "", crashConnection(i))
		if errors.Is(err, vault.ErrNotFound) && !k.model.opened {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if k.conns[i].ClientSecret.Reveal() != crashConnection(i)+"-client-secret" {
			return false, fmt.Errorf("connection %s has another secret", crashConnection(i))
		}
	}
	return true, nil
}

// lists goes through lists of accounts, each of which must have every account once.
func (k *checker) lists(ctx context.Context, want map[vault.AccountID]vault.ConnectedAccount) error {
	queries := []vault.AccountQuery{{}}
	for _, c := range k.conns {
		queries = append(queries, vault.AccountQuery{ConnectionID: c.ID}, vault.AccountQuery{Connector: c.Connector})
	}
	for _, s := range []vault.Status{vault.StatusActive, vault.StatusDisconnected} {
		queries = append(queries, vault.AccountQuery{Status: s}, vault.AccountQuery{Status: s, ConnectionID: k.conns[0].ID})
	}
	for slot := 0; slot < crashSlots; slot += crashConnections {
		queries = append(queries, vault.AccountQuery{Identifier: crashUser(slot)})
	}
	for _, q := range queries {
		left := map[vault.AccountID]bool{}
		for id, a := range want {
			if (q.ConnectionID == "" || q.ConnectionID == a.ConnectionID) && (q.Connector == "" || q.Connector == a.Connector) &&
				(q.Status == "" || q.Status == a.Status) && (q.Identifier == "" || q.Identifier == a.Identifier) {
				left[id] = true
			}
		}
		for more := true; more; more = q.After != "" {
			q.Limit = 11
			page, err := k.v.Accounts(ctx, q)
			if err != nil || len(page.Damaged) > 0 {
				return fmt.Errorf("list %+v: damaged %v, error %w", q, page.Damaged, err)
			}
			for _, a := range page.Items {
				if !left[a.ID] {
					return fmt.Errorf("list %+v has %s, once too often", q, a.ID)
				}
				delete(left, a.ID)
			}
			q.After = page.Next
		}
		if len(left) > 0 {
			return fmt.Errorf("list %+v does not have %v", q, left)
		}
	}
	return nil
}

// verify opens every record and counts them.
func (k *checker) verify(ctx context.Context, accounts, grants int) error {
	var faults []vault.Fault
	seen, err := k.v.Verify(ctx, func(f vault.Fault) { faults = append(faults, f) })
	if err != nil {
		return err
	}
	if len(faults) > 0 {
		return fmt.Errorf("faults: %+v", faults)
	}
	if n := seen.Records; n[vault.KindAccount] != accounts || n[vault.KindGrant] != grants || n[vault.KindLink] != len(k.model.links) {
		return fmt.Errorf("records %v, want %d accounts, %d grants, %d links", n, accounts, grants, len(k.model.links))
	}
	return nil
}

// look returns what is stored for a user at a connection.
func look(ctx context.Context, v *vault.Vault, c vault.Connection, user string) (standing, vault.ConnectedAccount, error) {
	a, err := v.FindAccount(ctx, c.ID, user)
	if errors.Is(err, vault.ErrNotFound) {
		return standing{}, vault.ConnectedAccount{}, nil
	}
	if err != nil {
		return standing{}, vault.ConnectedAccount{}, fmt.Errorf("%s at %s: %w", user, c.Name, err)
	}
	s := standing{ID: a.ID, Status: a.Status, Generation: a.Generation}
	g, err := v.Grant(ctx, a.ID)
	if err != nil && !errors.Is(err, vault.ErrNotFound) {
		return standing{}, vault.ConnectedAccount{}, fmt.Errorf("%s at %s: %w", user, c.Name, err)
	}
	s.Token = g.Access.Reveal()
	if s.Token != "" && g.Refresh.Reveal() != "refresh-"+s.Token {
		return standing{}, vault.ConnectedAccount{}, fmt.Errorf("%s at %s: the two tokens are not of one grant", user, c.Name)
	}
	return s, a, nil
}
