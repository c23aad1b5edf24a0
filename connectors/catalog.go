package connectors

import (
	"cmp"
	"embed"
	"iter"
	"maps"
	"slices"
	"sync"
)

//go:embed catalog/*.yaml
var files embed.FS

// Catalog is a set of connectors by name. It does not change and may be used by several goroutines.
type Catalog struct {
	byName map[string]*Connector
}

// Builtin returns the embedded catalogue. It is decoded at the first call; all calls return the same
// catalogue, or the same error if a file of this build is broken.
func Builtin() (*Catalog, error) { return builtin() }

var builtin = sync.OnceValues(func() (*Catalog, error) {
	all, err := LoadDir(files, "catalog")
	if err != nil {
		return nil, err
	}
	return (*Catalog)(nil).With(all...), nil
})

// With returns a catalogue that has the given connectors as well. Of two with the same name the
// later one stays. The receiver, which may be nil, is left as it is.
func (c *Catalog) With(more ...*Connector) *Catalog {
	byName := map[string]*Connector{}
	if c != nil {
		maps.Copy(byName, c.byName)
	}
	for _, m := range more {
		byName[m.Name] = m
	}
	return &Catalog{byName: byName}
}

// Lookup returns the connector with that name. It must not be changed. The receiver may be nil.
func (c *Catalog) Lookup(name string) (*Connector, bool) {
	if c == nil {
		return nil, false
	}
	found, ok := c.byName[name]
	return found, ok
}

// All returns the connectors, sorted by name. They must not be changed.
func (c *Catalog) All() []*Connector {
	return slices.SortedFunc(maps.Values(c.byName), func(a, b *Connector) int {
		return cmp.Compare(a.Name, b.Name)
	})
}

// names are the names of the connectors, in no order.
func (c *Catalog) names() iter.Seq[string] {
	if c == nil {
		return maps.Keys(map[string]*Connector(nil))
	}
	return maps.Keys(c.byName)
}

// Suggest returns up to three names close to one that Lookup does not know, the closest first.
func (c *Catalog) Suggest(name string) []string { return closest(name, c.names()) }
