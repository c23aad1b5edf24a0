package caddymodule

import (
	"errors"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
)

func init() {
	caddy.RegisterModule(new(Upstreams))
}

// Upstreams tells reverse_proxy where the request's account lives: the base of its connection, and
// nothing that the request itself could change. It needs connected_account before it.
type Upstreams struct{}

// CaddyModule returns the Caddy module information.
func (*Upstreams) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.reverse_proxy.upstreams.connector", New: func() caddy.Module { return new(Upstreams) }}
}

var errNoHop = errors.New("the request has passed no connected_account handler")

// GetUpstreams returns the one address of the request's base.
func (*Upstreams) GetUpstreams(r *http.Request) ([]*reverseproxy.Upstream, error) {
	h := hopOf(r.Context())
	if h == nil {
		return nil, errNoHop
	}
	return []*reverseproxy.Upstream{{Dial: h.base.Dial}}, nil
}

// UnmarshalCaddyfile reads "dynamic connector", which has no options.
func (*Upstreams) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the module's name
	if d.NextArg() || d.NextBlock(0) {
		return d.Err("dynamic connector has no options: the connector says where requests go")
	}
	return nil
}

// Interface guards
var (
	_ reverseproxy.UpstreamSource = (*Upstreams)(nil)
	_ caddyfile.Unmarshaler       = (*Upstreams)(nil)
)
