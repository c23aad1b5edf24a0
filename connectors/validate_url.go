package connectors

import "strings"

// url checks a URL template, which may be empty.
func (v *validator) url(path string, t Template, may names) {
	if t.IsZero() {
		return
	}
	before := len(v.errs)
	v.names(path, t, may)
	places, err := t.places()
	if err != nil {
		v.fail(path, "%v", err)
	}
	if len(v.errs) > before {
		return
	}
	for _, p := range t.parts {
		if p.isText() {
			continue
		}
		v.urlPart(path, p, places[0])
		places = places[1:]
	}
}

// mustURL is url for one that must be given.
func (v *validator) mustURL(path string, t Template, may names) {
	v.required(path, t)
	v.url(path, t, may)
}

// urlPart checks what stands in a place of a URL.
func (v *validator) urlPart(path string, p part, at place) {
	switch {
	case at == inRest, at == inPath:
	case p.name == nameClientID:
		v.fail(path, "{client_id} may stand in the path and the query only")
	case p.call != nil && (at != inHost || p.call.name != "host"):
		v.fail(path, "a function may stand in the path and the query only; {host(…)} may be the whole host, too")
	case len(v.c.API.Within) == 0 && p.isCaptured():
		v.fail(path, "{%s} in a host needs api.within: the domains that it must lie in", strings.Join(p.names(nil), ", "))
	}
}

// fixedPath refuses a query in a URL that paths are added to or that is compared.
func (v *validator) fixedPath(path string, t Template) {
	if strings.Contains(t.String(), "?") {
		v.fail(path, "must not have a query")
	}
}

// hosts checks a list of hosts.
func (v *validator) hosts(path string, hosts []string) {
	for i, host := range hosts {
		at := index(path, i)
		if strings.ContainsAny(host, "/@{") {
			v.fail(at, "must be host or host:port only")
		} else if _, err := checkAuthority(host); err != nil {
			v.fail(at, "%v", err)
		}
	}
}

// domains checks a list of domains.
func (v *validator) domains(path string, domains []string) {
	for i, domain := range domains {
		at := index(path, i)
		if strings.ContainsAny(domain, "/@{:") {
			v.fail(at, "must be a domain only, without a port")
		} else if err := checkHost(domain); err != nil {
			v.fail(at, "%v", err)
		}
	}
}

// relative checks a path that is added to a base. It is no template.
func (v *validator) relative(path, value string) {
	switch {
	case !strings.HasPrefix(value, "/"):
		v.fail(path, "must begin with '/'")
	case strings.ContainsAny(value, "{}"):
		v.fail(path, "must not have braces: it is no template; what is the same in all paths of an account can stand in the base")
	default:
		if _, err := parseURL("https://host.example.com" + value); err != nil {
			v.fail(path, "%v", err)
		}
	}
}

// operatorsOnly refuses a URL whose host is whatever an account says if a secret of the operator is sent there.
func (v *validator) operatorsOnly(path string, url Template, secret string) {
	places, err := url.places()
	if err != nil || secret == "" {
		return
	}
	for _, p := range url.parts {
		if p.isText() {
			continue
		}
		at := places[0]
		places = places[1:]
		for _, name := range p.names(nil) {
			if at == inHost && v.declared[name].open {
				v.fail(path, "{%s} may be any host, and would be sent {%s}, which is the operator's: "+
					"declare the host under app, or give it an enum or a pattern that allows the provider's hosts only", name, secret)
			}
		}
	}
}
