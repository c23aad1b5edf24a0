// Package broker answers two questions of every request: which account is meant, and what is its
// credential now. It refreshes tokens one at a time per account, whatever the number of callers,
// and saves a rotated token before it is used.
package broker

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/internal/inject"
	"github.com/claviger-proxy/claviger/internal/netguard"
	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
)

// Broker is the broker of one configuration.
type Broker struct {
	vault  *vault.Vault
	set    *connection.Set
	oauth  *oauth.Client
	shared *Shared
	log    *zap.Logger
	now    func() time.Time
	api    http.RoundTripper

	schedule Schedule
	observe  Observer
}

// Options are what a [Broker] works with. Vault, Connections, OAuth and Shared are required.
type Options struct {
	Vault       *vault.Vault
	Connections *connection.Set
	OAuth       *oauth.Client
	Shared      *Shared
	Log         *zap.Logger
	Now         func() time.Time
	// Schedule says what [Broker.Tend] does.
	Schedule Schedule
	// Observe is told what happens, for metrics.
	Observe Observer
	// API sends checks of credentials; nil means a transport of their own, which connects to where Guard
	// lets it.
	API   http.RoundTripper
	Guard *netguard.Guard
}

// New returns a broker.
func New(o Options) *Broker {
	b := &Broker{
		vault: o.Vault, set: o.Connections, oauth: o.OAuth, shared: o.Shared,
		log: o.Log, now: o.Now, api: o.API, schedule: o.Schedule.filled(), observe: o.Observe,
	}
	if b.log == nil {
		b.log = zap.NewNop()
	}
	if b.now == nil {
		b.now = time.Now
	}
	if b.api == nil {
		b.api = connection.NewTransport(checkTime, o.Guard)
	}
	if b.observe == nil {
		b.observe = nobody{}
	}
	return b
}

// Target is a request's resolved account and connection.
type Target struct {
	Account    vault.AccountID
	Identifier string
	Connection *connection.Connection
	entry      *entry
}

// Credential is what is put on a request now.
type Credential struct {
	// Token is empty where there is none, as with an API key.
	Token      vault.Secret
	Generation uint64
	// Connection is the connection as it is for the account: its bases are where the credential may go.
	Connection *connection.Connection
	slots      vault.Secrets
	prepared   *inject.Prepared
}

// NeedsBody tells whether the whole body of a request has to be given to [Credential.Inject].
func (c Credential) NeedsBody() bool {
	return c.Connection.Inject.NeedsBody() || c.Connection.Signer != nil && c.Connection.Signer.NeedsBody()
}

// Inject puts the credential on r, the caller's private copy, and signs it where the connector wants that.
// slot is which of several tokens goes on it. The body is the whole one if [Credential.NeedsBody], or nil if
// there is none or it was too long; what comes back is the body to send. Errors are those of
// [inject.Plan.Prepare], [inject.Prepared.Body] and [sign.Signer.Sign].
func (c Credential) Inject(r *http.Request, slot string, body []byte) ([]byte, error) {
	if c.prepared == nil { // it could not be prepared before either
		_, err := c.Connection.Inject.Prepare(c.Connection.Values(c.Token, c.slots))
		return nil, err
	}
	if c.Connection.Inject.NeedsBody() {
		var err error
		if body, err = c.prepared.Body(slot, r.Header, body); err != nil {
			return nil, err
		}
	}
	if err := c.prepared.ApplySlot(r, slot); err != nil {
		return nil, err
	}
	if c.Connection.Signer != nil {
		if body != nil {
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		}
		return body, c.Connection.Sign(r, c.Token, c.slots, body)
	}
	return body, nil
}

// maxCandidates bounds the list in a CodeAmbiguous error.
const maxCandidates = 10

// Resolve finds the account that ref names. It does not look at its status: [Broker.Credential]
// does.
func (b *Broker) Resolve(ctx context.Context, ref Ref) (Target, error) {
	if ref.IsZero() {
		return Target{}, b.unnamed(ctx)
	}
	e, err := b.find(ctx, ref)
	if err != nil {
		return Target{}, err
	}
	c, err := b.set.ByID(e.name.connection)
	if err != nil {
		gone := &Error{
			Code: CodeConnection, Account: e.id, Identifier: e.name.identifier, err: err,
			Message: "the connection of this account is not in the configuration any more",
			Next:    "put the connection back, or connect the user at another one",
		}
		if connection.LacksClient(err) {
			gone.Message, gone.Next = err.Error(), "nothing of the account is lost"
		}
		return Target{}, gone
	}
	return Target{Account: e.id, Identifier: e.name.identifier, Connection: c, entry: e}, nil
}

// find returns the entry of the account that ref names, from the cache if it is there.
func (b *Broker) find(ctx context.Context, ref Ref) (*entry, error) {
	if ref.Account != "" {
		if e := b.shared.cache.get(ref.Account); e != nil {
			return e, nil
		}
		e, err := b.load(ctx, ref.Account, nameKey{})
		if err != nil {
			return nil, b.notFound(ref, err)
		}
		return e, nil
	}
	c, err := b.set.ByName(ref.Connection)
	if err != nil {
		return nil, b.notFound(ref, err)
	}
	name := nameKey{c.ID, ref.Identifier}
	if e := b.shared.cache.find(name); e != nil {
		return e, nil
	}
	e, err := b.load(ctx, "", name)
	if err != nil {
		return nil, b.notFound(ref, err)
	}
	return e, nil
}

