package openapi

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/claviger-proxy/claviger/connectors"
)

// way is one alternative before it is known whether it is the only one.
type way struct {
	connectors.Way
	rank int
}

// schemes makes the ways in of the document's security requirements, or of each of its schemes alone if it
// has no requirement that holds everywhere.
func (m *maker) schemes(c *connectors.Connector) error {
	var list []way
	for _, names := range m.alternatives() {
		if w, ok := m.way(names); ok && !slices.ContainsFunc(list, func(o way) bool { return o.ID == w.ID }) {
			list = append(list, w)
		}
	}
	slices.SortStableFunc(list, func(a, b way) int { return cmp.Compare(a.rank, b.rank) })
	switch {
	case len(list) == 0 && len(m.Components.SecuritySchemes) == 0:
		c.Mode = connectors.ModeNone
		m.note("The document has no security schemes, so the connector sends no credential.")
	case len(list) == 0:
		return errors.New("none of the document's security schemes can be used: " + strings.Join(m.notes, " "))
	case len(list) == 1:
		only := list[0]
		c.Scheme, c.App, c.Account = only.Scheme, append(c.App, only.App...), append(c.Account, only.Account...)
	default:
		for _, w := range list {
			c.Ways = append(c.Ways, w.Way)
		}
	}
	return nil
}

// alternatives are the sets of schemes that are enough for a request.
func (m *maker) alternatives() (list [][]string) {
	for _, required := range m.Security {
		if len(required) > 0 {
			list = append(list, sorted(required))
		}
	}
	if len(list) > 0 {
		return list
	}
	for _, name := range sorted(m.Components.SecuritySchemes) {
		list = append(list, []string{name})
	}
	return list
}

// way makes one of the schemes that are needed together. With OAuth among them, the other values are the
// operator's.
func (m *maker) way(names []string) (way, bool) {
	w := way{Way: connectors.Way{ID: wayOf(strings.Join(names, "-")), Title: clean(strings.Join(names, " and "), 80)}}
	oauth, rest := false, map[string]*securityScheme{}
	for _, name := range names {
		s, ok := m.scheme(name)
		switch {
		case !ok:
			m.note("The security scheme %.80s is not in the document; what it says is left out.", name)
			return way{}, false
		case s.Type != "oauth2":
			rest[name] = s
		default:
			oauth = true
			if w.Mode == "" {
				m.oauth(&w, name, s)
			}
		}
	}
	if oauth && w.Mode == "" {
		return way{}, false
	}
	for _, name := range sorted(rest) {
		if !m.static(&w, name, rest[name]) {
			return way{}, false
		}
	}
	switch {
	case w.Mode == "":
		w.Mode = connectors.ModeStatic
	case len(w.Inject) > 0: // beside the token
		w.Inject = append([]connectors.Injection{header("Authorization", "Bearer {token}")}, w.Inject...)
	}
	return w, true
}

// The ranks of ways without OAuth; those with it are before them.
const (
	rankKey = iota + 1
	rankBasic
)

// static takes a scheme whose value is what is sent.
func (m *maker) static(w *way, name string, s *securityScheme) bool {
	rank := rankKey
	switch kind := s.Type + " " + strings.ToLower(s.Scheme); {
	case s.Type == "apiKey":
		w.Inject = append(w.Inject, connectors.Injection{In: s.In, Name: s.Name, Template: template("{" + m.secret(w, name, s) + "}")})
	case kind == "http bearer":
		w.Inject = append(w.Inject, header("Authorization", "Bearer {"+m.secret(w, name, s)+"}"))
	case kind == "http basic" && w.Mode == "":
		rank = rankBasic
		w.Account = append(w.Account, passwords...)
		w.Inject = append(w.Inject, connectors.Injection{In: connectors.InBasic, Basic: &connectors.Basic{
			User: template("{account.username}"), Password: template("{account.password}"),
		}})
	default:
		m.note("The security scheme %.80s is of type %.60s, and is left out: the document says too little about it.", name, strings.TrimSpace(kind))
		return false
	}
	if w.Mode == "" {
		w.rank = max(w.rank, rank)
	}
	return true
}

// passwords are the inputs of a login.
var passwords = []connectors.Input{
	{Name: "username", Title: "User name", Secret: true},
	{Name: "password", Title: "Password", Secret: true},
}

// secret asks for the value of a scheme, and returns its name in templates.
func (m *maker) secret(w *way, name string, s *securityScheme) string {
	in := connectors.Input{
		Name: inputNameOf(name), Title: clean(name, 80), Description: clean(sentenceOf(s.Description), 200), Secret: true,
	}
	if w.Mode != "" {
		w.App = append(w.App, in)
		return "app." + in.Name
	}
	w.Account = append(w.Account, in)
	return "account." + in.Name
}

func header(name, value string) connectors.Injection {
	return connectors.Injection{In: connectors.InHeader, Name: name, Template: template(value)}
}

// template parses one that is right, because its names are made here.
func template(text string) connectors.Template {
	t, err := connectors.ParseTemplate(text)
	if err != nil {
		panic(err)
	}
	return t
}
