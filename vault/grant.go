package vault

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Grant is what the user agreed to: tokens, their lives, scopes.
type Grant struct {
	AccountID AccountID
	// Generation grows by one with every new token. It fences stale writers.
	Generation uint64
	Access     Secret
	// Refresh is empty when the provider gave none.
	Refresh Secret
	IDToken Secret
	Scopes  []string
	// ObtainedAt is when the access token was given, Expires when it dies (zero: it does not, or
	// nobody said).
	ObtainedAt     time.Time
	Expires        time.Time
	RefreshExpires time.Time
	// Learned is how long an access token was seen to live whose life nobody tells; zero when that is
	// not known.
	Learned time.Duration
	// ClientID is the OAuth client that the grant belongs to, RedirectURI the one it was made with.
	ClientID    string
	RedirectURI string
	// Captured are values of the provider's answers that the connector asked to keep.
	Captured map[string]string
	// Slots are further tokens, by the names that the connector gives them.
	Slots Secrets
	// Inputs are the values of the connector's account inputs, secret or not.
	Inputs Secrets
}

// grantMeta is the clear part of a grant.
type grantMeta struct {
	Project        string        `json:"project"`
	Generation     uint64        `json:"generation"`
	Scopes         []string      `json:"scopes,omitzero"`
	ObtainedAt     time.Time     `json:"obtained_at,omitzero"`
	Expires        time.Time     `json:"expires,omitzero"`
	RefreshExpires time.Time     `json:"refresh_expires,omitzero"`
	Learned        time.Duration `json:"learned,omitempty"`
	ClientID       string        `json:"client_id,omitempty"`
	RedirectURI    string        `json:"redirect_uri,omitempty"`
}

func (m *grantMeta) project() string { return m.Project }

// grantSecrets is the sealed part of a grant.
type grantSecrets struct {
	Access   string            `json:"access"`
	Refresh  string            `json:"refresh,omitempty"`
	IDToken  string            `json:"id_token,omitempty"`
	Captured map[string]string `json:"captured,omitempty"`
	Slots    map[string]string `json:"slots,omitempty"`
	Inputs   map[string]string `json:"inputs,omitempty"`
}

func grantKey(id AccountID) Key { return Key{Kind: KindGrant, ID: string(id)} }

// Grant returns the grant of an account, opened; [ErrNotFound] when it has none. One that is not
// of the generation that its account names was put back by somebody: [ErrDamaged].
func (v *Vault) Grant(ctx context.Context, id AccountID) (Grant, error) {
	k := grantKey(id)
	a, err := v.Account(ctx, id)
	if err != nil {
		return Grant{}, err
	}
	for {
		r, err := v.store.Get(ctx, k)
		if err != nil {
			return Grant{}, missing(k, err)
		}
		g, err := v.openGrant(ctx, r)
		if err != nil {
			return Grant{}, err
		}
		if g.Generation == a.Generation {
			return g, nil
		}
		// The two were read one after the other, and a new grant may have come between.
		again, err := v.Account(ctx, id)
		if err != nil {
			return Grant{}, err
		}
		if again.Version == a.Version {
			return Grant{}, damaged(k)
		}
		a = again
	}
}

// ReplaceGrant stores g, whose Generation must be one more than the stored grant's (else
// [ErrConflict]), and notes the refresh on the account, which becomes ACTIVE unless it has been
// disconnected meanwhile (then [ErrConflict]) or waits for the app's verification. What
// [Vault.BeginRefresh] has noted goes. notes set further facts of the account, such as DueAt; they may
// be called more than once. It is durable when ReplaceGrant returns.
func (v *Vault) ReplaceGrant(ctx context.Context, id AccountID, g Grant, notes ...func(*ConnectedAccount)) (ConnectedAccount, error) {
	for range maxAttempts {
		a, err := v.Account(ctx, id)
		if err != nil {
			return ConnectedAccount{}, err
		}
		version, err := v.version(ctx, grantKey(id))
		if err != nil {
			return ConnectedAccount{}, err
		}
		// Whoever writes a grant writes its account, so the account's version guards both.
		if version == 0 || a.Status == StatusDisconnected || g.Generation != a.Generation+1 {
			return ConnectedAccount{}, missing(grantKey(id), ErrConflict)
		}
		dropped, err := v.drop(ctx, refreshKey(id))
		if err != nil {
			return ConnectedAccount{}, err
		}
		now, old, scopes := v.now(), a.Status, a.GrantedScopes
		g.AccountID = id
		a.noteGrant(g)
		a.RefreshedAt, a.Failures = now, 0
		for _, note := range notes {
			note(&a)
		}
		events := append([]Event{Event{Type: EventTokenRefreshed}.about(a)}, a.statusEvent(old)...)
		if !slices.Equal(scopes, a.GrantedScopes) {
			events = append(events, Event{Type: EventUpdated, Reason: "scopes_changed"}.about(a))
		}
		err = v.record(ctx, func(r *ring) ([]Change, []Event, error) {
			gc, err := r.grant(ctx, a.Project, version, g)
			if err != nil {
				return nil, nil, err
			}
			ac, err := r.account(ctx, &a, now)
			return append([]Change{gc, ac}, dropped...), events, err
		})
		if err == nil {
			return a, nil
		}
		if !errors.Is(err, ErrConflict) {
			return ConnectedAccount{}, fmt.Errorf("storing grant %s: %w", id, err)
		}
	}
	return ConnectedAccount{}, missing(grantKey(id), ErrConflict)
}

