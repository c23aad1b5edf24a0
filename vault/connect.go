package vault

import (
	"context"
	"errors"
	"fmt"
)

// Connect stores the outcome of a consent: the account, made ACTIVE (created if need be), its
// grant, and the used link, all in one write. The link must be the version that the caller's last
// [Vault.PutLink] left, else [ErrConflict]; a zero link is left out, for accounts that need no
// browser. An existing account keeps its ID, and its grant's generation grows. An account that is
// given as PENDING_VERIFICATION stays so. The account must be the version that the caller has read,
// or with a link one that did not exist, else [ErrConflict].
func (v *Vault) Connect(ctx context.Context, l Link, a ConnectedAccount, g Grant) (ConnectedAccount, error) {
	if l.Status == LinkUsed || l.Status == LinkFailed {
		return ConnectedAccount{}, missing(linkKey(l.ID), ErrConflict)
	}
	for range maxAttempts {
		stored, err := v.connect(ctx, l, a, g)
		switch {
		case err == nil:
			return stored, nil
		case !errors.Is(err, errRace):
			return ConnectedAccount{}, err
		}
		if l.ID == "" {
			continue
		}
		version, err := v.version(ctx, linkKey(l.ID))
		if err != nil {
			return ConnectedAccount{}, err
		}
		if version != l.Version {
			return ConnectedAccount{}, missing(linkKey(l.ID), ErrConflict)
		}
	}
	return ConnectedAccount{}, fmt.Errorf("connecting: %w", ErrConflict)
}

// errRace: one of the records of a Connect was changed meanwhile, or the form of identifiers.
var errRace = errors.New("race")

// connect is one attempt.
func (v *Vault) connect(ctx context.Context, l Link, a ConnectedAccount, g Grant) (ConnectedAccount, error) {
	now := v.now()
	used := v.ring.Load()
	n, err := v.connected(ctx, l, a)
	if err != nil {
		return ConnectedAccount{}, err
	}
	seen, err := v.version(ctx, grantKey(n.ID))
	if err != nil {
		return ConnectedAccount{}, err
	}
	old := n.Status
	n.Status = a.Status
	g.AccountID, g.Generation = n.ID, n.Generation+1
	if g.ObtainedAt.IsZero() {
		g.ObtainedAt = now
	}
	n.noteGrant(g)
	n.ConnectedAt, n.DueAt = now, now // whoever looks after accounts decides what is next
	events := connectEvents(n, old, l.ID)
	if n.CreatedAt.IsZero() {
		n.CreatedAt = now
	}
	dropped, err := v.drop(ctx, refreshKey(n.ID))
	if err != nil {
		return ConnectedAccount{}, err
	}
	err = v.record(ctx, func(r *ring) ([]Change, []Event, error) {
		if r != used { // the account may have come under the earlier one, in another form
			return nil, nil, errRace
		}
		gc, err := r.grant(ctx, n.Project, seen, g)
		if err != nil {
			return nil, nil, err
		}
		ac, err := r.account(ctx, &n, now)
		changes := append([]Change{gc, ac}, dropped...)
		if err != nil || l.ID == "" {
			return changes, events, err
		}
		l.Status, l.Verifier, l.Inputs, l.Held = LinkUsed, Secret{}, nil, Secret{}
		lc, err := r.link(ctx, &l)
		return append(changes, lc), events, err
	})
	if errors.Is(err, errRace) || errors.Is(err, ErrConflict) || errors.Is(err, ErrExists) {
		return ConnectedAccount{}, errRace
	}
	if err != nil {
		return ConnectedAccount{}, fmt.Errorf("connecting %s: %w", n.ID, err)
	}
	return n, nil
}

// connectEvents are the events of a connect that has made n of an account in that status, empty for
// none.
func connectEvents(n ConnectedAccount, old Status, link LinkID) []Event {
	list := []Event{Event{Type: EventCreated}.about(n)}
	if old != "" {
		list = append([]Event{Event{Type: EventUpdated}.about(n)}, n.statusEvent(old)...)
	}
	if link != "" {
		list = append(list, Event{Type: EventOAuthSucceeded, LinkID: link}.about(n))
	}
	return list
}

// connected is the account as it will be, but for its status and what the grant says: the stored one with what a
// has to tell, or a new one.
func (v *Vault) connected(ctx context.Context, l Link, a ConnectedAccount) (ConnectedAccount, error) {
	if a.ID == "" {
		a.ID = l.AccountID
	}
	if a.ID == "" {
		a.ID = NewAccountID()
	}
	if a.Project == "" {
		a.Project = projectOr(l.Project)
	}
	if err := checkAccount(a); err != nil {
		return ConnectedAccount{}, err
	}
	n, err := v.FindAccount(ctx, a.ConnectionID, a.Identifier)
	if errors.Is(err, ErrNotFound) {
		_, err := v.Account(ctx, a.ID)
		if err == nil {
			return ConnectedAccount{}, fmt.Errorf("account %s belongs to another identifier: %w", a.ID, ErrConflict)
		}
		if !errors.Is(err, ErrNotFound) {
			return ConnectedAccount{}, err
		}
		if l.Reconnect {
			return ConnectedAccount{}, missing(accountKey(a.ID), ErrNotFound) // IDs are never reused
		}
		n = ConnectedAccount{
			ID: a.ID, Project: a.Project, ConnectionID: a.ConnectionID,
			Connector: a.Connector, Identifier: a.Identifier,
		}
	} else if err != nil {
		return ConnectedAccount{}, err
	}
	if stale := n.Version != a.Version; stale && (l.ID != "" || a.Version != 0) {
		return ConnectedAccount{}, fmt.Errorf("account %s: %w", n.ID, ErrConflict)
	}
	if n.Project != a.Project {
		return ConnectedAccount{}, fmt.Errorf("account %s belongs to another project: %w", n.ID, ErrConflict)
	}
	n.Reason, n.Failures = "", 0
	if a.Identity != (Identity{}) {
		n.Identity = a.Identity
	}
	n.RequestedScopes, n.GrantedScopes = a.RequestedScopes, a.GrantedScopes
	return n, nil
}
