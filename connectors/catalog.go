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
	byName  map[string]*Connector
	origins map[string]Origin
}

// Origin says where a connector of a catalogue comes from.
type Origin string

// The values of [Origin].
const (
	OriginBuiltin Origin = "built_in" // embedded in the program
	OriginFolder  Origin = "folder"   // a file of a folder that the configuration names
	OriginStored  Origin = "stored"   // added while Claviger runs, and kept in the vault
)

// Builtin returns the embedded catalogue. It is decoded at the first call; all calls return the same
// catalogue, or the same error if a file of this build is broken.
func Builtin() (*Catalog, error) { return builtin() }

var builtin = sync.OnceValues(func() (*Catalog, error) {
	all, err := LoadDir(files, "catalog")
	if err != nil {
		return nil, err
	}
	return (*Catalog)(nil).with(OriginBuiltin, all), nil
})

// BuiltinSource returns the file of a built-in connector.
func BuiltinSource(name string) (text []byte, ok bool) {
	text, err := files.ReadFile("catalog/" + name + ".yaml")
	return text, err == nil
}

// With returns a catalogue that has the given connectors, of [OriginFolder], as well. Of two with the same
// name the later one stays. The receiver, which may be nil, is left as it is.
func (c *Catalog) With(more ...*Connector) *Catalog { return c.with(OriginFolder, more) }

// WithStored is With for connectors of [OriginStored].
func (c *Catalog) WithStored(more ...*Connector) *Catalog { return c.with(OriginStored, more) }

func (c *Catalog) with(origin Origin, more []*Connector) *Catalog {
	n := c.Without()
	for _, m := range more {
		n.byName[m.Name], n.origins[m.Name] = m, origin
	}
	return n
}

// Without returns a catalogue that has not got the connectors with these names. The receiver, which may be
// nil, is left as it is.
func (c *Catalog) Without(names ...string) *Catalog {
	n := &Catalog{byName: map[string]*Connector{}, origins: map[string]Origin{}}
	if c != nil {
		maps.Copy(n.byName, c.byName)
		maps.Copy(n.origins, c.origins)
	}
	for _, name := range names {
		delete(n.byName, name)
		delete(n.origins, name)
	}
	return n
}

// Origin says where the connector with that name comes from; empty when there is none. The receiver may be
// nil.
func (c *Catalog) Origin(name string) Origin {
	if c == nil {
		return ""
	}
	return c.origins[name]
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
