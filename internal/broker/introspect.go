package broker

import (
	"context"
	"errors"

	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
)

// wantsIntrospection tells whether only the provider's introspection endpoint knows when a token dies.
func (b *Broker) wantsIntrospection(c *connection.Connection, g vault.Grant) bool {
	return c.Connector().Token.ExpiresFrom == connectors.ExpiresFromIntrospection && g.Expires.IsZero()
}

// noteIntrospected asks when the token of g dies, and notes it.
func (b *Broker) noteIntrospected(ctx context.Context, t Target, g vault.Grant) (*entry, bool) {
	if !b.wantsIntrospection(t.Connection, g) {
		return nil, false
	}
	own, err := t.Connection.ForGrant(g)
	if err != nil {
		return nil, false // whoever uses the account is told
	}
	found, err := b.oauth.Introspect(ctx, own.App, g.Access)
	if err != nil || found.Expires.IsZero() {
		var oe *oauth.Error
		if errors.As(err, &oe) {
			b.log.Warn("asking when a token expires", zap.String("account", string(t.Account)), zap.Error(oe))
		}
		return nil, false
	}
	g.Expires = found.Expires
	epoch := b.shared.cache.now()
	a, err := b.vault.NoteLifetime(ctx, t.Account, g.Generation, g.Expires, g.Learned, func(a *vault.ConnectedAccount) {
		a.DueAt = b.dueAt(t.Connection, *a, g)
	})
	if err != nil || a.Generation != g.Generation {
		return nil, false
	}
	return b.shared.cache.put(b.entryOf(a, g), epoch), true
}

// introspect asks when the new token dies where the provider tells in no other way.
func (r *renewal) introspect(ctx context.Context, e *entry) *entry {
	if !e.deadAt.IsZero() || r.target.Connection.Connector().Token.ExpiresFrom != connectors.ExpiresFromIntrospection {
		return e
	}
	g, err := r.vault.Grant(ctx, r.target.Account)
	if err != nil || g.Generation != e.credential.Generation {
		return e
	}
	if known, ok := r.noteIntrospected(ctx, r.target, g); ok {
		return known
	}
	return e
}
