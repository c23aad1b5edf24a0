package vault_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/badgerstore"
	"github.com/claviger-proxy/claviger/vault/seal"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

// hooked is a store that calls a test before it writes or walks, and after it has looked something
// up. It remembers all that was written.
type hooked struct {
	vault.Store
	apply  func([]vault.Change) error
	walk   func()
	looked func()

	mu      sync.Mutex
	written []vault.Record
}

// once makes f one that is called a single time, and not by itself.
func once(f func()) func() {
	done := false
	return func() {
		if !done {
			done = true
			f()
		}
	}
}

func (s *hooked) Walk(ctx context.Context, after vault.Key) iter.Seq2[vault.Record, error] {
	if s.walk != nil {
		s.walk()
	}
	return s.Store.Walk(ctx, after)
}

func (s *hooked) Find(ctx context.Context, e vault.IndexEntry) (vault.Record, error) {
	r, err := s.Store.Find(ctx, e)
	if s.looked != nil {
		s.looked()
	}
	return r, err
}

func (s *hooked) Scan(ctx context.Context, index, prefix string, after vault.Cursor, limit int) ([]vault.Entry, error) {
	entries, err := s.Store.Scan(ctx, index, prefix, after, limit)
	if s.looked != nil {
		s.looked()
	}
	return entries, err
}

func (s *hooked) Apply(ctx context.Context, changes ...vault.Change) error {
	if s.apply != nil {
		if err := s.apply(changes); err != nil {
			return err
		}
	}
	s.mu.Lock()
	for _, c := range changes {
		s.written = append(s.written, c.Record)
	}
	s.mu.Unlock()
	return s.Store.Apply(ctx, changes...)
}

// openLogged opens a vault and returns its log.
func openLogged(t *testing.T, store vault.Store, keys seal.KeyProvider, o vault.Options) (*vault.Vault, *observer.ObservedLogs) {
	t.Helper()
	core, logs := observer.New(zap.DebugLevel)
	o.Log = zap.New(core)
	v, err := vault.OpenWith(t.Context(), store, keys, o)
	wantNil(t, err)
	return v, logs
}

// text is a log as one string.
func text(logs *observer.ObservedLogs) string {
	var b strings.Builder
	for _, e := range logs.All() {
		fmt.Fprintln(&b, e.Message, e.ContextMap())
	}
	return b.String()
}

// records are all records of a store but the keyset, by key.
func records(t *testing.T, s vault.Store) map[vault.Key]vault.Record {
	t.Helper()
	all := map[vault.Key]vault.Record{}
	for r, err := range s.Walk(t.Context(), vault.Key{}) {
		wantNil(t, err)
		if r.Key != keysetKey {
			all[r.Key] = r
		}
	}
	return all
}

// promoteNew adds a key and promotes it.
func promoteNew(t *testing.T, v *vault.Vault) string {
	t.Helper()
	id, err := v.AddKey(t.Context())
	wantNil(t, err)
	wantNil(t, v.PromoteKey(t.Context(), id))
	return id
}

// wantSealedBy fails unless all records of the store are sealed under the key.
func wantSealedBy(t *testing.T, s vault.Store, id string) {
	t.Helper()
	for k, r := range records(t, s) {
		if got := seal.KeyOf(r.Sealed); got != id {
			t.Errorf("%s %s is sealed under %q, want %q", k.Kind, k.ID, got, id)
		}
	}
}

// users makes a connection and n accounts, each with a link.
func users(t *testing.T, v *vault.Vault, n int) (vault.Connection, []vault.ConnectedAccount, []vault.Link) {
	t.Helper()
	conn := vaulttest.Connection(t, v, "github")
	var accounts []vault.ConnectedAccount
	var links []vault.Link
	for i := range n {
		a := vaulttest.Account(t, v, conn, fmt.Sprintf("user-%d@users.test", i), vaulttest.Grant(fmt.Sprint(i), epoch))
		l := newLink(fmt.Sprint("token-", i), newClock())
		l.ConnectionID, l.Identifier, l.AccountID, l.Reconnect = conn.ID, a.Identifier, a.ID, true
		l.Expires = farAway
		wantNil(t, v.CreateLink(t.Context(), &l))
		accounts, links = append(accounts, a), append(links, l)
	}
	return conn, accounts, links
}

// farAway is long after any test.
var farAway = epoch.AddDate(50, 0, 0)

// faults collects what a check reports.
type faults []vault.Fault

func (f *faults) add(one vault.Fault) { *f = append(*f, one) }

func (f *faults) of(k vault.Key) (problems []string) {
	for _, one := range *f {
		if one.Key == k {
			problems = append(problems, one.Problem)
		}
	}
	slices.Sort(problems)
	return problems
}

// storeAt is an empty store in memory with that clock.
func storeAt(t *testing.T, c *clock) vault.Store {
	t.Helper()
	s, err := badgerstore.Open(badgerstore.Options{InMemory: true, Now: c.now})
	wantNil(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}
