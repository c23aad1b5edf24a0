package connection

import (
	"maps"
	"slices"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/inject"
)

// Discovering is the connection for the connector's own requests that find out what is captured then: without
// the default headers and the injections that name it, which never are the credential itself.
func (c *Connection) Discovering() (*Connection, error) {
	k := *c.Connector()
	k.API.Headers, k.Inject = maps.Clone(k.API.Headers), slices.Clone(k.Inject)
	for _, d := range k.Discover {
		unknown := func(t connectors.Template) bool {
			return slices.ContainsFunc(t.Names(), func(name string) bool { return d.Finds(name) && c.App.Values[name] == "" })
		}
		maps.DeleteFunc(k.API.Headers, func(_ string, t connectors.Template) bool { return unknown(t) })
		k.Inject = slices.DeleteFunc(k.Inject, func(in connectors.Injection) bool { return unknown(in.Template) })
	}
	if len(k.API.Headers) == len(c.Connector().API.Headers) && len(k.Inject) == len(c.Connector().Inject) {
		return c, nil
	}
	plan, err := inject.New(&k)
	if err != nil {
		return nil, invalid(c.Connection, err)
	}
	one := *c
	one.Inject = plan
	return &one, nil
}
