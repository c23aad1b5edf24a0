package vault

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Status is where a connected account stands.
type Status string

// The values of [Status].
const (
	StatusActive              Status = "ACTIVE"               // requests go out
	StatusExpired             Status = "EXPIRED"              // the user must consent again
	StatusPendingAuth         Status = "PENDING_AUTH"         // consent has not been given yet
	StatusPendingVerification Status = "PENDING_VERIFICATION" // the app has not confirmed the user yet
	StatusDisconnected        Status = "DISCONNECTED"         // ended on purpose
)

var statuses = []Status{StatusActive, StatusExpired, StatusPendingAuth, StatusPendingVerification, StatusDisconnected}

// Identity is who the account is at the provider.
type Identity struct {
	ID     string `json:"id,omitempty"`
	Name   string `json:"name,omitempty"`
	Email  string `json:"email,omitempty"`
	Avatar string `json:"avatar,omitempty"`
}

// Facts are noted of an account without changing what it is; see [Vault.Note].
type Facts struct {
	// LastUsedAt is when its credential was last asked for, within an hour or so.
	LastUsedAt time.Time `json:"last_used_at,omitzero"`
	// CheckedAt is when its credential was last checked, whatever came of it.
	CheckedAt time.Time `json:"checked_at,omitzero"`
	// ExpiryTold is the RefreshExpiresAt that has been warned of.
	ExpiryTold time.Time `json:"expiry_told,omitzero"`
	// DueAt is when there is something to do for it without being asked; zero is never.
	DueAt time.Time `json:"due_at,omitzero"`
}

// ConnectedAccount is one user's account at one connection. It holds no secret.
type ConnectedAccount struct {
	ID           AccountID
	Project      string
	ConnectionID ConnectionID
	Connector    string
	// Identifier is the app's name for its user, unique within the connection.
	Identifier string
	Status     Status
	// Reason is a code that says why the account is not ACTIVE, such as invalid_grant.
	Reason          string
	Identity        Identity
	RequestedScopes []string
	// GrantedScopes is nil when the provider did not say.
	GrantedScopes []string
	CreatedAt     time.Time
	UpdatedAt     time.Time
	ConnectedAt   time.Time
	RefreshedAt   time.Time
	// TokenExpiresAt is when the access token expires; zero when it does not, or nobody said.
	TokenExpiresAt   time.Time
	RefreshExpiresAt time.Time
	Facts
	// LastError is the code of the last failed refresh, LastErrorClass its class and LastErrorAt its
	// time. Failures counts the failed ones since the last that was not.
	LastError      string
	LastErrorClass string
	LastErrorAt    time.Time
	Failures       int
	AppData
	// Generation is the one of the latest grant; 0 before the first. It never goes back, and stays
	// when the grant is dropped.
	Generation uint64
	Version    uint64
}

// accountMeta is the clear part of an account. Identifier and Identity are empty in it when they
// are sealed, as AppData is always.
type accountMeta struct {
	ID               AccountID    `json:"-"`
	Project          string       `json:"project"`
	ConnectionID     ConnectionID `json:"connection"`
	Connector        string       `json:"connector"`
	Identifier       string       `json:"identifier,omitempty"`
	Status           Status       `json:"status"`
	Reason           string       `json:"reason,omitempty"`
	Identity         Identity     `json:"identity,omitzero"`
	RequestedScopes  []string     `json:"requested_scopes,omitempty"`
	GrantedScopes    []string     `json:"granted_scopes,omitzero"`
	CreatedAt        time.Time    `json:"created_at,omitzero"`
	UpdatedAt        time.Time    `json:"updated_at,omitzero"`
	ConnectedAt      time.Time    `json:"connected_at,omitzero"`
	RefreshedAt      time.Time    `json:"refreshed_at,omitzero"`
	TokenExpiresAt   time.Time    `json:"token_expires_at,omitzero"`
	RefreshExpiresAt time.Time    `json:"refresh_expires_at,omitzero"`
	Facts
	LastError      string    `json:"last_error,omitempty"`
	LastErrorClass string    `json:"last_error_class,omitempty"`
	LastErrorAt    time.Time `json:"last_error_at,omitzero"`
	Failures       int       `json:"failures,omitempty"`
	AppData        `json:"-"`
	Generation     uint64 `json:"generation"`
	Version        uint64 `json:"-"`
}

func (m *accountMeta) project() string { return m.Project }

