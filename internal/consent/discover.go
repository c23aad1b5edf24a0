package consent

import (
	"context"
	"slices"

	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/connectors"
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
		found, more, err := f.list(ctx, j.connection, how, *g)
		if err != nil {
			f.log.Warn("asking the provider what the account has", j.fields(zap.Error(err))...)
			j.wait = waitOf(err)
			return nil, unlessLimited(err, codeDiscoverFailed)
		}
		if len(found) == 0 && !more {
			return nil, codeNothingFound
		}
		items := usable(found, how)
		if len(items) == 0 {
			f.log.Warn("asking the provider what the account has", j.fields(zap.Error(errIdentityMissing))...)
			return nil, codeDiscoverFailed
		}
		one, code := f.pick(ctx, j, items, more, how)
		if code != "" {
			return offer(items, more, entry), code
		}
		if g.Captured = merged(g.Captured, one.Kept); !f.with(j, g.Captured) {
			return nil, codeDiscoverFailed
		}
	}
	return nil, ""
}

// pick is the item that is used, or says why it is none. With more there are others, which were not looked at.
func (f *Flow) pick(ctx context.Context, j *journey, items []item, more bool, how connectors.Discover) (item, string) {
	with := func(id string) int { return slices.IndexFunc(items, func(one item) bool { return one.ID == id }) }
	wanted, asked := j.wanted[how.Into]
	if !asked {
		wanted, asked = j.wanted[""]
	}
	i := with(wanted)
	switch {
	case asked && i < 0 && more:
		return item{}, codeNotReached
	case asked && i < 0:
		return item{}, codeNotOffered
	case asked:
	case len(items) == 1 && !more:
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

// offer is what of the items is shown; with more there are others.
func offer(items []item, more bool, entry int) *heldChoice {
	c := &heldChoice{Entry: entry, More: more}
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
