package vault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"
)

// The record meta/reseal remembers how far re-sealing has come: Meta is resealMeta as JSON, nothing
// is sealed but that.
var resealKey = Key{Kind: KindMeta, ID: "reseal"}

type resealMeta struct {
	Project string `json:"-"`
	// Key and ClearIdentifiers say what records are being turned into.
	Key              string    `json:"key"`
	ClearIdentifiers bool      `json:"clear_identifiers,omitempty"`
	Started          time.Time `json:"started"`
	// AfterKind and AfterID are the last record of this pass that is done.
	AfterKind Kind   `json:"after_kind,omitempty"`
	AfterID   string `json:"after_id,omitempty"`
	Seen      int    `json:"seen"`
	Changed   int    `json:"changed"`
	Paused    bool   `json:"paused,omitempty"`
}

func (m *resealMeta) project() string { return m.Project }

func (m *resealMeta) after() Key { return Key{Kind: m.AfterKind, ID: m.AfterID} }

// Resealing is how far re-sealing has come.
type Resealing struct {
	// Needed tells that there may be records to seal anew. Nothing else is set when it is false.
	Needed bool
	// Paused tells that it was stopped on purpose.
	Paused bool
	// Key is the key that records are being sealed under.
	Key     string
	Started time.Time
	// Seen counts the records of this pass that are done, Total all records; Total is 0 when the
	// store cannot count.
	Seen, Total int
	// Changed counts the records that were sealed anew, in all passes.
	Changed int
}

const (
	// resealBatch is how many records are written together, resealRead how many are read at once.
	resealBatch = 50
	resealRead  = 2000
	// resealSave is how often the place is remembered. What was done since is seen again, and
	// passed by.
	resealSave = 2 * time.Second
	resealTTL  = time.Minute
)

// Reseal seals every record anew that is sealed under another key than the primary one, or has its
// identifiers in the other form, and returns when none is left. It works in small steps beside
// everything else, using about half of a processor. When it is ended, by ctx or with the process,
// the next call goes on from there. Versions of records stay as they are.
//
// It is [ErrLeased] when another call is at it, and [ErrPaused] after [Vault.PauseReseal].
func (v *Vault) Reseal(ctx context.Context) error {
	if !v.ring.Load().meta.Resealing {
		return nil
	}
	release, err := v.store.Lease(ctx, "reseal", resealTTL)
	if err != nil {
		return fmt.Errorf("re-sealing: %w", err)
	}
	w := &resealer{v: v, release: release, leased: time.Now()}
	defer func() { w.release() }()
	v.log.Info("re-sealing records", zap.String("key", v.ring.Load().sealer.Primary()))
	changed, err := w.run(ctx)
	if err != nil {
		v.log.Warn("re-sealing was ended and will go on later", zap.Int("changed", changed), zap.Error(err))
		return fmt.Errorf("re-sealing: %w", err)
	}
	v.log.Info("all records are sealed under the primary key", zap.Int("changed", changed))
	return nil
}

// PauseReseal ends re-sealing until [Vault.ResumeReseal].
func (v *Vault) PauseReseal(ctx context.Context) error { return v.setPaused(ctx, true) }

// ResumeReseal allows re-sealing again. It does not start it.
func (v *Vault) ResumeReseal(ctx context.Context) error { return v.setPaused(ctx, false) }

func (v *Vault) setPaused(ctx context.Context, paused bool) error {
	for range maxAttempts {
		m, version, err := v.resealState(ctx)
		if err != nil {
			return err
		}
		if m.Paused == paused {
			return nil
		}
		m.Paused = paused
		if err := v.saveReseal(ctx, m, version); !errors.Is(err, ErrConflict) {
			if err == nil {
				v.log.Info("re-sealing was paused or resumed", zap.Bool("paused", paused))
			}
			return err
		}
	}
	return missing(resealKey, ErrConflict)
}

// ResealState tells how far re-sealing has come.
func (v *Vault) ResealState(ctx context.Context) (Resealing, error) {
	if !v.ring.Load().meta.Resealing {
		return Resealing{}, nil
	}
	m, _, err := v.resealState(ctx)
	if err != nil {
		return Resealing{}, err
	}
	s := Resealing{Needed: true, Paused: m.Paused, Key: m.Key, Started: m.Started, Seen: m.Seen, Changed: m.Changed}
	size, _, err := v.Measure(ctx)
	for _, n := range size.Records {
		s.Total += n
	}
	return s, err
}

