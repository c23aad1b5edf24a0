package caddymodule

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
)

// streamCloseDelay lets WebSockets outlive a reload for a while.
const streamCloseDelay = caddy.Duration(5 * time.Minute)

// parseProxy adapts the directive to connected_account and a reverse_proxy with the connector's
// upstreams and the credential transport:
//
//	claviger_proxy [<matcher>] {
//		hosts        <names...>
//		replay_limit <size>|off
//		transport {
//			<options of reverse_proxy's http transport>
//		}
//		<any other subdirective of reverse_proxy>
//	}
func parseProxy(h httpcaddyfile.Helper) ([]httpcaddyfile.ConfigValue, error) {
	if !h.Next() {
		return nil, h.ArgErr()
	}
	matchers, err := h.ExtractMatcherSet()
	if err != nil {
		return nil, err
	}
	d := h.Dispenser // at its start again, before the directive's name
	account, transport := new(Account), new(Transport)
	if err := takeOwn(d, account, transport); err != nil {
		return nil, err
	}
	d.Reset()
	rp := &reverseproxy.Handler{StreamCloseDelay: streamCloseDelay}
	if err := rp.UnmarshalCaddyfile(d); err != nil {
		return nil, err
	}
	if err := rp.FinalizeUnmarshalCaddyfile(h); err != nil {
		return nil, err
	}
	if len(rp.Upstreams) > 0 {
		return nil, d.Err("claviger_proxy takes no upstreams: the connector says where requests go")
	}
	rp.DynamicUpstreamsRaw = json.RawMessage(`{"source":"connector"}`)
	rp.TransportRaw = caddyconfig.JSONModuleObject(transport, "protocol", "credential", nil)

	route := caddyhttp.Route{HandlersRaw: []json.RawMessage{
		caddyconfig.JSONModuleObject(account, "handler", "connected_account", nil),
		caddyconfig.JSONModuleObject(rp, "handler", "reverse_proxy", nil),
	}}
	if matchers != nil {
		route.MatcherSetsRaw = []caddy.ModuleMap{matchers}
	}
	return []httpcaddyfile.ConfigValue{{Class: "route", Value: route}}, nil
}

// takeOwn reads and removes our own subdirectives, and refuses those that would send a credential
// elsewhere.
func takeOwn(d *caddyfile.Dispenser, account *Account, transport *Transport) error {
	for d.Next() {
		for d.NextBlock(0) {
			if d.Nesting() != 1 {
				continue
			}
			switch d.Val() {
			case "hosts":
				names := d.RemainingArgs()
				if len(names) == 0 {
					return d.ArgErr()
				}
				account.Hosts = append(account.Hosts, names...)
				d.DeleteN(len(names) + 1)
			case "replay_limit":
				limit, err := replayLimit(d)
				if err != nil {
					return err
				}
				transport.ReplayLimit = limit
				d.DeleteN(2)
			case "transport":
				n, err := takeTransport(d, transport)
				if err != nil {
					return err
				}
				d.DeleteN(n)
			case "to", "dynamic":
				return d.Errf("claviger_proxy takes no %q: the connector says where requests go", d.Val())
			case "rewrite":
				return d.Err("claviger_proxy takes no rewrite, which would pass by its checks: rewrite before it")
			}
		}
	}
	return nil
}

// takeTransport reads a transport block and counts its tokens. "transport", "transport http" and
// "transport credential" mean the same.
func takeTransport(d *caddyfile.Dispenser, transport *Transport) (int, error) {
	segment := d.NextSegment()
	tokens := len(segment)
	if tokens > 1 && segment[1].Text != "{" {
		if name := segment[1].Text; name != "http" && name != "credential" {
			return 0, d.Errf("claviger_proxy always uses the credential transport, not %q", name)
		}
		segment = slices.Delete(segment, 1, 2)
	}
	return tokens, transport.HTTPTransport.UnmarshalCaddyfile(caddyfile.NewDispenser(segment))
}
