package vault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"
)

// resealer is one run of Reseal.
type resealer struct {
	v       *Vault
	release func()
	leased  time.Time
}

// errTurned: the keys were changed, and what was done until now does not count.
var errTurned = errors.New("the keys were changed meanwhile")

// run makes a pass over all records, and another one when the keys were changed meanwhile. One is
// enough: what is written after the change of the keys is as it should be.
func (w *resealer) run(ctx context.Context) (changed int, err error) {
	for {
		m, _, err := w.v.resealState(ctx)
		if err != nil {
			return changed, err
		}
		n, err := w.pass(ctx, &m)
		changed += n
		if err == nil {
			err = w.finish(ctx, m)
		}
		if !errors.Is(err, errTurned) {
			return changed, err
		}
	}
}

// finish notes that all records are as they should be.
func (w *resealer) finish(ctx context.Context, m resealMeta) error {
	// What was sealed under other keys, or named a user, must leave the files too.
	if _, err := w.v.Compact(ctx); err != nil {
		return err
	}
	if w.v.ring.Load().meta.Turn != m.Turn {
		return errTurned
	}
	// The place goes first: it may be sealed under an earlier key, and when the process ends between
	// the two writes, there is still work to do.
	if err := w.forget(ctx); err != nil {
		return err
	}
	turned := false
	err := w.v.changeKeyset(ctx, "re-sealing", func(r *ring) error {
		if turned = r.meta.Turn != m.Turn; turned || !r.meta.Resealing {
			return errUnchanged
		}
		r.meta.Resealing = false
		return nil
	})
	switch {
	case err != nil && !errors.Is(err, errUnchanged):
		return err
	case turned:
		return errTurned
	}
	return nil
}

// forget removes the place that is remembered.
func (w *resealer) forget(ctx context.Context) error {
	for range maxAttempts {
		version, err := w.v.version(ctx, resealKey)
		if err != nil || version == 0 {
			return err
		}
		err = w.v.store.Apply(ctx, Change{Record: Record{Key: resealKey, Version: version}, Delete: true})
		if !errors.Is(err, ErrConflict) {
			return err
		}
	}
	return missing(resealKey, ErrConflict)
}

// pass goes over the records after the place that m remembers.
func (w *resealer) pass(ctx context.Context, m *resealMeta) (changed int, err error) {
	saved := w.v.now()
	for {
		start, place := time.Now(), *m
		n, more, err := w.step(ctx, m)
		changed += n
		if err != nil {
			if ctx.Err() != nil {
				place.Changed += n
				err = errors.Join(err, w.leave(ctx, &place))
			}
			return changed, err
		}
		if !more {
			return changed, nil
		}
		if now := w.v.now(); now.Sub(saved) > resealSave {
			if err := errors.Join(w.renew(ctx), w.save(ctx, m)); err != nil {
				return changed, err
			}
			saved = now
		}
		select {
		case <-ctx.Done():
			return changed, errors.Join(ctx.Err(), w.leave(ctx, m))
		case <-time.After(time.Since(start)):
		}
	}
}

// step seals the next records anew, and tells whether there are more.
func (w *resealer) step(ctx context.Context, m *resealMeta) (changed int, more bool, err error) {
	if w.v.ring.Load().meta.Turn != m.Turn {
		return 0, false, errTurned
	}
	stale, more, err := w.next(ctx, m)
	if err != nil {
		return 0, false, err
	}
	changed, err = w.reseal(ctx, stale)
	m.Changed += changed
	return changed, more, err
}

// renew keeps the lease.
func (w *resealer) renew(ctx context.Context) error {
	now := w.v.now()
	if now.Sub(w.leased) <= resealTTL/4 {
		return nil
	}
	w.release()
	w.release = func() {}
	release, err := w.v.store.Lease(ctx, resealLease, resealTTL)
	if err != nil {
		return err
	}
	w.release, w.leased = release, now
	return nil
}

// leave remembers the place when ctx has ended.
func (w *resealer) leave(ctx context.Context, m *resealMeta) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), resealLeave)
	defer cancel()
	return w.save(ctx, m)
}

// save remembers the place, and sees whether somebody wants a pause.
func (w *resealer) save(ctx context.Context, m *resealMeta) error {
	for range maxAttempts {
		now, at, err := w.v.resealState(ctx)
		if err != nil {
			return err
		}
		m.Paused = now.Paused
		err = w.v.saveReseal(ctx, *m, at)
		if errors.Is(err, ErrConflict) {
			continue
		}
		if err == nil && m.Paused {
			return ErrPaused
		}
		return err
	}
	return missing(resealKey, ErrConflict)
}

// next reads on from the place that m remembers and returns the records that must be sealed anew,
// and whether there are more to read.
func (w *resealer) next(ctx context.Context, m *resealMeta) (stale []Record, more bool, err error) {
	if m.Paused {
		return nil, false, ErrPaused
	}
	read := 0
	for r, err := range w.v.store.Walk(ctx, m.after()) {
		if err != nil && !errors.Is(err, ErrDamaged) {
			return nil, false, err
		}
		if len(stale) == resealBatch || read == resealRead {
			return stale, true, nil
		}
		read++
		m.AfterKind, m.AfterID = r.Kind, r.ID
		m.Seen++
		if err == nil && w.v.stale(r) {
			stale = append(stale, r)
		}
	}
	return stale, false, nil
}

