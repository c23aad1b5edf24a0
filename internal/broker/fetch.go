package broker

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/vault"
)

// Fetched is an access token that is handed out.
type Fetched struct {
	Account vault.ConnectedAccount
	Token   vault.Secret
	// Expires is zero when the token does not expire, or nobody said.
	Expires time.Time
}

// Fetch hands out the access token of an account, refreshed if need be, where its connection allows
// that. It is logged, and an event. The refresh token is never handed out.
func (b *Broker) Fetch(ctx context.Context, id vault.AccountID) (Fetched, error) {
	t, err := b.Resolve(ctx, Ref{Account: id})
	if err != nil {
		return Fetched{}, err
	}
	if !t.Connection.ExposeTokens {
		e := &Error{
			Code: CodeNotExposed, Message: "connection " + t.Connection.Name + " does not hand out tokens",
			Next: "send requests through the proxy; or set `expose_tokens on` for the connection if the app really must hold the token",
		}
		return Fetched{}, e.at(&t)
	}
	c, err := b.Credential(ctx, t)
	if err != nil {
		return Fetched{}, err
	}
	if c.Token.IsZero() {
		e := &Error{
			Code: CodeNotExposed, Message: "accounts of connection " + t.Connection.Name + " have no token: what the user gave is the credential",
			Next: "send requests through the proxy",
		}
		return Fetched{}, e.at(&t)
	}
	a, err := b.vault.Note(ctx, id, 0, func(*vault.Facts) []vault.Event { return []vault.Event{{Type: vault.EventTokenFetched}} })
	if err != nil {
		return Fetched{}, vaultError(err) // what cannot be recorded is not handed out
	}
	b.log.Warn("an access token was handed out", zap.String("account", string(id)), zap.String("connection", t.Connection.Name))
	f := Fetched{Account: a, Token: c.Token}
	if a.Generation == c.Generation {
		f.Expires = a.TokenExpiresAt
	}
	return f, nil
}

// RefreshNow refreshes the token of an ACTIVE account whether or not it is time to. It returns the
// account as it is then.
func (b *Broker) RefreshNow(ctx context.Context, id vault.AccountID) (vault.ConnectedAccount, error) {
	t, err := b.Resolve(ctx, Ref{Account: id})
	if err != nil {
		return vault.ConnectedAccount{}, err
	}
	e, err := b.reread(ctx, t)
	if err != nil {
		return vault.ConnectedAccount{}, err
	}
	if _, err := b.landed(ctx, &t, b.refresh(t, e.credential.Generation)); err != nil {
		return vault.ConnectedAccount{}, err
	}
	a, err := b.vault.Account(ctx, id)
	if err != nil {
		return vault.ConnectedAccount{}, b.notFound(Ref{Account: id}, err)
	}
	return a, nil
}
