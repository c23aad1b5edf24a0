package openapi

import (
	"net/url"
	"slices"
	"strings"

	"github.com/claviger-proxy/claviger/connectors"
)

// maxScopes is how many scopes are taken over with their descriptions.
const maxScopes = 60

// flows are those that can be used, the best one first.
var flows = []struct {
	name string
	mode connectors.Mode
}{
	{flowCode, connectors.ModeCode},
	{flowDevice, connectors.ModeDevice},
	{flowClient, connectors.ModeClientCredentials},
	{flowPassword, connectors.ModePassword},
}

// oauth takes the best of the scheme's flows.
func (m *maker) oauth(w *way, name string, s *securityScheme) bool {
	for rank, known := range flows {
		f, ok := s.Flows[known.name]
		if !ok {
			continue
		}
		if !m.endpoints(w, name, f, known.mode) {
			return false
		}
		w.Mode, w.rank = known.mode, rank-len(flows)
		m.scopes(w, name, f)
		// RFC 6749 section 2.3.1: whoever gives clients a password supports Basic.
		w.Token.ClientAuth = connectors.ClientAuthBasic
		m.note("%s: the document does not say how the client authenticates at the token endpoint. token.client_auth is basic, the standard's; check it.", w.ID)
		if known.mode == connectors.ModePassword {
			w.Account = append(w.Account, passwords...)
		}
		return true
	}
	m.note("The security scheme %.80s has no flow that can be used: the implicit one gives tokens to browsers only.", name)
	return false
}

// endpoints takes over the URLs.
func (m *maker) endpoints(w *way, name string, f flow, mode connectors.Mode) bool {
	type endpoint struct {
		key, text string
		to        *connectors.Template
	}
	list := []endpoint{{"tokenUrl", f.TokenURL, &w.Token.URL}}
	switch mode {
	case connectors.ModeCode:
		list = append(list, endpoint{"authorizationUrl", f.AuthorizationURL, &w.Authorize.URL})
	case connectors.ModeDevice:
		w.Device = new(connectors.Device)
		list = append(list, endpoint{"deviceAuthorizationUrl", f.DeviceAuthorizationURL, &w.Device.URL})
	}
	if f.RefreshURL != "" && f.RefreshURL != f.TokenURL {
		list = append(list, endpoint{"refreshUrl", f.RefreshURL, &w.Refresh.URL})
	}
	for _, e := range list {
		u, err := url.Parse(strings.TrimSpace(e.text))
		if err == nil && m.root != nil && e.text != "" {
			u = m.root.ResolveReference(u)
		}
		if err != nil || u.Scheme != "https" || u.Host == "" || strings.ContainsAny(e.text, "{}") {
			m.note("The security scheme %.80s is left out: its %s, %.100q, is no https URL.", name, e.key, e.text)
			return false
		}
		*e.to = template(u.String())
	}
	return true
}

// noScope tells of a character that no scope has (RFC 6749 section 3.3), or that would make a template of it.
func noScope(c rune) bool {
	return c <= ' ' || c > '~' || strings.ContainsRune("\"\\{}", c)
}

// scopes takes over what the document says about scopes. Which ones are asked for is the operator's to say.
func (m *maker) scopes(w *way, name string, f flow) {
	names := sorted(f.Scopes)
	if len(names) > maxScopes {
		m.note("The security scheme %.80s has %d scopes, of which the first %d are described in the file; connections may ask for all.", name, len(names), maxScopes)
		names = names[:maxScopes]
	}
	names = slices.DeleteFunc(names, func(scope string) bool { return scope == "" || strings.ContainsFunc(scope, noScope) })
	for _, scope := range names {
		if w.Authorize.Scope.Known == nil {
			w.Authorize.Scope.Known = map[string]string{}
		}
		w.Authorize.Scope.Known[scope] = clean(sentenceOf(f.Scopes[scope]), 200)
	}
}
