package vault_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/badgerstore"
	"github.com/claviger-proxy/claviger/vault/seal"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

var errStopped = errors.New("the store has stopped")

// stopping is a store whose n-th write fails, before it is applied or after, and if the process
// dies with it, every later one.
type stopping struct {
	vault.Store
	n              int // 0 for none
	applied, dies  bool
	writes         int
	afterNextWrite func()
	walks          []vault.Key // where they began
}

func (s *stopping) Walk(ctx context.Context, after vault.Key) iter.Seq2[vault.Record, error] {
	s.walks = append(s.walks, after)
	return s.Store.Walk(ctx, after)
}

func (s *stopping) Apply(ctx context.Context, changes ...vault.Change) error {
	s.writes++
	switch {
	case s.n == 0 || s.writes < s.n || s.writes > s.n && !s.dies:
		err := s.Store.Apply(ctx, changes...)
		if f := s.afterNextWrite; f != nil {
			s.afterNextWrite = nil
			f()
		}
		return err
	case s.writes == s.n && s.applied:
		return errors.Join(errStopped, s.Store.Apply(ctx, changes...))
	}
	return errStopped
}

// keyStep is one step of a change of all keys.
type keyStep struct {
	name string
	do   func(*keyWork) error
}

var rotation = []keyStep{
	{"add key", func(w *keyWork) error { _, err := w.v.AddKey(w.ctx); return err }},
	{"promote", func(w *keyWork) error { return w.v.PromoteKey(w.ctx, w.v.Keyring().Keys[1].ID) }},
	{"re-seal, interrupted", (*keyWork).resealInterrupted},
	{"re-seal", (*keyWork).reseal},
	{"retire", func(w *keyWork) error { return w.v.RetireKey(w.ctx, w.v.Keyring().Keys[1].ID) }},
	{"rekey", func(w *keyWork) error { w.useOther(); _, err := w.v.Rewrap(w.ctx); return err }},
	{"identifiers", func(w *keyWork) error { return w.v.SealIdentifiers(w.ctx, !w.v.Keyring().SealedIdentifiers) }},
	{"re-seal", (*keyWork).reseal},
}

// keyWork is a vault whose keys are being changed, and what must stay readable.
type keyWork struct {
	ctx      context.Context
	s        *stopping
	keys     [2]vaulttest.Keys // the old key-encryption key in use, or the new one
	used     int
	v        *vault.Vault
	conn     vault.Connection
	accounts []vault.ConnectedAccount
	links    []vault.Secret
}

