package connection

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/paging"
)

// PageURL is where a page of a list is asked for, without a credential. A URL that a provider has named has to lie
// under the base.
func (c *Connection) PageURL(ask connectors.Ask, page paging.Request) (*url.URL, error) {
	base, ok := c.Base(ask.Base)
	if !ok {
		return nil, fmt.Errorf("%w: it has no base %q", errCall, ask.Base)
	}
	if page.URL != nil {
		if !base.holds(page.URL) {
			return nil, fmt.Errorf("%w: its URL leaves the base", errCall)
		}
		return page.URL, nil
	}
	path, err := ask.Path.ExpandPath(c.App.Values, time.Now())
	if err != nil {
		return nil, fmt.Errorf("%w: its path: %w", errCall, err)
	}
	u, err := url.Parse(base.URL.String() + path)
	if err != nil || !sameHost(u, base.URL) || u.User != nil {
		return nil, fmt.Errorf("%w: its path leaves the base", errCall)
	}
	if len(page.Query) > 0 {
		if u.RawQuery != "" {
			u.RawQuery += "&"
		}
		u.RawQuery += page.Query.Encode() // what path has stays as it is written
	}
	return u, nil
}

// withMembers sets members of a JSON body, which has room for them.
func withMembers(body []byte, members map[string]any) ([]byte, error) {
	if len(members) == 0 {
		return body, nil
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var doc map[string]any
	if err := d.Decode(&doc); err != nil || doc == nil {
		return nil, fmt.Errorf("%w: its body is no object", errCall)
	}
	for path, value := range members {
		if !setMember(doc, path, value) {
			return nil, fmt.Errorf("%w: its body has no room for %s", errCall, path)
		}
	}
	return json.Marshal(doc)
}

func setMember(doc map[string]any, path string, value any) bool {
	names := slices.Collect(connectors.MemberNames(path))
	for _, name := range names[:len(names)-1] {
		inner, ok := doc[name].(map[string]any)
		if !ok && doc[name] != nil {
			return false
		}
		if !ok {
			inner = map[string]any{}
			doc[name] = inner
		}
		doc = inner
	}
	doc[names[len(names)-1]] = value
	return true
}
