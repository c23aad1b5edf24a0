package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/internal/broker"
	"github.com/claviger-proxy/claviger/internal/consent"
	"github.com/claviger-proxy/claviger/vault"
)

// identifierForm is what vault.ValidIdentifier wants, in words.
const identifierForm = "must be 1 to 200 letters, digits and ._@+=:|~- that begin with a letter or a digit"

var statuses = []vault.Status{
	vault.StatusActive, vault.StatusExpired, vault.StatusPendingAuth, vault.StatusPendingVerification, vault.StatusDisconnected,
}

func (a *api) listAccounts(w http.ResponseWriter, r *http.Request) error {
	q, err := a.accountQuery(r)
	if err != nil {
		return err
	}
	got, err := a.Vault.Accounts(r.Context(), q)
	if err != nil {
		return stored(err)
	}
	page := client.Page[client.Account]{Items: make([]client.Account, len(got.Items)), Next: got.Next, Damaged: got.Damaged}
	names := a.names(r.Context())
	for i, account := range got.Items {
		page.Items[i] = a.accountOf(account, names(account.ConnectionID))
	}
	return answer(w, http.StatusOK, page)
}

func (a *api) accountQuery(r *http.Request) (vault.AccountQuery, error) {
	params := append([]string{"connection", "connector", "identifier", "status", "label", "expiring_within"}, pageParams...)
	values, err := queryRepeating(r, "label", params...)
	if err != nil {
		return vault.AccountQuery{}, err
	}
	q := vault.AccountQuery{Connector: values.Get("connector"), Identifier: values.Get("identifier"), Status: vault.Status(values.Get("status"))}
	if q.PageQuery, err = pageOf(values); err != nil {
		return vault.AccountQuery{}, err
	}
	if values.Has("identifier") && !vault.ValidIdentifier(q.Identifier) {
		return vault.AccountQuery{}, badParameter("identifier", identifierForm)
	}
	if values.Has("status") && !slices.Contains(statuses, q.Status) {
		return vault.AccountQuery{}, badParameter("status", "must be one of "+joined(statuses))
	}
	if q.Labels, err = labelsOf(values["label"]); err != nil {
		return vault.AccountQuery{}, err
	}
	if values.Has("expiring_within") {
		within, ok := ParseWithin(values.Get("expiring_within"))
		if !ok {
			return vault.AccountQuery{}, badParameter("expiring_within", "must be how long from now, such as 36h or 7d")
		}
		q.ExpiresBefore = time.Now().Add(within)
	}
	if values.Has("connector") {
		if _, err := a.connector(q.Connector); err != nil {
			return vault.AccountQuery{}, err
		}
	}
	if values.Has("connection") {
		c, err := a.findConnection(r.Context(), values.Get("connection"))
		if err != nil {
			return vault.AccountQuery{}, err
		}
		q.ConnectionID = c.ID
	}
	return q, nil
}

func (a *api) showAccount(w http.ResponseWriter, r *http.Request) error {
	if _, err := query(r); err != nil {
		return err
	}
	account, err := a.account(r)
	if err != nil {
		return err
	}
	return a.answerAccount(w, r, http.StatusOK, account)
}

// createAccount connects an account whose credential needs no browser.
func (a *api) createAccount(w http.ResponseWriter, r *http.Request) error {
	if _, err := query(r); err != nil {
		return err
	}
	in, err := readBody[client.NewAccount](w, r)
	if err != nil {
		return err
	}
	account, err := a.Consent.Connect(r.Context(), consent.Direct{
		Connection: in.Connection, Identifier: in.Identifier, Inputs: in.Inputs, Choice: in.Choice,
	})
	if err != nil {
		return stored(err)
	}
	w.Header().Set("Location", a.Prefix+"/accounts/"+string(account.ID))
	return a.answerAccount(w, r, http.StatusCreated, account)
}

func (a *api) disconnect(w http.ResponseWriter, r *http.Request) error {
	account, err := a.changed(w, r)
	if err != nil {
		return err
	}
	d, err := a.Broker.Disconnect(r.Context(), account.ID)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, a.disconnectionOf(d, a.names(r.Context())(account.ConnectionID)))
}

// changed is the account that a request without body is to change.
func (a *api) changed(w http.ResponseWriter, r *http.Request) (vault.ConnectedAccount, error) {
	if err := bare(w, r); err != nil {
		return vault.ConnectedAccount{}, err
	}
	return a.account(r)
}

func (a *api) disconnectionOf(d broker.Disconnection, connection string) client.Disconnection {
	return client.Disconnection{Account: a.accountOf(d.Account, connection), Revoked: d.Revoked, RevokeError: d.RevokeError}
}