// newKeyWork makes a vault with a connection, accounts with grants, and links.
func newKeyWork(t *testing.T, old, fresh seal.Key, accounts, links int) *keyWork {
	t.Helper()
	store, err := badgerstore.Open(badgerstore.Options{InMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	w := &keyWork{ctx: t.Context(), s: &stopping{Store: store}, keys: [2]vaulttest.Keys{{old, fresh}, {fresh, old}}}
	w.v = vaulttest.OpenAt(t, w.s, w.keys[0], nil)
	w.conn = vaulttest.Connection(t, w.v, "github")
	for i := range accounts {
		name := fmt.Sprint("user-", i)
		w.accounts = append(w.accounts, vaulttest.Account(t, w.v, w.conn, name, vaulttest.Grant(name, epoch)))
	}
	for i := range links {
		l := vault.Link{
			ConnectionID: w.conn.ID, Identifier: w.accounts[0].Identifier, AccountID: w.accounts[0].ID,
			Token: vault.NewSecret(fmt.Sprint("link-", i)), Expires: time.Now().Add(time.Hour),
		}
		wantNil(t, w.v.CreateLink(w.ctx, &l))
		w.links = append(w.links, l.Token)
	}
	w.s.writes = 0
	return w
}

func (w *keyWork) useOther() {
	w.used = 1 - w.used
	w.v.UseKeys(w.keys[w.used])
}

func (w *keyWork) reseal() error { return w.v.Reseal(w.ctx) }

// resealInterrupted ends after the first write, and remembers the place if there is more to do.
func (w *keyWork) resealInterrupted() error {
	ctx, cancel := context.WithCancel(w.ctx)
	defer cancel()
	w.s.afterNextWrite = cancel
	err := w.v.Reseal(ctx)
	if errors.Is(err, errStopped) {
		return err
	}
	return nil
}

// readable looks for everything in the vault as v has it.
func (w *keyWork) readable(v *vault.Vault) error {
	c, err := v.FindConnection(w.ctx, "", w.conn.Name)
	if err != nil || !c.ClientSecret.Equal(w.conn.ClientSecret) {
		return fmt.Errorf("connection: %w", err)
	}
	for _, want := range w.accounts {
		a, err := v.FindAccount(w.ctx, w.conn.ID, want.Identifier)
		if err != nil || a.ID != want.ID {
			return fmt.Errorf("%s: got %s, error %w", want.Identifier, a.ID, err)
		}
		g, err := v.Grant(w.ctx, a.ID)
		if err != nil || g.Refresh.Reveal() != "refresh-"+want.Identifier {
			return fmt.Errorf("grant of %s: %w", want.Identifier, err)
		}
	}
	for _, token := range w.links {
		if _, err := v.FindLink(w.ctx, token); err != nil {
			return err
		}
	}
	page, err := v.Accounts(w.ctx, vault.AccountQuery{PageQuery: vault.PageQuery{Limit: 200}})
	if err != nil || len(page.Items) != len(w.accounts) {
		return fmt.Errorf("got %d accounts, error %w", len(page.Items), err)
	}
	var faults []vault.Fault
	if _, err = v.Verify(w.ctx, func(f vault.Fault) { faults = append(faults, f) }); len(faults) > 0 {
		return fmt.Errorf("faults %+v", faults)
	}
	return err
}

// finish brings the change of all keys to its end from wherever it stands.
func (w *keyWork) finish() error {
	for _, k := range w.v.Keyring().Keys[1:] {
		if k.Promoted.IsZero() {
			if err := w.v.PromoteKey(w.ctx, k.ID); err != nil {
				return err
			}
			break
		}
	}
	if err := w.v.Reseal(w.ctx); err != nil {
		return err
	}
	for _, k := range w.v.Keyring().Keys[1:] {
		if err := errors.Join(w.v.RetireKey(w.ctx, k.ID), w.v.Reseal(w.ctx)); err != nil {
			return err
		}
	}
	w.v.UseKeys(w.keys[1])
	if _, err := w.v.Rewrap(w.ctx); err != nil {
		return err
	}
	return w.v.Reseal(w.ctx)
}

// finished looks for what must be so at the end, with the new key-encryption key alone.
func (w *keyWork) finished() error {
	v, err := w.open(w.keys[1][:1])
	if err != nil {
		return err
	}
	k := v.Keyring()
	if k.Resealing || len(k.Keys) != 1 {
		return fmt.Errorf("the work on keys has not ended: %+v", k)
	}
	for r, err := range w.s.Store.Walk(w.ctx, vault.Key{}) {
		if err != nil {
			return err
		}
		if by := seal.KeyOf(r.Sealed); r.Key != keysetKey && by != k.Keys[0].ID {
			return fmt.Errorf("%s %s is sealed under %s, want %s", r.Kind, r.ID, by, k.Keys[0].ID)
		}
	}
	return w.readable(v)
}

// open opens the vault as another process would, with identifiers stored as they are.
func (w *keyWork) open(keys vaulttest.Keys) (*vault.Vault, error) {
	r, err := w.s.Store.Get(w.ctx, keysetKey)
	if err != nil {
		return nil, err
	}
	clear := strings.Contains(string(r.Meta), `"clear_identifiers":true`)
	return vault.OpenWith(w.ctx, w.s.Store, keys, vault.Options{ClearIdentifiers: clear})
}

// V-08: wherever a change of all keys is cut off, before a write or with its answer lost, everything
// is readable with both key-encryption keys, and with the one that the keyset is under; the other
// one alone is told which is missing; and the work goes on to its end, in another process or the
// same.
func TestV08EveryStepOfKeyRotation(t *testing.T) {
	old, fresh := vaulttest.NewKeys(t)[0], vaulttest.NewKeys(t)[0]
	tests := []struct {
		name            string
		accounts, links int
		steps           []keyStep
	}{
		{"20 records", 8, 3, slices.Repeat(rotation, 3)},
		{"150 records", 60, 29, rotation},
		{"the place is of an earlier key", 60, 29, slices.Concat(rotation[:3], rotation[:2], rotation[3:])},
	}
	total := 0
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			begin := func() *keyWork { return newKeyWork(t, old, fresh, tt.accounts, tt.links) }
			w := begin()
			var names []string // of the step of each write
			for _, s := range tt.steps {
				wantNil(t, s.do(w))
				for len(names) < w.s.writes {
					names = append(names, s.name)
				}
			}
			w.s.Close()
			row := map[string]*stepRow{}
			for n, name := range names {
				if row[name] == nil {
					row[name] = &stepRow{}
				}
				row[name].writes++
				for point := range 4 {
					w := begin()
					w.s.n, w.s.applied, w.s.dies = n+1, point%2 == 1, point < 2
					if err := w.cutOff(tt.steps, row[name]); err != nil {
						t.Fatalf("write %d, in %s, applied %v, process dies %v: %v", n+1, name, w.s.applied, w.s.dies, err)
					}
					w.s.Close()
					total++
				}
			}
			t.Logf("%-22s %6s %6s %14s %14s %10s", "step", "writes", "points", "old key alone", "new key alone", "goes on")
			for _, s := range rotation {
				if r := row[s.name]; r != nil {
					t.Logf("%-22s %6d %6d %14d %14d %10d", s.name, r.writes, r.points, r.old, r.fresh, r.finished)
					delete(row, s.name)
				}
			}
		})
	}
	if total < 200 {
		t.Errorf("got %d points, want 200", total)
	}
}

