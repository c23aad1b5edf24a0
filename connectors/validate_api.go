package connectors

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Headers that belong to the connection, to the engine, or to the body of a request.
var ownHeaders = []string{
	"connected-account", "connected-base", "connection", "cookie", "forwarded", "host", "http2-settings",
	"keep-alive", "te", "trailer", "trailers", "transfer-encoding", "upgrade", "via",
}

var ownHeaderPrefixes = []string{"claviger-", "connected-", "content-", "proxy-", "sec-", "x-forwarded-"}

func (v *validator) headerName(path, name string) {
	lower := strings.ToLower(name)
	if !headerName.MatchString(name) {
		v.fail(path, "%q is not a header name", name)
		return
	}
	if slices.Contains(ownHeaders, lower) ||
		slices.ContainsFunc(ownHeaderPrefixes, func(p string) bool { return strings.HasPrefix(lower, p) }) {
		v.fail(path, "header %s must not be set by a connector", name)
	}
}

func (v *validator) headerValue(path, value string) {
	if value == "" || strings.TrimSpace(value) != value {
		v.fail(path, "must not be empty or begin or end with a space")
	}
	for i := range len(value) {
		if value[i] < 0x20 || value[i] >= 0x7f {
			v.fail(path, "must be printable ASCII on one line")
			return
		}
	}
}

// headers checks headers that are added to a call; the credential is not among them.
func (v *validator) headers(path string, headers map[string]string) {
	seen := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		at := path + "." + name
		v.headerName(at, name)
		v.headerValue(at, headers[name])
		lower := strings.ToLower(name)
		if lower == "authorization" {
			v.fail(at, "header Authorization must not be set here")
		}
		if seen[lower] {
			v.fail(at, "header %s is there twice", name)
		}
		seen[lower] = true
	}
}

func (v *validator) inject() {
	seen := map[string]bool{}
	for i, in := range v.c.Inject {
		at := fmt.Sprintf("inject[%d]", i)
		v.oneOf(at+".in", in.In, InHeader, InQuery)
		key := in.In + " " + in.Name
		if in.In == InHeader {
			v.headerName(at+".name", in.Name)
			key = strings.ToLower(key)
		} else if !paramName.MatchString(in.Name) {
			v.fail(at+".name", "must be a parameter name")
		}
		if seen[key] {
			v.fail(at+".name", "%s is there twice", in.Name)
		}
		seen[key] = true
		v.headerValue(at+".template", in.Template.String())
		if names := in.Template.Names(); len(names) != 1 || names[0] != nameToken {
			v.fail(at+".template", "must have {token} in it and no other name")
		}
	}
}

func (v *validator) api() {
	a := v.c.API
	v.url("api.base_url", a.BaseURL)
	v.fixedPath("api.base_url", a.BaseURL)
	for _, name := range slices.Sorted(maps.Keys(a.Bases)) {
		at := "api.bases." + name
		if !baseName.MatchString(name) {
			v.fail(at, "the name must begin with a lower-case letter and have lower-case letters, digits and '-' only")
		}
		v.url(at, a.Bases[name])
		v.fixedPath(at, a.Bases[name])
	}
	for i, host := range a.Hosts {
		at := fmt.Sprintf("api.hosts[%d]", i)
		if strings.ContainsAny(host, "/@{") {
			v.fail(at, "must be host or host:port only")
		} else if _, err := checkAuthority(host); err != nil {
			v.fail(at, "%v", err)
		}
	}
	v.headers("api.headers", a.Headers)
	for _, name := range slices.Sorted(maps.Keys(a.Headers)) {
		if slices.ContainsFunc(v.c.Inject, func(in Injection) bool {
			return in.In == InHeader && strings.EqualFold(in.Name, name)
		}) {
			v.fail("api.headers."+name, "is the header of the credential")
		}
	}
}

func (v *validator) probes() {
	if p := v.c.Verify; p != nil {
		v.request("verify", p.Method, p.Path, p.Base)
		v.condition("verify.ok_when", p.OKWhen)
	}
	if p := v.c.Identity; p != nil {
		v.request("identity", p.Method, p.Path, p.Base)
		if p.ID == "" {
			v.fail("identity.id", "is required: the path of what the provider never changes about the account")
		}
		v.member("identity.id", p.ID)
		v.member("identity.name", p.Name)
		v.member("identity.email", p.Email)
		v.member("identity.avatar", p.Avatar)
	}
}

func (v *validator) request(at, method, path, base string) {
	v.optional(at+".method", method, "GET", "HEAD", "POST")
	if !strings.HasPrefix(path, "/") {
		v.fail(at+".path", "must begin with '/'")
	} else if _, err := parseURL("https://host.example.com" + path); err != nil {
		v.fail(at+".path", "%v", err)
	}
	if _, ok := v.c.API.Bases[base]; base != "" && !ok {
		v.fail(at+".base", "%s is not declared under api.bases", base)
	}
}
