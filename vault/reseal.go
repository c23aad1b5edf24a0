package vault

import (
	"context"
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
	// Turn is the keyset's at the beginning. Key is its primary key.
	Turn    uint64    `json:"turn"`
	Key     string    `json:"key"`
	Started time.Time `json:"started"`
	// AfterKind and AfterID are the last record that is done.
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
	// Seen counts the records that are done, Total all records; Total is 0 when the store cannot
	// count.
	Seen, Total int
	// Changed counts the records that were sealed anew.
	Changed int
}

const (
	// resealBatch is how many records are written together, resealRead how many are read at once.
	resealBatch = 50
	resealRead  = 2000
	// resealSave is how often the place is remembered. What was done since is seen again, and
	// passed by.
	resealSave  = 2 * time.Second
	resealTTL   = time.Minute
	resealLeave = 5 * time.Second
	resealLease = "reseal"
)

// Reseal seals every record anew that is sealed under another key than the primary one, or has its
// identifiers in the other form, and returns when none is left and nothing of the earlier ones is in
// the store's files any more. It works in small steps beside everything else, using about half of a
// processor. When it is ended, by ctx or with the process, the next call goes on from there. Versions
// of records stay as they are.
//
// It is [ErrLeased] when another call is at it, and [ErrPaused] after [Vault.PauseReseal].
func (v *Vault) Reseal(ctx context.Context) error {
	if !v.ring.Load().meta.Resealing {
		return nil
	}
	release, err := v.store.Lease(ctx, resealLease, resealTTL)
	if err != nil {
		return fmt.Errorf("re-sealing: %w", err)
	}
	w := &resealer{v: v, release: release, leased: v.now()}
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

// PauseReseal ends re-sealing until [Vault.ResumeReseal]. When there is nothing to re-seal, there is
// nothing to pause.
func (v *Vault) PauseReseal(ctx context.Context) error { return v.setPaused(ctx, true) }

// ResumeReseal allows re-sealing again. It does not start it.
func (v *Vault) ResumeReseal(ctx context.Context) error { return v.setPaused(ctx, false) }

func (v *Vault) setPaused(ctx context.Context, paused bool) error {
	for range maxAttempts {
		m, version, err := v.resealState(ctx)
		if err != nil {
			return err
		}
		if m.Paused == paused || !v.ring.Load().meta.Resealing {
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

// resealState returns what is stored, or a beginning, and the version of what is stored.
func (v *Vault) resealState(ctx context.Context) (resealMeta, uint64, error) {
	r := v.ring.Load()
	begin := resealMeta{Turn: r.meta.Turn, Key: r.sealer.Primary(), Started: v.now()}
	stored, err := v.store.Get(ctx, resealKey)
	if errors.Is(err, ErrNotFound) {
		return begin, 0, nil
	}
	if err != nil {
		return resealMeta{}, 0, missing(resealKey, err)
	}
	var m resealMeta
	err = v.open(ctx, stored, &m, nil)
	if errors.Is(err, ErrDamaged) { // all that is lost is the place
		return begin, stored.Version, nil
	}
	if err != nil {
		return resealMeta{}, 0, err
	}
	if m.Turn != begin.Turn {
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