// account returns the account that the path names, by its ID or by connection and identifier. The
// connection need not be usable.
func (a *api) account(r *http.Request) (vault.ConnectedAccount, error) {
	ref, err := refOf(r)
	if err != nil {
		return vault.ConnectedAccount{}, err
	}
	return a.accountAt(r.Context(), ref)
}

func (a *api) accountAt(ctx context.Context, ref broker.Ref) (account vault.ConnectedAccount, err error) {
	if ref.Account != "" {
		account, err = a.Vault.Account(ctx, ref.Account)
	} else {
		var c vault.Connection
		if c, err = a.findConnection(ctx, ref.Connection); err != nil {
			return vault.ConnectedAccount{}, err
		}
		account, err = a.Vault.FindAccount(ctx, c.ID, ref.Identifier)
	}
	if errors.Is(err, vault.ErrNotFound) {
		return vault.ConnectedAccount{}, &broker.Error{
			Code: broker.CodeNotFound, Message: "there is no such connected account", Next: "`claviger accounts list` shows them",
			Account: ref.Account, Connection: ref.Connection, Identifier: ref.Identifier,
		}
	}
	return account, stored(err)
}

func refOf(r *http.Request) (broker.Ref, error) {
	id := r.PathValue("id")
	switch {
	case id == "":
		return broker.ParseRef(r.PathValue("connection") + "/" + r.PathValue("identifier"))
	case strings.Contains(id, "/"):
		id = "" // an encoded slash does not make a tag of it
	}
	return broker.ParseRef(id)
}

// names returns the names of connections by their IDs. A connection that is gone has none.
func (a *api) names(ctx context.Context) func(vault.ConnectionID) string {
	known := map[vault.ConnectionID]string{}
	return func(id vault.ConnectionID) string {
		name, ok := known[id]
		if ok {
			return name
		}
		if c, err := a.Connections.ByID(id); err == nil {
			name = c.Name
		} else if c, err := a.Vault.Connection(ctx, id); err == nil {
			name = c.Name
		}
		known[id] = name
		return name
	}
}

func (a *api) accountOf(c vault.ConnectedAccount, connection string) client.Account {
	return client.Account{
		ID: string(c.ID), Connection: connection, Connector: c.Connector, Identifier: c.Identifier,
		Status: string(c.Status), Reason: c.Reason, Next: a.nextOf(c, connection), Identity: client.Identity(c.Identity),
		RequestedScopes: c.RequestedScopes, GrantedScopes: c.GrantedScopes, MissingScopes: missingScopes(c),
		CreatedAt: c.CreatedAt.UTC(), ConnectedAt: c.ConnectedAt.UTC(), RefreshedAt: c.RefreshedAt.UTC(),
		TokenExpiresAt: c.TokenExpiresAt.UTC(), RefreshExpiresAt: c.RefreshExpiresAt.UTC(),
		LastUsedAt: c.LastUsedAt.UTC(), CheckedAt: c.CheckedAt.UTC(), NextDueAt: nextDue(c),
		LastError: c.LastError, LastErrorClass: c.LastErrorClass, LastErrorAt: c.LastErrorAt.UTC(), Failures: c.Failures,
		Labels: c.Labels, Metadata: c.Metadata, Version: c.Version,
	}
}

// nextDue is when something is done for an account without being asked; for ACTIVE ones only.
func nextDue(a vault.ConnectedAccount) time.Time {
	if a.Status != vault.StatusActive {
		return time.Time{}
	}
	return a.DueAt.UTC()
}

// missingScopes are those that were asked for and not given; nil when nobody said what was given.
func missingScopes(a vault.ConnectedAccount) []string {
	if a.GrantedScopes == nil {
		return nil
	}
	missing := []string{}
	for _, s := range a.RequestedScopes {
		if !slices.Contains(a.GrantedScopes, s) {
			missing = append(missing, s)
		}
	}
	return missing
}

// nextOf says what brings an account back to ACTIVE.
func (a *api) nextOf(c vault.ConnectedAccount, connection string) string {
	if c.Status == vault.StatusActive {
		return ""
	}
	if connection == "" {
		return "put the connection back, or connect the user at another one"
	}
	next := "send the user to an authorization link: `claviger connect " + connection + " " + c.Identifier + "`"
	if live, err := a.Connections.ByName(connection); err == nil && !live.Connector().Mode.NeedsUser() {
		next = "connect it with a good credential: `claviger accounts add " + connection + " " + c.Identifier + "`"
	}
	if c.Status == vault.StatusPendingVerification {
		return "finish the verification, or " + next
	}
	return next
}

func joined[T ~string](all []T) string {
	texts := make([]string, len(all))
	for i, s := range all {
		texts[i] = string(s)
	}
	return strings.Join(texts, ", ")
}