// reseal seals records anew, together if none of them is changed meanwhile and they fit into one write,
// else one by one. What cannot be opened stays as it is.
func (w *resealer) reseal(ctx context.Context, records []Record) (int, error) {
	if len(records) == 0 {
		return 0, nil
	}
	n, err := w.v.rewrite(ctx, records)
	if !errors.Is(err, ErrConflict) && !errors.Is(err, ErrExists) && !errors.Is(err, ErrTooLarge) {
		return n, err
	}
	n = 0
	for _, r := range records {
		for range maxAttempts {
			now, err := w.v.store.Get(ctx, r.Key)
			if errors.Is(err, ErrNotFound) || errors.Is(err, ErrDamaged) || err == nil && !w.v.stale(now) {
				break
			}
			if err != nil {
				return n, err
			}
			one, err := w.v.rewrite(ctx, []Record{now})
			if errors.Is(err, ErrConflict) {
				continue
			}
			if errors.Is(err, ErrExists) {
				w.v.log.Warn("another record has what this one needs, which stays as it was", zap.String("kind", string(r.Kind)), zap.String("id", r.ID))
				break
			}
			if err != nil {
				return n, err
			}
			n += one
			break
		}
	}
	return n, nil
}

// stale tells whether a record must be sealed anew.
func (v *Vault) stale(r Record) bool {
	if r.Key == keysetKey || r.Key == resealKey {
		return false
	}
	now := v.ring.Load()
	if now.sealer.Stale(r.Sealed) {
		return true
	}
	return (r.Kind == KindAccount || r.Kind == KindLink || r.Kind == KindEvent) && now.otherForm(r)
}

// otherForm tells whether the identifier of an account, link or event is stored in the form that is not the
// present one.
func (r *ring) otherForm(rec Record) bool {
	var m struct {
		Identifier string `json:"identifier"`
	}
	return json.Unmarshal(rec.Meta, &m) == nil && (m.Identifier != "") != r.meta.ClearIdentifiers
}

// rewrite seals records anew, all in one write, and returns how many it could open.
func (v *Vault) rewrite(ctx context.Context, records []Record) (int, error) {
	remakes := make([]func(*ring) (Change, error), 0, len(records))
	for _, r := range records {
		remake, err := v.remake(ctx, r)
		if errors.Is(err, ErrDamaged) {
			continue
		}
		if err != nil {
			return 0, err
		}
		remakes = append(remakes, remake)
	}
	err := v.write(ctx, func(r *ring) ([]Change, error) {
		changes := make([]Change, len(remakes))
		for i, remake := range remakes {
			var err error
			if changes[i], err = remake(r); err != nil {
				return nil, err
			}
		}
		return changes, nil
	})
	if err != nil {
		return 0, err
	}
	return len(remakes), nil
}

// remake opens a record and returns what writes it as it is, with the ring of that moment.
func (v *Vault) remake(ctx context.Context, rec Record) (func(*ring) (Change, error), error) {
	switch rec.Kind {
	case KindConnection:
		c, err := v.openConnection(ctx, rec)
		return func(r *ring) (Change, error) { return r.connection(ctx, c, c.Version) }, err
	case KindAccount:
		a, err := v.openAccount(ctx, rec)
		return func(r *ring) (Change, error) { return r.sealedAccount(ctx, a, a.Version) }, err
	case KindGrant:
		g, err := v.openGrant(ctx, rec)
		if err != nil {
			return nil, err
		}
		var m grantMeta
		err = json.Unmarshal(rec.Meta, &m)
		return func(r *ring) (Change, error) { return r.sealedGrant(ctx, m.Project, rec.Version, rec.Version, g) }, err
	case KindLink:
		l, err := v.openLink(ctx, rec)
		return func(r *ring) (Change, error) { return r.sealedLink(ctx, l, l.Version) }, err
	case KindRefresh:
		var m refreshMeta
		err := v.open(ctx, rec, &m, nil)
		return func(r *ring) (Change, error) {
			return r.change(ctx, rec.Key, rec.Version, rec.Version, m.Project, m, nil)
		}, err
	case KindEvent:
		e, err := v.openEvent(ctx, rec)
		return func(r *ring) (Change, error) { return r.event(ctx, e, rec.Version, rec.Version, rec.Expires) }, err
	case KindWebhook:
		w, err := v.openWebhook(ctx, rec)
		return func(r *ring) (Change, error) { return r.webhook(ctx, w, w.Version) }, err
	case KindApp:
		a, err := v.openApp(ctx, rec)
		return func(r *ring) (Change, error) { return r.app(ctx, a, a.Version) }, err
	case KindConnector:
		c, err := v.openConnector(ctx, rec)
		return func(r *ring) (Change, error) { return r.connector(ctx, c, c.Version) }, err
	case KindReply:
		m, s, err := v.openReply(ctx, rec)
		return func(r *ring) (Change, error) {
			return r.reply(ctx, rec.Key, rec.Version, rec.Version, m, s, rec.Expires)
		}, err
	case KindDelivery:
		d, err := v.openDelivery(ctx, rec)
		return func(r *ring) (Change, error) { return r.delivery(ctx, d, d.Version) }, err
	}
	return nil, fmt.Errorf("%s %s is of an unknown kind: %w", rec.Kind, rec.ID, ErrDamaged)
}
