package connectors

import (
	"maps"
	"slices"
	"strings"
)

// ask checks a request to the API.
func (v *validator) ask(at string, a Ask) {
	v.optional(at+".method", a.Method, "GET", "HEAD", "POST")
	v.required(at+".path", a.Path)
	v.names(at+".path", a.Path, inURLs)
	if err := a.Path.checkPath(); err != nil && !a.Path.IsZero() {
		v.fail(at+".path", "%v", err)
	}
	if a.JSON != nil {
		if a.Method != "POST" {
			v.fail(at+".json", "needs method: POST")
		}
		v.tree(at+".json", a.JSON, inURLs)
	}
	if _, ok := v.c.API.Bases[a.Base]; a.Base != "" && !ok {
		v.fail(at+".base", "%s is not declared under api.bases", a.Base)
	}
	v.askType(at+".content_type", a)
	v.headers(at+".headers", a.Headers, inURLs|clientIDName)
	for _, name := range slices.Sorted(maps.Keys(a.Headers)) {
		if slices.Contains(v.c.credentialHeaders(), strings.ToLower(name)) {
			v.fail(at+".headers."+name, "is a header of the credential")
		}
	}
}

func (v *validator) askType(at string, a Ask) {
	if a.ContentType == "" {
		return
	}
	v.headerValue(at, a.ContentType)
	if a.JSON == nil {
		v.fail(at, "goes with json, and with nothing else")
	}
	if slices.ContainsFunc(v.c.Inject, func(in Injection) bool { return in.In == InBody }) {
		v.fail(at, "must be left out with inject.in: body, which needs application/json")
	}
}

// credentialHeaders are the headers that the credential or a signature goes in, in lower case.
func (c *Connector) credentialHeaders() []string {
	list := []string{"authorization"}
	for _, in := range c.Inject {
		if in.In == InHeader {
			list = append(list, strings.ToLower(in.Name))
		}
	}
	s := c.Signer
	if s == nil {
		return list
	}
	switch s.Kind {
	case SignerSigV4:
		list = append(list, "x-amz-date", "x-amz-content-sha256", "x-amz-security-token")
	case SignerWSSE:
		list = append(list, "x-wsse")
	}
	for _, name := range []string{s.Header, s.Timestamp, s.Nonce} {
		if name != "" {
			list = append(list, strings.ToLower(name))
		}
	}
	return list
}