// stepRow counts the points of one step, how many of them open with one key alone, and how many
// come to their end.
type stepRow struct{ writes, points, old, fresh, finished int }

// cutOff does the steps until the store stops, and tests what is left.
func (w *keyWork) cutOff(steps []keyStep, row *stepRow) error {
	var err error
	for _, s := range steps {
		if err = s.do(w); err != nil {
			break
		}
	}
	if !errors.Is(err, errStopped) {
		return fmt.Errorf("got error %w, want %w", err, errStopped)
	}
	row.points++
	both, err := w.open(w.keys[0])
	if err != nil {
		return fmt.Errorf("with both keys: %w", err)
	}
	if err := w.readable(both); err != nil {
		return fmt.Errorf("with both keys: %w", err)
	}
	for i, opened := range []*int{&row.old, &row.fresh} {
		one := w.keys[i][:1]
		v, err := w.open(one)
		needed := both.Keyring().KeyEncryptionKey
		switch {
		case one[0].ID == needed && err == nil:
			*opened++
			err = w.readable(v)
		case one[0].ID != needed && errors.Is(err, seal.ErrUnknownKey) && strings.Contains(err.Error(), needed):
			err = nil
		}
		if err != nil {
			return fmt.Errorf("with key %s alone: %w", one[0].ID, err)
		}
	}
	if w.s.dies {
		w.v, err = w.open(w.keys[0])
	} else {
		err = w.v.Check(w.ctx) // finds out what has become of the write
	}
	if err != nil {
		return err
	}
	if err := w.finish(); err != nil {
		return fmt.Errorf("going on: %w", err)
	}
	if err := w.finished(); err != nil {
		return fmt.Errorf("at the end: %w", err)
	}
	row.finished++
	return nil
}

// V-08: another process re-seals on from the place that the one before has remembered.
func TestV08ResealGoesOn(t *testing.T) {
	w := newKeyWork(t, vaulttest.NewKeys(t)[0], vaulttest.NewKeys(t)[0], 60, 29)
	defer w.s.Close()
	for _, s := range rotation[:3] {
		wantNil(t, s.do(w))
	}
	w.v = vaulttest.OpenAt(t, w.s, w.keys[0], nil)
	before, err := w.v.ResealState(t.Context())
	wantNil(t, err)
	w.s.walks = nil
	wantNil(t, w.reseal())
	if before.Seen == 0 || len(w.s.walks) == 0 || w.s.walks[0] == (vault.Key{}) {
		t.Errorf("re-sealing began at %v after %d records", w.s.walks, before.Seen)
	}
	wantNil(t, w.finish())
	wantNil(t, w.finished())
}