// NoteLifetime changes when the access token of that generation dies, and what was learned of how long
// such tokens live. A grant of another generation stays as it is.
func (v *Vault) NoteLifetime(ctx context.Context, id AccountID, generation uint64, expires time.Time, learned time.Duration, notes ...func(*ConnectedAccount)) (ConnectedAccount, error) {
	for range maxAttempts {
		a, err := v.Account(ctx, id)
		if err != nil {
			return ConnectedAccount{}, err
		}
		if a.Generation != generation {
			return a, nil
		}
		version, err := v.version(ctx, grantKey(id))
		if err != nil {
			return ConnectedAccount{}, err
		}
		g, err := v.Grant(ctx, id)
		if err != nil {
			return ConnectedAccount{}, err
		}
		g.Expires, g.Learned = utc(expires), learned
		a.TokenExpiresAt = g.Expires
		for _, note := range notes {
			note(&a)
		}
		err = v.write(ctx, func(r *ring) ([]Change, error) {
			gc, err := r.grant(ctx, a.Project, version, g)
			if err != nil {
				return nil, err
			}
			ac, err := r.account(ctx, &a, v.now())
			return []Change{gc, ac}, err
		})
		if err == nil {
			return a, nil
		}
		if !errors.Is(err, ErrConflict) {
			return ConnectedAccount{}, fmt.Errorf("storing grant %s: %w", id, err)
		}
	}
	return ConnectedAccount{}, missing(grantKey(id), ErrConflict)
}

// DropGrant deletes the grant of an account that is not ACTIVE; for one that is, it returns
// [ErrConflict]. No grant is no error.
func (v *Vault) DropGrant(ctx context.Context, id AccountID) error {
	k := grantKey(id)
	for range maxAttempts {
		version, err := v.version(ctx, k)
		if err != nil || version == 0 {
			return err
		}
		a, err := v.Account(ctx, id)
		gone := errors.Is(err, ErrNotFound)
		if err != nil && !gone {
			return err
		}
		if !gone && a.Status == StatusActive {
			return missing(k, ErrConflict)
		}
		dropped, err := v.drop(ctx, refreshKey(id))
		if err != nil {
			return err
		}
		err = v.write(ctx, func(r *ring) ([]Change, error) {
			changes := append(dropped, Change{Record: Record{Key: k, Version: version}, Delete: true})
			if gone {
				return changes, nil
			}
			// The account is written too, so that it cannot become ACTIVE at the same time. It
			// keeps its UpdatedAt, which tells when a disconnected one was.
			a.TokenExpiresAt, a.RefreshExpiresAt, a.DueAt = time.Time{}, time.Time{}, time.Time{}
			ac, err := r.account(ctx, &a, a.UpdatedAt)
			return append(changes, ac), err
		})
		if !errors.Is(err, ErrConflict) {
			return err
		}
	}
	return missing(k, ErrConflict)
}

// LeaseRefresh gives the right to refresh one account's grant to one holder in the fleet. See
// [Store].Lease.
func (v *Vault) LeaseRefresh(ctx context.Context, id AccountID, ttl time.Duration) (release func(), err error) {
	return v.store.Lease(ctx, "refresh/"+string(id), ttl)
}

// noteGrant puts on the account what a new grant says about it.
func (a *ConnectedAccount) noteGrant(g Grant) {
	if a.Status != StatusPendingVerification {
		a.Status, a.Reason = StatusActive, ""
	}
	a.Generation = g.Generation
	a.TokenExpiresAt, a.RefreshExpiresAt = utc(g.Expires), utc(g.RefreshExpires)
	if g.Scopes != nil {
		a.GrantedScopes = g.Scopes
	}
}

// version returns the stored version of a record, 0 when there is none.
func (v *Vault) version(ctx context.Context, k Key) (uint64, error) {
	r, err := v.store.Get(ctx, k)
	if errors.Is(err, ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, missing(k, err)
	}
	return r.Version, nil
}

func (r *ring) grant(ctx context.Context, project string, seen uint64, g Grant) (Change, error) {
	return r.sealedGrant(ctx, project, seen, seen+1, g)
}

func (r *ring) sealedGrant(ctx context.Context, project string, seen, next uint64, g Grant) (Change, error) {
	m := grantMeta{
		Project: project, Generation: g.Generation, Scopes: g.Scopes,
		ObtainedAt: utc(g.ObtainedAt), Expires: utc(g.Expires), RefreshExpires: utc(g.RefreshExpires),
		Learned: g.Learned, ClientID: g.ClientID, RedirectURI: g.RedirectURI,
	}
	s := grantSecrets{
		Access: g.Access.Reveal(), Refresh: g.Refresh.Reveal(), IDToken: g.IDToken.Reveal(),
		Captured: g.Captured, Slots: g.Slots.Reveal(), Inputs: g.Inputs.Reveal(),
	}
	return r.change(ctx, grantKey(g.AccountID), seen, next, project, m, s)
}

func (v *Vault) openGrant(ctx context.Context, r Record) (Grant, error) {
	var m grantMeta
	var s grantSecrets
	if err := v.open(ctx, r, &m, &s); err != nil {
		return Grant{}, err
	}
	return Grant{
		AccountID: AccountID(r.ID), Generation: m.Generation,
		Access: NewSecret(s.Access), Refresh: NewSecret(s.Refresh), IDToken: NewSecret(s.IDToken),
		Scopes: m.Scopes, ObtainedAt: m.ObtainedAt, Expires: m.Expires, RefreshExpires: m.RefreshExpires,
		Learned: m.Learned, ClientID: m.ClientID, RedirectURI: m.RedirectURI,
		Captured: s.Captured, Slots: NewSecrets(s.Slots), Inputs: NewSecrets(s.Inputs),
	}, nil
}
