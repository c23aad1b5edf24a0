package cli

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
)

// The handlers by which a server of the HTTP app is known.
const (
	proxyHandler   = "connected_account"
	consentHandler = "claviger_consent"
)

// httpServer is a server of Caddy's HTTP app.
type httpServer struct {
	Listen      []string        `json:"listen"`
	Routes      json.RawMessage `json:"routes"`
	TLSPolicies []any           `json:"tls_connection_policies"`
}

// listener is one address at which a handler of ours answers.
type listener struct {
	address caddy.NetworkAddress
	tls     bool
	// host is a name that the handler's route asks for; empty when any will do.
	host string
}

// listeners are the addresses with that handler, in the order of the servers' names.
func listeners(servers map[string]httpServer, handler string) []listener {
	var all []listener
	for _, name := range slices.Sorted(maps.Keys(servers)) {
		s := servers[name]
		var routes any
		if json.Unmarshal(s.Routes, &routes) != nil {
			continue
		}
		hosts, ok := find(routes, handler, nil)
		if !ok {
			continue
		}
		host := ""
		if len(hosts) > 0 && !strings.ContainsAny(hosts[0], "*{") {
			host = hosts[0]
		}
		for _, text := range s.Listen {
			a, err := caddy.ParseNetworkAddress(fill(text))
			if err != nil || a.PortRangeSize() > 1 {
				continue
			}
			if a.IsUnixNetwork() {
				a.Host, _, _ = strings.Cut(a.Host, "|") // the mode of the socket's file
			}
			tls := len(s.TLSPolicies) > 0 || a.StartPort == 443
			all = append(all, listener{address: dialable(a), tls: tls, host: host})
		}
	}
	return all
}

// find looks for a handler in routes, however deep, and returns the hosts that lead to it.
func find(v any, handler string, hosts []string) ([]string, bool) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			if got, ok := find(item, handler, hosts); ok {
				return got, true
			}
		}
	case map[string]any:
		if v["handler"] == handler {
			return hosts, true
		}
		if more := hostsOf(v["match"]); len(more) > 0 {
			hosts = more
		}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if key == "match" {
				continue
			}
			if got, ok := find(v[key], handler, hosts); ok {
				return got, true
			}
		}
	}
	return nil, false
}

func hostsOf(match any) []string {
	sets, _ := match.([]any)
	var hosts []string
	for _, set := range sets {
		m, _ := set.(map[string]any)
		list, _ := m["host"].([]any)
		for _, h := range list {
			if text, ok := h.(string); ok {
				hosts = append(hosts, text)
			}
		}
	}
	return hosts
}