// load reads an account, by its ID or else its name, and its grant into the cache.
func (b *Broker) load(ctx context.Context, id vault.AccountID, name nameKey) (*entry, error) {
	e, _, _, err := b.stored(ctx, id, name)
	return e, err
}

// stored is load with the records themselves.
func (b *Broker) stored(ctx context.Context, id vault.AccountID, name nameKey) (e *entry, a vault.ConnectedAccount, g vault.Grant, err error) {
	epoch := b.shared.cache.now()
	if id != "" {
		a, err = b.vault.Account(ctx, id)
	} else {
		a, err = b.vault.FindAccount(ctx, name.connection, name.identifier)
	}
	if err != nil {
		return nil, a, g, err
	}
	if a.Status == vault.StatusActive {
		if g, err = b.vault.Grant(ctx, a.ID); err != nil {
			return nil, a, g, err
		}
		if u, ok := b.shared.unsavedGrant(a.ID); ok && u.Generation > g.Generation {
			g = u
		}
	}
	return b.shared.cache.put(b.entryOf(a, g), epoch), a, g, nil
}

func (b *Broker) entryOf(a vault.ConnectedAccount, g vault.Grant) *entry {
	e := &entry{
		id: a.ID, name: nameKey{a.ConnectionID, a.Identifier}, status: a.Status, reason: a.Reason,
		credential: Credential{Token: g.Access, Generation: g.Generation},
	}
	c, err := b.set.ByID(a.ConnectionID)
	if err == nil {
		e.name.connection = c.ID // one string for all accounts of a connection
		e.credential.Connection = c
	}
	if err == nil && a.Status == vault.StatusActive {
		b.open(e, c, g)
	}
	e.usedAt.Store(a.LastUsedAt.Unix())
	l := b.lifeOf(c, g)
	e.renewAt, e.deadAt = l.renewAt, l.deadAt
	return e
}

// open prepares the credential of an ACTIVE account.
func (b *Broker) open(e *entry, c *connection.Connection, g vault.Grant) {
	own, err := c.ForGrant(g)
	if err != nil {
		e.unfit = err
		return
	}
	for _, secrets := range []vault.Secrets{g.Inputs, g.Slots} {
		for name, one := range secrets {
			e.own += len(name) + 2*one.Len() + mapOverhead
		}
	}
	if own != c {
		e.own += connectionOverhead + mapOverhead*len(own.App.Values)
	}
	e.credential.Connection, e.credential.slots = own, g.Slots
	if p, err := own.Inject.Prepare(own.Values(g.Access, g.Slots)); err == nil { // else the request that needs it is told
		e.prepared, e.credential.prepared = p, &e.prepared
	}
}

func (b *Broker) notFound(ref Ref, err error) error {
	if ctxErr(err) {
		return err
	}
	var ce *connection.Error
	if !errors.Is(err, vault.ErrNotFound) && !errors.As(err, &ce) {
		if errors.Is(err, vault.ErrDamaged) {
			return &Error{
				Code: CodeCredentialDamaged, Account: ref.Account, Connection: ref.Connection, Identifier: ref.Identifier, err: err,
				Message: "the stored credential of this account cannot be opened", Next: "connect the user again; `claviger doctor` says more",
			}
		}
		return vaultError(err)
	}
	e := &Error{
		Code: CodeNotFound, Account: ref.Account, Connection: ref.Connection, Identifier: ref.Identifier,
		Message: "there is no such connected account", Next: "`claviger accounts list` shows them", err: err,
	}
	if ce != nil {
		e.Code, e.Message, e.Next = Code(ce.Code), ce.Message, "`claviger connections list` shows the connections"
	} else if ref.Connection != "" {
		e.Next = "send the user to an authorization link: `claviger connect " + ref.Connection + " " + ref.Identifier + "`"
	}
	return e
}

// unnamed explains what a request without a tag could have named.
func (b *Broker) unnamed(ctx context.Context) error {
	missing := &Error{
		Code: CodeRefMissing, Message: "the request does not say whose account to use",
		Next: "add the header `Connected-Account: connection/identifier`, or start the path with /@connection/identifier/",
	}
	page, err := b.vault.Accounts(ctx, vault.AccountQuery{PageQuery: vault.PageQuery{Limit: maxCandidates}})
	if err != nil {
		return vaultError(err)
	}
	if len(page.Items) < 2 {
		return missing
	}
	missing.Code = CodeAmbiguous
	missing.Message = "the request does not say whose account to use, and there are several"
	for _, a := range page.Items {
		if c, err := b.set.ByID(a.ConnectionID); err == nil {
			missing.Candidates = append(missing.Candidates, Candidate{a.ID, c.Name, a.Identifier})
		}
	}
	return missing
}

func ctxErr(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