// resealState returns what is stored, or a beginning.
func (v *Vault) resealState(ctx context.Context) (resealMeta, uint64, error) {
	r := v.ring.Load()
	begin := resealMeta{Key: r.sealer.Primary(), ClearIdentifiers: r.meta.ClearIdentifiers, Started: v.now()}
	stored, err := v.store.Get(ctx, resealKey)
	if errors.Is(err, ErrNotFound) {
		return begin, 0, nil
	}
	if err != nil {
		return resealMeta{}, 0, missing(resealKey, err)
	}
	var m resealMeta
	if err := v.open(ctx, stored, &m, nil); err != nil {
		return resealMeta{}, 0, err
	}
	if m.Key != begin.Key || m.ClearIdentifiers != begin.ClearIdentifiers {
		begin.Paused = m.Paused
		return begin, stored.Version, nil
	}
	return m, stored.Version, nil
}

func (v *Vault) saveReseal(ctx context.Context, m resealMeta, seen uint64) error {
	return v.write(ctx, func(r *ring) ([]Change, error) {
		return one(r.change(ctx, resealKey, seen, seen+1, "", m, nil))
	})
}

// resealer is one run of Reseal.
type resealer struct {
	v       *Vault
	release func()
	leased  time.Time
}

// run makes passes over all records until one of them, made from the beginning, finds nothing to do.
func (w *resealer) run(ctx context.Context) (changed int, err error) {
	for {
		m, version, err := w.v.resealState(ctx)
		if err != nil {
			return changed, err
		}
		whole := m.after() == Key{}
		n, err := w.pass(ctx, &m, &version)
		changed += n
		if err != nil {
			return changed, err
		}
		if whole && n == 0 {
			return changed, w.finish(ctx, m, version)
		}
		m.AfterKind, m.AfterID, m.Seen = "", "", 0
		if err := w.v.saveReseal(ctx, m, version); err != nil {
			return changed, err
		}
	}
}

// finish notes that all records are as they should be, unless the keys were changed meanwhile.
func (w *resealer) finish(ctx context.Context, m resealMeta, version uint64) error {
	err := w.v.changeKeyset(ctx, "re-sealing", func(r *ring) error {
		if r.sealer.Primary() != m.Key || r.meta.ClearIdentifiers != m.ClearIdentifiers {
			return ErrConflict
		}
		if !r.meta.Resealing {
			return errUnchanged
		}
		r.meta.Resealing = false
		return nil
	})
	if err != nil && !errors.Is(err, errUnchanged) {
		return err
	}
	if version == 0 {
		return nil
	}
	return w.v.store.Apply(ctx, Change{Record: Record{Key: resealKey, Version: version}, Delete: true})
}

// pass goes over the records after the place that m remembers.
func (w *resealer) pass(ctx context.Context, m *resealMeta, version *uint64) (changed int, err error) {
	saved := time.Now()
	for {
		start := time.Now()
		if w.v.ring.Load().sealer.Primary() != m.Key {
			return changed, errors.New("the primary key has changed meanwhile")
		}
		stale, more, err := w.next(ctx, m)
		if err != nil {
			return changed, err
		}
		n, err := w.reseal(ctx, stale)
		changed += n
		m.Changed += n
		if err != nil {
			return changed, err
		}
		if !more {
			return changed, nil
		}
		if time.Since(saved) > resealSave {
			if err := w.save(ctx, m, version); err != nil {
				return changed, err
			}
			saved = time.Now()
		}
		select {
		case <-ctx.Done():
			return changed, errors.Join(ctx.Err(), w.save(context.WithoutCancel(ctx), m, version))
		case <-time.After(time.Since(start)):
		}
	}
}

// save remembers the place, keeps the lease, and sees whether somebody wants a pause.
func (w *resealer) save(ctx context.Context, m *resealMeta, version *uint64) error {
	if time.Since(w.leased) > resealTTL/4 {
		w.release()
		release, err := w.v.store.Lease(ctx, "reseal", resealTTL)
		if err != nil {
			w.release = func() {}
			return err
		}
		w.release, w.leased = release, time.Now()
	}
	now, at, err := w.v.resealState(ctx)
	if err != nil {
		return err
	}
	m.Paused = now.Paused
	if err := w.v.saveReseal(ctx, *m, at); err != nil {
		return err
	}
	*version = at + 1
	if m.Paused {
		return ErrPaused
	}
	return nil
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

// reseal seals records anew, together if none of them is changed meanwhile, else one by one. What
// cannot be opened stays as it is.
func (w *resealer) reseal(ctx context.Context, records []Record) (int, error) {
	if len(records) == 0 {
		return 0, nil
	}
	n, err := w.v.rewrite(ctx, records)
	if !errors.Is(err, ErrConflict) && !errors.Is(err, ErrExists) {
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
	return (r.Kind == KindAccount || r.Kind == KindLink) && now.otherForm(r)
}

// otherForm tells whether the identifier of an account or link is stored in the form that is not the
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
	return len(remakes), err
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
	}
	return nil, fmt.Errorf("%s %s is of an unknown kind: %w", rec.Kind, rec.ID, ErrDamaged)
}
