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

// Bounds on what a user can choose from.
const (
	maxItems     = 200
	maxItemsText = 64 << 10 // a record of the vault has room for four times that
)

// discover finds what the account has one of, such as a site or a tenant, and keeps it with the grant; it begins
// with that entry of the connector's list. Of several it is the one that was asked for, or that the account had
// before. Else there is no account: which one is meant is never guessed. Then the items are returned beside the
// code.
func (f *Flow) discover(ctx context.Context, j *journey, g *vault.Grant, entry int) (offered *heldChoice, code string) {
	list := j.connection.Connector().Discover
	for ; entry < len(list); entry++ {
		how := list[entry]
		found, err := f.list(ctx, j.connection, how, *g)
		if err != nil {
			f.log.Warn("asking the provider what the account has", j.fields(zap.Error(err))...)
			j.wait = waitOf(err)
			return nil, unlessLimited(err, codeDiscoverFailed)
		}
		if len(found) == 0 {
			return nil, codeNothingFound
		}
		items := usable(found, how)
		if len(items) == 0 {
			f.log.Warn("asking the provider what the account has", j.fields(zap.Error(errIdentityMissing))...)
			return nil, codeDiscoverFailed
		}
		one, code := f.pick(ctx, j, items, how)
		if code != "" {
			return offer(items, entry), code
		}
		if g.Captured = merged(g.Captured, one.Kept); !f.with(j, g.Captured) {
			return nil, codeDiscoverFailed
		}
	}
	return nil, ""
}

// pick is the item that is used, or says why it is none.
func (f *Flow) pick(ctx context.Context, j *journey, items []item, how connectors.Discover) (item, string) {
	with := func(id string) int { return slices.IndexFunc(items, func(one item) bool { return one.ID == id }) }
	wanted, asked := j.wanted[how.Into]
	if !asked {
		wanted, asked = j.wanted[""]
	}
	i := with(wanted)
	switch {
	case asked && i < 0:
		return item{}, codeNotOffered
	case asked:
	case len(items) == 1:
		i = 0
	default:
		i = with(f.had(ctx, j)[how.Into])
	}
	if i < 0 {
		return item{}, codeSeveralFound
	}
	return items[i], ""
}

// had is what was captured for the account before; nothing where that cannot be told.
func (f *Flow) had(ctx context.Context, j *journey) map[string]string {
	a, err := f.vault.FindAccount(ctx, j.link.ConnectionID, j.link.Identifier)
	if err != nil {
		return nil
	}
	g, err := f.vault.Grant(ctx, a.ID)
	if err != nil {
		return nil
	}
	return g.Captured
}

// list asks for the items.
func (f *Flow) list(ctx context.Context, c *connection.Connection, how connectors.Discover, g vault.Grant) ([]any, error) {
	ctx, cancel := context.WithTimeout(ctx, identityTime)
	defer cancel()
	c, err := c.Discovering()
	if err != nil {
		return nil, err
	}
	a, err := f.ask(ctx, c, how.Ask, g)
	if err != nil {
		return nil, err
	}
	if err := f.limit(c, a); err != nil {
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

// usable are the items that can be used, each once: some providers list one for each of its products.
func usable(found []any, how connectors.Discover) (items []item) {
	seen := map[string]bool{}
	for _, one := range found {
		kept, ok := chosen(one, how)
		if id := kept[how.Into]; ok && !seen[id] {
			seen[id] = true
			items = append(items, item{ID: id, Label: cleanText(lookup(one, how.Label)), Kept: kept})
		}
	}
	return items
}

// offer is what of the items is shown.
func offer(items []item, entry int) *heldChoice {
	c := &heldChoice{Entry: entry}
	size := 0
	for _, one := range items {
		for name, value := range one.Kept {
			size += len(name) + len(value)
		}
		if size += len(one.ID) + len(one.Label); len(c.Items) == maxItems || size > maxItemsText {
			c.More = true
			break
		}
		c.Items = append(c.Items, one)
	}
	return c
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
