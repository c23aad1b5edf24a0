package consent

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"

	"github.com/claviger-proxy/claviger/connectors"
)

// listed is one item as the provider has listed it. The ID is empty where it has none.
type listed struct {
	id, label string
	values    any
}

// itemsOf reads the items of a list.
func itemsOf(list []any, how connectors.Discover) (items []listed) {
	for _, one := range list {
		if how.ItemsAs == connectors.ItemsTexts {
			items = append(items, listed{id: written(one)})
		} else {
			items = append(items, listed{lookup(one, how.ID), lookup(one, how.Label), one})
		}
	}
	return items
}

// membersOf reads the items of a map, in the order of their IDs.
func membersOf(body []byte, how connectors.Discover) (items []listed, err error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var doc any
	if err := d.Decode(&doc); err != nil {
		return nil, errIdentityUnreadable
	}
	members, ok := connectors.Find(doc, how.Items).(map[string]any)
	if !ok {
		return nil, errIdentityUnreadable
	}
	for _, id := range slices.Sorted(maps.Keys(members)) {
		one := listed{id, lookup(members[id], how.Label), members[id]}
		if how.Label == "" {
			one.label = written(one.values)
		}
		items = append(items, one)
	}
	return items, nil
}

// usable are the items that can be used, each once: some providers list one for each of its products.
func usable(found []listed, how connectors.Discover) (items []item) {
	seen := map[string]bool{}
	for _, one := range found {
		if kept, ok := one.kept(how); ok && !seen[one.id] {
			seen[one.id] = true
			items = append(items, item{ID: one.id, Label: cleanText(one.label), Kept: kept})
		}
	}
	return items
}

// kept are the values of an item that are kept.
func (l listed) kept(how connectors.Discover) (map[string]string, bool) {
	captured := map[string]string{how.Into: l.id}
	for name, path := range how.Capture {
		if value := lookup(l.values, path); value != "" {
			captured[name] = value
		}
	}
	bad := func(value string) bool { return value == "" || len(value) > maxCaptured || !printable(value) }
	return captured, !slices.ContainsFunc(slices.Collect(maps.Values(captured)), bad)
}
