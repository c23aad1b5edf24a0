package vault

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"
)

// LinkStatus is where an authorization link stands.
type LinkStatus string

// The values of [LinkStatus].
const (
	LinkOpen    LinkStatus = "open"    // nobody has pressed the button yet
	LinkStarted LinkStatus = "started" // a browser is at the provider, or at our form
	LinkPolled  LinkStatus = "polled"  // the user consents elsewhere, and the provider is asked whether that has happened
	LinkTaken   LinkStatus = "taken"   // the callback has come; its code is being exchanged
	LinkChoice  LinkStatus = "choice"  // the user has consented, and has to choose what is used
	LinkUsed    LinkStatus = "used"    // the account is connected
	LinkFailed  LinkStatus = "failed"  // denied, or refused
)

// Link is a one-time invitation to consent.
type Link struct {
	ID           LinkID
	Project      string
	ConnectionID ConnectionID
	Identifier   string
	// AccountID is the account to connect: an existing one, or the ID reserved for a new one.
	AccountID AccountID
	// Reconnect tells that the account existed when the link was made.
	Reconnect bool
	Scopes    []string
	// ReturnURL is where the browser goes in the end; empty for our own page. AppState is handed
	// back there.
	ReturnURL string
	AppState  string
	Status    LinkStatus
	// Outcome is the reason code of a failed link.
	Outcome   string
	CreatedAt time.Time
	Expires   time.Time
	Version   uint64

	// Token is the secret part of the link's URL. Only its hash is an index.
	Token Secret
	// State, Verifier, Browser and RedirectURI belong to the journey that is under way.
	// State is the OAuth state, Browser the secret in the cookie of the browser that started it.
	State       Secret
	Verifier    Secret
	Browser     Secret
	RedirectURI string
	// ClientID is the OAuth client that the journey is made with.
	ClientID string
	// Inputs are values of the connector's account inputs that are known already.
	Inputs Secrets
	// Held is what the journey needs again later, in the form of whoever runs it.
	Held Secret
}

// linkMeta is the clear part of a link.
type linkMeta struct {
	ID           LinkID       `json:"-"`
	Project      string       `json:"project"`
	ConnectionID ConnectionID `json:"connection"`
	Identifier   string       `json:"identifier,omitempty"` // empty when it is sealed
	AccountID    AccountID    `json:"account"`
	Reconnect    bool         `json:"reconnect,omitempty"`
	Scopes       []string     `json:"scopes,omitempty"`
	ReturnURL    string       `json:"-"`
	AppState     string       `json:"-"`
	Status       LinkStatus   `json:"status"`
	Outcome      string       `json:"outcome,omitempty"`
	CreatedAt    time.Time    `json:"created_at"`
	Expires      time.Time    `json:"expires"`
	Version      uint64       `json:"-"`
	Token        Secret       `json:"-"`
	State        Secret       `json:"-"`
	Verifier     Secret       `json:"-"`
	Browser      Secret       `json:"-"`
	RedirectURI  string       `json:"redirect_uri,omitempty"`
	ClientID     string       `json:"client_id,omitempty"`
	Inputs       Secrets      `json:"-"`
	Held         Secret       `json:"-"`
}

func (m *linkMeta) project() string { return m.Project }

// linkSecrets is the sealed part of a link. The app's own values may be confidential too.
type linkSecrets struct {
	Token     string `json:"token"`
	State     string `json:"state,omitempty"`
	Verifier  string `json:"verifier,omitempty"`
	Browser   string `json:"browser,omitempty"`
	ReturnURL string `json:"return_url,omitempty"`
	AppState  string `json:"app_state,omitempty"`
	// Identifier is empty when it is readable.
	Identifier string            `json:"identifier,omitempty"`
	Inputs     map[string]string `json:"inputs,omitempty"`
	Held       string            `json:"held,omitempty"`
}

const (
	indexLinkToken = "link.token" // hash of the token, unique
	indexLinkState = "link.state" // hash of the state, unique
	indexLinkUser  = "link.user"  // form of the identifier/
	indexLinkOpen  = "link.open"  // account ID/time left to the end of time: the newest first

	// linkAfterlife is how long a link is kept after it expires, so that it can say so.
	linkAfterlife = 24 * time.Hour
)

