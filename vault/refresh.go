package vault

import (
	"context"
	"errors"
	"time"
)

// refreshMeta is what is noted of a refresh that was begun and has not come to an end: the provider may
// have taken the refresh token and given another one that was lost. All of it is in clear.
type refreshMeta struct {
	Project string `json:"project"`
	// Generation is the one of the grant whose refresh token was sent.
	Generation uint64 `json:"generation"`
	// Attempts counts how often it was sent.
	Attempts int `json:"attempts"`
}

func (m *refreshMeta) project() string { return m.Project }

func refreshKey(id AccountID) Key { return Key{Kind: KindRefresh, ID: string(id)} }

// BeginRefresh notes, durably, that the refresh token of a's grant is about to be sent, and returns how
// often it was, this time counted: more than one attempt means that an earlier one did not come to an end.
// [Vault.ReplaceGrant], [Vault.EndRefresh] and a new connection of the account end it. The caller holds
// the lease of [Vault.LeaseRefresh].
func (v *Vault) BeginRefresh(ctx context.Context, a ConnectedAccount) (attempts int, err error) {
	k := refreshKey(a.ID)
	for range maxAttempts {
		m := refreshMeta{Project: a.Project, Generation: a.Generation, Attempts: 1}
		r, err := v.store.Get(ctx, k)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return 0, missing(k, err)
		}
		if err == nil {
			var earlier refreshMeta
			err := v.open(ctx, r, &earlier, nil)
			if err != nil && !errors.Is(err, ErrDamaged) { // that says nothing that could be lost
				return 0, err
			}
			if err == nil && earlier.Generation == a.Generation {
				m.Attempts += earlier.Attempts
			}
		}
		err = v.write(ctx, func(ring *ring) ([]Change, error) {
			return one(ring.change(ctx, k, r.Version, r.Version+1, m.Project, m, nil))
		})
		if !errors.Is(err, ErrConflict) {
			return m.Attempts, err
		}
	}
	return 0, missing(k, ErrConflict)
}

// drop is the change that deletes a record, or none when there is no such record.
func (v *Vault) drop(ctx context.Context, k Key) ([]Change, error) {
	version, err := v.version(ctx, k)
	if err != nil || version == 0 {
		return nil, err
	}
	return []Change{{Record: Record{Key: k, Version: version}, Delete: true}}, nil
}

// Failure is a refresh that has failed, or could not be finished.
type Failure struct {
	// Generation is the one of the grant that was to be refreshed.
	Generation uint64
	// Code and Class say why.
	Code  string
	Class string
	// Answered tells that the provider has answered, so that the refresh token was certainly not
	// exchanged for one that was lost.
	Answered bool
	// Expired says that the grant is dead: the account becomes EXPIRED for the reason Code, unless it
	// has been connected again or disconnected.
	Expired bool
	// DueAt is when it is tried again; zero leaves that to whoever asks.
	DueAt time.Time
}

// EndRefresh notes on the account that a refresh has failed. Of failures in a row for one reason the first
// is an event. An account whose grant is of another generation by now stays as it is.
func (v *Vault) EndRefresh(ctx context.Context, id AccountID, f Failure) (ConnectedAccount, error) {
	for range maxAttempts {
		a, err := v.Account(ctx, id)
		if err != nil {
			return ConnectedAccount{}, err
		}
		if a.Generation != f.Generation || a.Status != StatusActive {
			return a, nil
		}
		var dropped []Change
		if f.Answered || f.Expired {
			if dropped, err = v.drop(ctx, refreshKey(id)); err != nil {
				return ConnectedAccount{}, err
			}
		}
		again := a.Failures > 0 && a.LastError == cut(f.Code) && !f.Expired
		a.LastError, a.LastErrorClass, a.LastErrorAt = cut(f.Code), f.Class, v.now()
		a.Failures++
		a.DueAt = utc(f.DueAt)
		if f.Expired {
			a.Status, a.Reason, a.DueAt = StatusExpired, cut(f.Code), time.Time{}
		}
		events := a.statusEvent(StatusActive)
		if !again {
			events = append([]Event{Event{Type: EventTokenRefreshFailed, Reason: a.LastError, Class: f.Class}.about(a)}, events...)
		}
		err = v.record(ctx, func(r *ring) ([]Change, []Event, error) {
			ac, err := r.account(ctx, &a, v.now())
			return append(dropped, ac), events, err
		})
		if err == nil {
			return a, nil
		}
		if !errors.Is(err, ErrConflict) {
			return ConnectedAccount{}, missing(accountKey(id), err)
		}
	}
	return ConnectedAccount{}, missing(accountKey(id), ErrConflict)
}