// accountSecrets is the sealed part of an account.
type accountSecrets struct {
	Identifier string            `json:"identifier,omitempty"`
	Identity   Identity          `json:"identity,omitzero"`
	Labels     map[string]string `json:"labels,omitempty"`
	// Metadata is JSON in a text, so that it stays as long as it is.
	Metadata string `json:"metadata,omitempty"`
}

// maxCode is the length that a reason or error code is cut to.
const maxCode = 200

func accountKey(id AccountID) Key { return Key{Kind: KindAccount, ID: string(id)} }

// Account returns one account.
func (v *Vault) Account(ctx context.Context, id AccountID) (ConnectedAccount, error) {
	k := accountKey(id)
	r, err := v.store.Get(ctx, k)
	if err != nil {
		return ConnectedAccount{}, missing(k, err)
	}
	return v.openAccount(ctx, r)
}

// FindAccount returns the account with that identifier at the connection.
func (v *Vault) FindAccount(ctx context.Context, c ConnectionID, identifier string) (ConnectedAccount, error) {
	if !ValidIdentifier(identifier) {
		return ConnectedAccount{}, fmt.Errorf("account: %w", ErrNotFound)
	}
	for {
		seen := v.ring.Load()
		a, err := v.findAccount(ctx, seen, c, identifier)
		if !errors.Is(err, ErrNotFound) {
			return a, err
		}
		if changed, e := v.changedKeyset(ctx, seen); e != nil || !changed {
			return ConnectedAccount{}, cmp.Or(e, err) // without the keyset, nobody knows
		}
	}
}

func (v *Vault) findAccount(ctx context.Context, seen *ring, c ConnectionID, identifier string) (ConnectedAccount, error) {
	forms, err := seen.forms(identifier)
	if err != nil {
		return ConnectedAccount{}, err
	}
	if len(forms) > 1 {
		forms = append(forms, forms[0]) // re-sealing may have brought it there just now
	}
	for _, form := range forms {
		r, err := v.store.Find(ctx, IndexEntry{Index: indexAccountIdentifier, Value: string(c) + "/" + form, Unique: true})
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return ConnectedAccount{}, fmt.Errorf("account of %s: %w", c, err)
		}
		a, err := v.openAccount(ctx, r)
		if err != nil {
			return ConnectedAccount{}, err
		}
		if a.ConnectionID != c || a.Identifier != identifier {
			return ConnectedAccount{}, damaged(r.Key) // the index is not sealed, the record is
		}
		return a, nil
	}
	return ConnectedAccount{}, fmt.Errorf("account of %s: %w", c, ErrNotFound)
}

// CreateAccount stores a new account that has no grant yet. It fills in ID unless one was
// reserved, Project, Status (PENDING_AUTH), times and Version. An identifier that has an account
// at the connection already is [ErrExists].
func (v *Vault) CreateAccount(ctx context.Context, a *ConnectedAccount) error {
	n := *a
	n.Project = projectOr(n.Project)
	if n.ID == "" {
		n.ID = NewAccountID()
	}
	if err := checkAccount(n); err != nil {
		return err
	}
	n.AppData = n.AppData.canonical()
	n.Status, n.Generation, n.Version = StatusPendingAuth, 0, 0
	n.CreatedAt = v.now()
	for range maxAttempts {
		// While records are being sealed anew, an account may be in the index under another form.
		seen := v.ring.Load()
		switch _, err := v.FindAccount(ctx, n.ConnectionID, n.Identifier); {
		case err == nil:
			return missing(accountKey(n.ID), ErrExists)
		case !errors.Is(err, ErrNotFound):
			return err
		}
		err := v.record(ctx, func(r *ring) ([]Change, []Event, error) {
			if r != seen {
				return nil, nil, errRace
			}
			c, err := r.account(ctx, &n, n.CreatedAt)
			return []Change{c}, []Event{Event{Type: EventCreated}.about(n)}, err
		})
		if errors.Is(err, errRace) {
			continue
		}
		if err != nil {
			return missing(accountKey(n.ID), err)
		}
		*a = n
		return nil
	}
	return missing(accountKey(n.ID), ErrConflict)
}

