package connectors

import (
	"fmt"
	"maps"
	"slices"
)

// Hint is something that a connector could say and does not. It may be used all the same.
type Hint struct {
	// Path is as in [Error]; empty means the whole file.
	Path string
	// Message says what is missing and what comes of it.
	Message string
}

// Hints tells what would make the connector more useful to operators and users, in the order of the file.
func (c *Connector) Hints() []Hint {
	h := hinter{}
	h.unless(c.Description != "", "description", "is missing: one sentence for lists")
	h.unless(len(c.Categories) > 0, "categories", "are missing: lists are filtered by them")
	h.unless(c.Docs != "", "docs", "is missing: the provider's page that the facts come from")
	switch c.Tested.How {
	case "":
		h.add("tested", "is missing: say how and when the facts were checked, or unverified")
	case Unverified:
		h.add("tested", "is unverified, which everybody sees who lists connectors")
	}
	h.unless(len(c.Setup) > 0 || c.mode() == ModeNone && len(c.Ways) == 0, "setup", "is missing: the steps at the provider that lead to a client or a key")
	h.inputs("app", c.App)
	h.inputs("account", c.Account)
	if len(c.Ways) == 0 {
		h.scheme("", c)
	}
	for i, w := range c.Ways {
		at := index("auth", i) + "."
		h.inputs(at+"app", w.App)
		h.inputs(at+"account", w.Account)
		h.scheme(at, c.only(w))
	}
	return h.list
}

// hinter collects hints.
type hinter struct{ list []Hint }

func (h *hinter) add(path, format string, args ...any) {
	h.list = append(h.list, Hint{Path: path, Message: fmt.Sprintf(format, args...)})
}

func (h *hinter) unless(fine bool, path, format string, args ...any) {
	if !fine {
		h.add(path, format, args...)
	}
}

func (h *hinter) inputs(path string, inputs []Input) {
	for i, in := range inputs {
		at := index(path, i)
		h.unless(in.Title != "", at+".title", "is missing: people see %s instead", in.Name)
		h.unless(in.Description != "" || in.Help != "", at+".description", "is missing: where the value is found")
		h.unless(in.Secret || in.Example != "" || in.Default != "" || len(in.Enum) > 0, at+".example", "is missing: what a value looks like")
	}
}

// scheme is for one way, without others beside it.
func (h *hinter) scheme(at string, c *Connector) {
	if c.mode() == ModeNone {
		return
	}
	if c.mode().Consents() && c.mode() != ModeOAuth1 {
		h.unless(c.Authorize.PKCE != PKCEOff, at+"authorize.pkce", "is off: leave it out unless the provider refuses the code challenge")
		h.unless(c.Callback.State != StateInstall, at+"callback.state", "is install: leave it out unless the provider drops the state")
		h.scopes(at, c.Authorize.Scope)
	}
	if c.mode().NeedsUser() && c.mode() != ModeOAuth1 {
		h.unless(c.Revoke != nil, at+"revoke", "is missing: when an account is disconnected, the grant goes on at the provider")
	}
	h.unless(c.Verify != nil || c.Identity != nil, at+"verify", "is missing: a refused credential is not noticed before it is used")
	h.unless(c.Identity != nil, at+"identity", "is missing: nobody notices when an account is connected again as somebody else")
}

func (h *hinter) scopes(at string, s Scope) {
	for _, name := range slices.Sorted(maps.Keys(s.Known)) {
		h.unless(s.Known[name] != "", at+"authorize.scope.known."+name, "is empty: say in one line what it allows")
	}
	h.unless(s.None || len(s.Known) > 0, at+"authorize.scope.known", "is missing: what the scopes allow; with none: true if the provider has no scopes")
}