func linkKey(id LinkID) Key { return Key{Kind: KindLink, ID: string(id)} }

// CreateLink stores a new link and fills in ID, Project, Status, CreatedAt and Version, and
// reserves an AccountID if there is none. The status is open, or polled if that is given. Token and
// Expires must be set; the record disappears a day after it expires.
func (v *Vault) CreateLink(ctx context.Context, l *Link) error {
	n := *l
	n.ID, n.Version, n.Project = NewLinkID(), 0, projectOr(n.Project)
	n.CreatedAt = v.now()
	if n.Status != LinkPolled {
		n.Status = LinkOpen
	}
	if n.AccountID == "" {
		n.AccountID = NewAccountID()
	}
	err := v.record(ctx, func(r *ring) ([]Change, []Event, error) {
		made := Event{
			Type: EventLinkGenerated, Project: n.Project, AccountID: n.AccountID, ConnectionID: n.ConnectionID,
			Identifier: n.Identifier, LinkID: n.ID, Expires: n.Expires,
		}
		c, err := r.link(ctx, &n)
		return []Change{c}, []Event{made}, err
	})
	if err != nil {
		return missing(linkKey(n.ID), err)
	}
	*l = n
	return nil
}

// FindLink returns the link with that token, whatever its status and expiry.
func (v *Vault) FindLink(ctx context.Context, token Secret) (Link, error) {
	l, err := v.findLink(ctx, indexLinkToken, token)
	if err == nil && !l.Token.Equal(token) {
		return Link{}, damaged(linkKey(l.ID)) // the index is not sealed, the record is
	}
	return l, err
}

// FindLinkByState returns the link whose journey under way, or ended, has that state.
func (v *Vault) FindLinkByState(ctx context.Context, state Secret) (Link, error) {
	l, err := v.findLink(ctx, indexLinkState, state)
	if err == nil && !l.State.Equal(state) {
		return Link{}, damaged(linkKey(l.ID))
	}
	return l, err
}

func (v *Vault) findLink(ctx context.Context, index string, s Secret) (Link, error) {
	if s.IsZero() {
		return Link{}, fmt.Errorf("link: %w", ErrNotFound)
	}
	r, err := v.store.Find(ctx, IndexEntry{Index: index, Value: s.hash(index), Unique: true})
	if err != nil {
		return Link{}, fmt.Errorf("link: %w", err)
	}
	return v.openLink(ctx, r)
}

// OpenLink returns an open, unexpired link of the account, newest first; [ErrNotFound] if none.
func (v *Vault) OpenLink(ctx context.Context, id AccountID) (Link, error) {
	const batch = 8
	after, now := Cursor{}, v.now()
	for {
		entries, err := v.store.Scan(ctx, indexLinkOpen, string(id)+"/", after, batch)
		if err != nil {
			return Link{}, fmt.Errorf("link of %s: %w", id, err)
		}
		for _, e := range entries {
			l, err := v.openLink(ctx, e.Record)
			if err != nil && !errors.Is(err, ErrDamaged) { // the user is sent by another one, or a new one
				return Link{}, err
			}
			if err == nil && l.AccountID == id && l.Status == LinkOpen && now.Before(l.Expires) {
				return l, nil
			}
			after = e.Cursor
		}
		if len(entries) < batch {
			return Link{}, fmt.Errorf("link of %s: %w", id, ErrNotFound)
		}
	}
}

// PutLink stores a change of the version that the caller has read and advances l.Version. Two
// writers of one version: one gets [ErrConflict], which makes a link single-use.
func (v *Vault) PutLink(ctx context.Context, l *Link) error {
	n := *l
	if n.Version == 0 {
		return fmt.Errorf("link %s: %w: it has never been stored", n.ID, ErrInvalid)
	}
	if err := v.putLink(ctx, &n); err != nil {
		return err
	}
	*l = n
	return nil
}