// EnsureAccount returns the account with a's identifier at its connection, or creates a as
// [Vault.CreateAccount] does. Of any number of callers at the same time, one creates it.
func (v *Vault) EnsureAccount(ctx context.Context, a ConnectedAccount) (stored ConnectedAccount, created bool, err error) {
	if err := a.Check(); err != nil {
		return ConnectedAccount{}, false, err
	}
	for range maxAttempts {
		stored, err = v.FindAccount(ctx, a.ConnectionID, a.Identifier)
		if !errors.Is(err, ErrNotFound) {
			return stored, false, err
		}
		stored = a
		err = v.CreateAccount(ctx, &stored)
		if !errors.Is(err, ErrExists) {
			return stored, err == nil, err
		}
	}
	return ConnectedAccount{}, false, err
}

// DeleteAccount removes an account, its grant, and what is noted of a refresh. No account is no
// error.
func (v *Vault) DeleteAccount(ctx context.Context, id AccountID) error {
	return v.deleteAccount(ctx, id, 0)
}

// DeleteAccountVersion is DeleteAccount of an account that nobody has changed since that version was
// read, else [ErrConflict].
func (v *Vault) DeleteAccountVersion(ctx context.Context, id AccountID, version uint64) error {
	return v.deleteAccount(ctx, id, version)
}

func (v *Vault) deleteAccount(ctx context.Context, id AccountID, version uint64) error {
	k := accountKey(id)
	for range maxAttempts {
		var changes []Change
		var events []Event
		for _, part := range []Key{k, grantKey(id), refreshKey(id)} {
			r, err := v.store.Get(ctx, part)
			if errors.Is(err, ErrNotFound) {
				continue
			}
			if err != nil {
				return missing(part, err)
			}
			if part == k && version != 0 && r.Version != version {
				return missing(k, ErrConflict)
			}
			if part == k {
				// One that is damaged goes without a word: nobody can tell whose it was.
				if a, err := v.openAccount(ctx, r); err == nil {
					events = append(events, Event{Type: EventDeleted}.about(a))
				}
			}
			changes = append(changes, Change{Record: Record{Key: part, Version: r.Version}, Delete: true})
		}
		if len(changes) == 0 {
			return nil
		}
		err := v.record(ctx, func(*ring) ([]Change, []Event, error) { return changes, events, nil })
		if !errors.Is(err, ErrConflict) {
			return err
		}
	}
	return missing(k, ErrConflict)
}

// disconnectTime is how long who disconnects an account has to delete its grant. Then the account is due,
// so that a disconnection that was broken off is finished.
const disconnectTime = 2 * time.Minute

// SetStatus changes the status of an account whose grant still has that generation; when it has
// moved on, or the account was disconnected, nothing is changed and [ErrConflict] is returned.
// Generation 0 means any, and a disconnected account too.
func (v *Vault) SetStatus(ctx context.Context, id AccountID, generation uint64, s Status, reason string) (ConnectedAccount, error) {
	if !slices.Contains(statuses, s) {
		return ConnectedAccount{}, fmt.Errorf("status %.80q: %w", s, ErrInvalid)
	}
	return v.updateAccount(ctx, id, false, func(a *ConnectedAccount) ([]Event, error) {
		if generation != 0 && (generation != a.Generation || a.Status == StatusDisconnected && s != StatusDisconnected) {
			return nil, ErrConflict
		}
		old := a.Status
		a.Status, a.Reason = s, cut(reason)
		if s == StatusDisconnected {
			a.DueAt = v.now().Add(disconnectTime)
		}
		return a.statusEvent(old), nil
	})
}

// statusEvent is the event of an account whose status was old, if it is another one now.
func (a *ConnectedAccount) statusEvent(old Status) []Event {
	if a.Status == old {
		return nil
	}
	return []Event{Event{Type: EventStatusUpdated, OldStatus: old, Reason: a.Reason}.about(*a)}
}

// Note changes the facts of an account whose grant still has that generation, or any with generation
// 0; else, and when nothing differs, nothing is written. The events that note returns are of that
// account; all but their Type, Reason and Expires is filled in. note may be called more than once.
func (v *Vault) Note(ctx context.Context, id AccountID, generation uint64, note func(*Facts) []Event) (ConnectedAccount, error) {
	return v.updateAccount(ctx, id, true, func(a *ConnectedAccount) ([]Event, error) {
		if generation != 0 && a.Generation != generation {
			return nil, errUnchanged
		}
		before := a.Facts
		events := note(&a.Facts)
		a.Facts = a.Facts.utc()
		if a.Facts == before && len(events) == 0 {
			return nil, errUnchanged
		}
		for i := range events {
			events[i] = events[i].about(*a)
		}
		return events, nil
	})
}

