package connection

import "github.com/claviger-proxy/claviger/connectors"

// OpenParams are the names of the app inputs that are no secrets, of the connector in that way. Every other
// value of a connection is kept as a secret: those of secret inputs, and what the connector does not know,
// which may be the value of a secret one under a wrong name.
func OpenParams(catalog *connectors.Catalog, connector, way string) map[string]bool {
	open := map[string]bool{}
	k, ok := catalog.Lookup(connector)
	if !ok {
		return open
	}
	if k, ok = k.Way(way); !ok {
		return open
	}
	for _, in := range k.App {
		if !in.Secret {
			open[in.Name] = true
		}
	}
	return open
}

// SameWay tells whether two IDs stand for one way of a connector.
func SameWay(catalog *connectors.Catalog, connector, a, b string) bool {
	k, _ := catalog.Lookup(connector)
	return standard(k, a) == standard(k, b)
}

// standard is the ID of the connector's way that an ID stands for: none is the standard one's.
func standard(k *connectors.Connector, way string) string {
	if k == nil || way != "" || len(k.Ways) == 0 {
		return way
	}
	return k.Ways[0].ID
}
