package vaulttest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/seal"
)

// crashWorkers is how many goroutines work on accounts; each user belongs to one of them.
const crashWorkers = 4

// worker is what the process does until it is killed.
type worker struct {
	journal
	v     *vault.Vault
	keys  [2]seal.FileKeys
	conns [crashConnections]vault.Connection
	seed  uint64
}

// workAndDie works on the vault in place until the process is killed.
func workAndDie(t *testing.T, place string, open func(testing.TB, string) vault.Store) {
	w := &worker{keys: keyFiles(filepath.Dir(place)), seed: number(t, crashChoices, 0)}
	r := w.rand(0)
	clear := r.IntN(8) == 0
	w.do(event{Op: opOpen, Keys: &keyState{Clear: clear}}, func(e *event) error {
		err := w.open(t, open(t, place), r, clear)
		if err == nil {
			*e.Keys = keyStateOf(w.v.Keyring())
		}
		return err
	})
	for i := range uint64(crashWorkers) {
		go w.users(i)
	}
	go w.background()
	go w.reading()
	w.keyWork()
}

func (w *worker) rand(n uint64) *rand.Rand { return rand.New(rand.NewPCG(w.seed, n)) }

func (w *worker) open(t *testing.T, s vault.Store, r *rand.Rand, clear bool) (err error) {
	ctx := t.Context()
	if w.v, err = vault.OpenWith(ctx, s, w.keys[0], vault.Options{ClearIdentifiers: clear}); err != nil {
		return err
	}
	if _, err := w.keys[1].Active(ctx); errors.Is(err, seal.ErrNoKey) {
		if err := w.keys[1].CreateKey(ctx); err != nil {
			return err
		}
	}
	for i := range w.conns {
		w.conns[i], err = w.v.FindConnection(ctx, "", crashConnection(i))
		if errors.Is(err, vault.ErrNotFound) {
			w.conns[i], err = Connection(t, w.v, crashConnection(i)), nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func crashConnection(i int) string { return fmt.Sprint("crash-", i) }

func crashUser(slot int) string { return fmt.Sprintf("user%02d", slot/crashConnections) }

// linkToken is what the tokens of a user's links begin with.
func linkToken(user string) string { return "link-" + user + "-" }

// users works on the accounts of every user of worker i.
func (w *worker) users(i uint64) {
	ctx := context.Background()
	r := w.rand(1 + i)
	at := map[int]standing{}
	var slots []int
	for slot := range crashSlots {
		if uint64(slot/crashConnections)%crashWorkers != i {
			continue
		}
		s, _, err := look(ctx, w.v, w.conns[slot%crashConnections], crashUser(slot))
		if err != nil {
			w.do(event{Op: "look"}, func(*event) error { return err })
		}
		at[slot] = s
		slots = append(slots, slot)
	}
	for {
		w.step(ctx, r, at, slots[r.IntN(len(slots))])
	}
}

// step does one operation on the account in a slot.
func (w *worker) step(ctx context.Context, r *rand.Rand, at map[int]standing, slot int) {
	s := at[slot]
	n := r.IntN(100)
	switch {
	case s.ID == "":
		w.connect(ctx, r, at, slot)
	case n < 5:
		w.erase(ctx, at, slot)
	case n < 14:
		w.change(opDelete, at, slot, standing{}, func() error { return w.v.DeleteAccount(ctx, s.ID) })
	case s.Status == vault.StatusDisconnected && s.Token != "" && n < 60:
		to := s
		to.Token = ""
		w.change(opDrop, at, slot, to, func() error { return w.v.DropGrant(ctx, s.ID) })
	case s.Status == vault.StatusDisconnected || n < 25:
		w.connect(ctx, r, at, slot)
	case n < 40:
		to := s
		to.Status = vault.StatusDisconnected
		w.change(opDisconnect, at, slot, to, func() error {
			_, err := w.v.SetStatus(ctx, s.ID, s.Generation, to.Status, "user")
			return err
		})
	default:
		to := next(s)
		w.change(opRefresh, at, slot, to, func() error {
			_, err := w.v.ReplaceGrant(ctx, s.ID, to.grant())
			return err
		})
	}
}

// change does an operation that turns a slot into to.
func (w *worker) change(op string, at map[int]standing, slot int, to standing, run func() error) {
	e := event{Op: op, From: map[int]standing{slot: at[slot]}, To: map[int]standing{slot: to}}
	w.do(e, func(*event) error { return run() })
	at[slot] = to
}

// next is an account with its next grant, whose token tells both.
func next(s standing) standing {
	s.Status = vault.StatusActive
	s.Generation++
	s.Token = fmt.Sprintf("%s-%d", s.ID, s.Generation)
	return s
}

func (s standing) grant() vault.Grant {
	return vault.Grant{
		Generation: s.Generation, Access: vault.NewSecret(s.Token), Refresh: vault.NewSecret("refresh-" + s.Token),
		Captured: map[string]string{"padding": strings.Repeat("x", 500)},
	}
}
