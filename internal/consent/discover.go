package consent

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/vault"
)

// discover finds what the account has one of, such as a site or a tenant, and keeps it with the grant. With
// none, or with several, there is no account: which one is meant is never guessed.
func (f *Flow) discover(ctx context.Context, j *journey, g *vault.Grant) (code string) {
	for _, how := range j.connection.Connector().Discover {
		items, err := f.list(ctx, j.connection, how, *g)
		if err != nil {
			f.log.Warn("asking the provider what the account has", j.fields(zap.Error(err))...)
			return codeDiscoverFailed
		}
		switch len(items) {
		case 0:
			return codeNothingFound
		case 1:
		default:
			return codeSeveralFound
		}
		captured, ok := chosen(items[0], how)
		if !ok {
			f.log.Warn("asking the provider what the account has", j.fields(zap.Error(errIdentityMissing))...)
			return codeDiscoverFailed
		}
		if g.Captured = merged(g.Captured, captured); !f.with(j, g.Captured) {
			return codeDiscoverFailed
		}
	}
	return ""
}

// list asks for the items.
func (f *Flow) list(ctx context.Context, c *connection.Connection, how connectors.Discover, g vault.Grant) ([]any, error) {
	ctx, cancel := context.WithTimeout(ctx, identityTime)
	defer cancel()
	c, err := c.Discovering()
	if err != nil {
		return nil, err
	}
	a, err := f.ask(ctx, c, connection.Call{Method: how.Method, Base: how.Base, Path: how.Path}, g)
	if err != nil {
		return nil, err
	}
	if a.status < 200 || a.status > 299 {
		return nil, fmt.Errorf("status %d", a.status)
	}
	d := json.NewDecoder(bytes.NewReader(a.body))
	d.UseNumber()
	var doc any
	if err := d.Decode(&doc); err != nil {
		return nil, errIdentityUnreadable
	}
	items, ok := find(doc, how.Items).([]any)
	if !ok {
		return nil, errIdentityUnreadable
	}
	return items, nil
}

// chosen are the values of an item that are kept.
func chosen(item any, how connectors.Discover) (map[string]string, bool) {
	captured := map[string]string{how.Into: lookup(item, how.ID)}
	for name, path := range how.Capture {
		if value := lookup(item, path); value != "" {
			captured[name] = value
		}
	}
	bad := func(value string) bool { return value == "" || len(value) > maxCaptured || !printable(value) }
	return captured, !slices.ContainsFunc(slices.Collect(maps.Values(captured)), bad)
}