// wholeMilliseconds rounds up, so that what is due by the index is due by the record, and by who has
// set it.
func wholeMilliseconds(t time.Time) time.Time {
	if whole := t.Truncate(time.Millisecond); !whole.Equal(t) {
		return whole.Add(time.Millisecond)
	}
	return t
}

// utc gives the times the form in which they are read again.
func (f Facts) utc() Facts {
	return Facts{
		LastUsedAt: utc(f.LastUsedAt), CheckedAt: utc(f.CheckedAt), ExpiryTold: utc(f.ExpiryTold),
		DueAt: wholeMilliseconds(utc(f.DueAt)),
	}
}

// updateAccount makes a change to the account alone, again and again until nobody else has
// changed it meanwhile. An update that returns errUnchanged changes nothing. After a quiet
// one a DISCONNECTED account still says when it was disconnected.
func (v *Vault) updateAccount(ctx context.Context, id AccountID, quiet bool, update func(*ConnectedAccount) ([]Event, error)) (ConnectedAccount, error) {
	for range maxAttempts {
		a, err := v.Account(ctx, id)
		if err != nil {
			return ConnectedAccount{}, err
		}
		events, err := update(&a)
		if errors.Is(err, errUnchanged) {
			return a, nil
		}
		if err != nil {
			return ConnectedAccount{}, missing(accountKey(id), err)
		}
		at := v.now()
		if quiet && a.Status == StatusDisconnected {
			at = a.UpdatedAt // which tells when it was disconnected
		}
		err = v.record(ctx, func(r *ring) ([]Change, []Event, error) {
			c, err := r.account(ctx, &a, at)
			return []Change{c}, events, err
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

// account is the write of a, whose Version becomes the one that it will have.
func (r *ring) account(ctx context.Context, a *ConnectedAccount, now time.Time) (Change, error) {
	a.UpdatedAt, a.Facts = now, a.Facts.utc()
	ch, err := r.sealedAccount(ctx, *a, a.Version+1)
	a.Version++
	return ch, err
}

func (r *ring) sealedAccount(ctx context.Context, a ConnectedAccount, next uint64) (Change, error) {
	meta, secrets := accountMeta(a), any(nil)
	switch {
	case !r.meta.ClearIdentifiers:
		secrets = accountSecrets{a.Identifier, a.Identity, a.Labels, string(a.Metadata)}
		meta.Identifier, meta.Identity = "", Identity{}
	case !a.AppData.isZero():
		secrets = accountSecrets{Labels: a.Labels, Metadata: string(a.Metadata)}
	}
	ch, err := r.change(ctx, accountKey(a.ID), a.Version, next, a.Project, meta, secrets)
	if err != nil {
		return Change{}, err
	}
	form, err := r.form(a.Identifier)
	if err != nil {
		return Change{}, err
	}
	ch.Indexes = accountIndexes(a, form)
	return ch, nil
}

func (v *Vault) openAccount(ctx context.Context, r Record) (ConnectedAccount, error) {
	var m accountMeta
	var s accountSecrets
	if err := v.open(ctx, r, &m, &s); err != nil {
		return ConnectedAccount{}, err
	}
	a := ConnectedAccount(m)
	if s.Identifier != "" {
		a.Identifier, a.Identity = s.Identifier, s.Identity
	}
	a.AppData = AppData{Labels: s.Labels}
	if s.Metadata != "" {
		a.Metadata = json.RawMessage(s.Metadata)
	}
	a.ID, a.Version = AccountID(r.ID), r.Version
	return a, nil
}

func checkAccount(a ConnectedAccount) error {
	switch {
	case !ValidIdentifier(a.Identifier):
		return fmt.Errorf("account identifier: %w: 1 to 200 of letters, digits and ._@+=:|~-, a letter or digit first", ErrInvalid)
	case !IsConnectionID(string(a.ConnectionID)):
		return fmt.Errorf("connection ID %.80q: %w", a.ConnectionID, ErrInvalid)
	case !IsAccountID(string(a.ID)):
		return fmt.Errorf("account ID %.80q: %w", a.ID, ErrInvalid)
	case !ValidName(a.Project):
		return fmt.Errorf("project name %.80q: %w", a.Project, ErrInvalid)
	case !ValidName(a.Connector):
		return fmt.Errorf("connector name %.80q: %w", a.Connector, ErrInvalid)
	}
	return a.AppData.Check()
}

func cut(code string) string { return code[:min(len(code), maxCode)] }