func (v *Vault) putLink(ctx context.Context, l *Link) error {
	if err := v.write(ctx, func(r *ring) ([]Change, error) { return one(r.link(ctx, l)) }); err != nil {
		return missing(linkKey(l.ID), err)
	}
	return nil
}

// link is the write of l, whose Version becomes the one that it will have.
func (r *ring) link(ctx context.Context, l *Link) (Change, error) {
	if err := checkLink(*l); err != nil {
		return Change{}, err
	}
	l.CreatedAt, l.Expires = utc(l.CreatedAt), utc(l.Expires)
	ch, err := r.sealedLink(ctx, *l, l.Version+1)
	l.Version++
	return ch, err
}

func (r *ring) sealedLink(ctx context.Context, l Link, next uint64) (Change, error) {
	meta := linkMeta(l)
	secrets := linkSecrets{
		Token: l.Token.Reveal(), State: l.State.Reveal(), Verifier: l.Verifier.Reveal(),
		Browser: l.Browser.Reveal(), ReturnURL: l.ReturnURL, AppState: l.AppState, Inputs: l.Inputs.Reveal(),
		Held: l.Held.Reveal(),
	}
	if !r.meta.ClearIdentifiers {
		meta.Identifier, secrets.Identifier = "", l.Identifier
	}
	ch, err := r.change(ctx, linkKey(l.ID), l.Version, next, l.Project, meta, secrets)
	if err != nil {
		return Change{}, err
	}
	form, err := r.form(l.Identifier)
	if err != nil {
		return Change{}, err
	}
	ch.Expires = l.Expires.Add(linkAfterlife)
	ch.Indexes = []IndexEntry{
		{Index: indexLinkToken, Value: l.Token.hash(indexLinkToken), Unique: true},
		{Index: indexLinkUser, Value: form + "/"},
	}
	ch.Indexes = append(ch.Indexes, listEntries(l.Status)...)
	if !l.State.IsZero() {
		ch.Indexes = append(ch.Indexes, IndexEntry{Index: indexLinkState, Value: l.State.hash(indexLinkState), Unique: true})
	}
	if l.Status == LinkOpen {
		ch.Indexes = append(ch.Indexes, l.openEntry())
	}
	return ch, nil
}

// openEntry is the entry that a link has while it is open.
func (l *Link) openEntry() IndexEntry {
	left := fmt.Sprintf("%s/%019d", l.AccountID, math.MaxInt64-l.CreatedAt.UnixNano())
	return IndexEntry{Index: indexLinkOpen, Value: left}
}

func (v *Vault) openLink(ctx context.Context, r Record) (Link, error) {
	var m linkMeta
	var s linkSecrets
	if err := v.open(ctx, r, &m, &s); err != nil {
		return Link{}, err
	}
	l := Link(m)
	l.ID, l.Version = LinkID(r.ID), r.Version
	l.Token, l.State = NewSecret(s.Token), NewSecret(s.State)
	l.Verifier, l.Browser = NewSecret(s.Verifier), NewSecret(s.Browser)
	l.ReturnURL, l.AppState, l.Inputs, l.Held = s.ReturnURL, s.AppState, NewSecrets(s.Inputs), NewSecret(s.Held)
	if s.Identifier != "" {
		l.Identifier = s.Identifier
	}
	return l, nil
}

func checkLink(l Link) error {
	switch {
	case l.Token.IsZero():
		return errors.New("link has no token")
	case l.Expires.IsZero():
		return errors.New("link has no expiry")
	case !IsConnectionID(string(l.ConnectionID)):
		return fmt.Errorf("connection ID %.80q: %w", l.ConnectionID, ErrInvalid)
	case !IsAccountID(string(l.AccountID)):
		return fmt.Errorf("account ID %.80q: %w", l.AccountID, ErrInvalid)
	case !ValidIdentifier(l.Identifier):
		return fmt.Errorf("account identifier: %w", ErrInvalid)
	case !ValidName(l.Project):
		return fmt.Errorf("project name %.80q: %w", l.Project, ErrInvalid)
	}
	return nil
}
