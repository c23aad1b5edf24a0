package consent

import (
	"context"
	"fmt"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/internal/paging"
	"github.com/claviger-proxy/claviger/vault"
)

// listLimits bound how much of a list is read to find an item of it, far more than the maxItems that a user is
// shown: one that a request names may be anywhere. Each page has identityTime and maxIdentity besides.
var listLimits = paging.Limits{Pages: 50, Items: 5000, Bytes: 4 << 20, Time: 15 * time.Second}

// list asks for the items, page by page, and tells whether there are more. It is an error if one of the pages cannot
// be had.
func (f *Flow) list(ctx context.Context, c *connection.Connection, how connectors.Discover, g vault.Grant) (items []listed, more bool, err error) {
	if c, err = c.Discovering(); err != nil {
		return nil, false, err
	}
	base, ok := c.Base(how.Base)
	if !ok {
		return nil, false, errIdentityRequest
	}
	if how.ItemsAs == connectors.ItemsMap {
		page, err := f.askPage(ctx, c, how.Ask, paging.Request{}, g)
		if err != nil {
			return nil, false, err
		}
		items, err = membersOf(page.Body, how)
		return items, false, err
	}
	walk := paging.New(c.Connector().DiscoverPaging(how), how.Items, base.URL)
	list, err := paging.Collect(ctx, walk, listLimits, func(ctx context.Context, page paging.Request) (paging.Page, error) {
		return f.askPage(ctx, c, how.Ask, page, g)
	})
	return itemsOf(list.Items, how), list.More, err
}

// askPage asks for one page.
func (f *Flow) askPage(ctx context.Context, c *connection.Connection, ask connectors.Ask, page paging.Request, g vault.Grant) (paging.Page, error) {
	ctx, cancel := context.WithTimeout(ctx, identityTime)
	defer cancel()
	u, err := c.PageURL(ask, page)
	if err != nil {
		return paging.Page{}, errIdentityRequest
	}
	r, err := c.RequestPage(ctx, ask, page, u, g.Access, g.Slots)
	if err != nil {
		return paging.Page{}, errIdentityRequest
	}
	a, err := f.send(ctx, c, r)
	if err == nil {
		err = f.limit(c, a)
	}
	switch {
	case err != nil:
		return paging.Page{}, err
	case a.status < 200 || a.status > 299:
		return paging.Page{}, fmt.Errorf("status %d", a.status)
	}
	return paging.Page{URL: u, Header: a.header, Body: a.body}, nil
}
