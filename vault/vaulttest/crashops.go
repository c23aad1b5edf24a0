package vaulttest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/claviger-proxy/claviger/vault"
)

// connect connects an account or connects it again, mostly by a link.
func (w *worker) connect(ctx context.Context, r *rand.Rand, at map[int]standing, slot int) {
	conn, s := w.conns[slot%crashConnections], at[slot]
	op := opReconnect
	if s.ID == "" {
		op, s.ID = opConnect, vault.NewAccountID()
	}
	to := next(s)
	e := event{Op: op, From: map[int]standing{slot: at[slot]}, To: map[int]standing{slot: to}}
	var l vault.Link
	if r.IntN(5) < 3 {
		l = w.link(ctx, r, conn, slot, s.ID, op == opReconnect)
		e.Links = map[string]vault.LinkStatus{l.Token.Reveal(): vault.LinkUsed}
	}
	w.do(e, func(*event) error {
		a := vault.ConnectedAccount{ID: s.ID, ConnectionID: conn.ID, Connector: conn.Connector, Identifier: crashUser(slot)}
		if op == opReconnect {
			stored, err := w.v.Account(ctx, s.ID)
			if err != nil {
				return err
			}
			a.Version = stored.Version
		}
		_, err := w.v.Connect(ctx, l, a, to.grant())
		return err
	})
	at[slot] = to
}

// link makes a link for a slot.
func (w *worker) link(ctx context.Context, r *rand.Rand, conn vault.Connection, slot int, id vault.AccountID, exists bool) vault.Link {
	token := fmt.Sprintf("%s%d-%d", linkToken(crashUser(slot)), slot, r.Uint64())
	l := vault.Link{
		ConnectionID: conn.ID, Identifier: crashUser(slot), AccountID: id, Reconnect: exists,
		Token: vault.NewSecret(token), Expires: time.Now().Add(time.Hour),
	}
	e := event{Op: opLink, Links: map[string]vault.LinkStatus{token: vault.LinkOpen}}
	w.do(e, func(*event) error { return w.v.CreateLink(ctx, &l) })
	return l
}

// erase forgets the user of a slot.
func (w *worker) erase(ctx context.Context, at map[int]standing, slot int) {
	e := event{Op: opErase, From: map[int]standing{}, To: map[int]standing{}, Forgets: crashUser(slot)}
	first := slot - slot%crashConnections
	for i := range crashConnections {
		e.From[first+i], e.To[first+i] = at[first+i], standing{}
		at[first+i] = standing{}
	}
	w.do(e, func(*event) error {
		_, err := w.v.Forget(ctx, "", crashUser(slot))
		return err
	})
}

// keyWork changes keys, one change after the other, or if it is quiet only re-seals.
func (w *worker) keyWork() {
	ctx := context.Background()
	r := w.rand(100)
	used, quiet := 0, r.IntN(3) == 0
	for {
		now := keyStateOf(w.v.Keyring())
		others := slices.DeleteFunc(slices.Clone(now.Keys), func(id string) bool { return id == now.Primary })
		to := now
		n := r.IntN(10)
		switch {
		case quiet:
			w.reseal(ctx, r)
		case n < 2 && len(now.Keys) < 5:
			to.Keys = append(now.Keys, unknownKey)
			w.keyChange(opAddKey, to, func() error { _, err := w.v.AddKey(ctx); return err })
		case n < 4 && len(others) > 0:
			to.Primary = others[r.IntN(len(others))]
			w.keyChange(opPromote, to, func() error { return w.v.PromoteKey(ctx, to.Primary) })
			w.reseal(ctx, r)
		case n < 6 && len(others) > 0:
			w.retire(ctx, now, others[r.IntN(len(others))])
		case n == 6, n == 7:
			to.Clear = !now.Clear
			w.keyChange(opIdentifiers, to, func() error { return w.v.SealIdentifiers(ctx, now.Clear) })
		case n < 9:
			used = 1 - used
			k, err := w.keys[used].Active(ctx)
			to.KEK = k.ID
			w.v.UseKeys(w.keys[used])
			w.keyChange(opRekey, to, func() error { _, e := w.v.Rewrap(ctx); return errors.Join(err, e) })
		default:
			w.reseal(ctx, r)
		}
		time.Sleep(time.Duration(r.IntN(4)) * time.Millisecond)
	}
}

func (w *worker) keyChange(op string, to keyState, run func() error) {
	w.do(event{Op: op, Keys: &to}, func(e *event) error {
		err := run()
		to := keyStateOf(w.v.Keyring())
		e.Keys = &to
		return err
	})
}

// retire removes a key that may still be in use, which is refused then.
func (w *worker) retire(ctx context.Context, now keyState, id string) {
	to := now
	to.Keys = slices.DeleteFunc(slices.Clone(now.Keys), func(k string) bool { return k == id })
	w.keyChange(opRetire, to, func() error {
		err := w.v.RetireKey(ctx, id)
		if errors.Is(err, vault.ErrKeyInUse) {
			return nil
		}
		return err
	})
}

// reseal re-seals to the end or for a short time.
func (w *worker) reseal(ctx context.Context, r *rand.Rand) {
	if r.IntN(2) == 0 {
		var cancel func()
		ctx, cancel = context.WithTimeout(ctx, time.Duration(r.IntN(20))*time.Millisecond)
		defer cancel()
	}
	w.do(event{Op: opReseal}, func(*event) error {
		k := w.v.Keyring()
		err := w.v.Reseal(ctx)
		now := w.v.Keyring()
		switch {
		case errors.Is(err, vault.ErrLeased), errors.Is(err, vault.ErrConflict), errors.Is(err, context.DeadlineExceeded),
			k.Keys[0].ID != now.Keys[0].ID:
			return nil
		}
		return err
	})
}

// background re-seals and compacts beside all other work.
func (w *worker) background() {
	ctx := context.Background()
	r := w.rand(200)
	for {
		if r.IntN(6) == 0 {
			w.do(event{Op: opCompact}, func(*event) error { _, err := w.v.Compact(ctx); return err })
		} else {
			w.reseal(ctx, r)
		}
		time.Sleep(time.Duration(r.IntN(6)) * time.Millisecond)
	}
}

// reading reads everything beside all other work, which must find no fault.
func (w *worker) reading() {
	ctx := context.Background()
	r := w.rand(300)
	for {
		var faults []error
		report := func(f vault.Fault) { faults = append(faults, fmt.Errorf("%+v", f)) }
		w.do(event{Op: opBackup}, func(*event) error {
			_, err := w.v.Backup(ctx, io.Discard, report)
			if err != nil && strings.Contains(err.Error(), "the keys were changed meanwhile") {
				return nil
			}
			return errors.Join(append(faults, err)...)
		})
		w.do(event{Op: opVerify}, func(*event) error {
			_, err := w.v.Verify(ctx, report)
			return errors.Join(append(faults, err)...)
		})
		time.Sleep(time.Duration(r.IntN(10)) * time.Millisecond)
	}
}
