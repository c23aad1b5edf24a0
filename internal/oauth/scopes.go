package oauth

import (
	"net/url"
	"slices"
	"strings"
	"time"
)

// userScope begins a scope that is asked for with the connector's second scope parameter.
const userScope = "user:"

// RequestedScopes returns what an authorization request asks for: the scopes that the connector
// always adds or requires, the connection's (or the connector's default), then extra; each once, in that order.
// A scope of the connector that names a value which the app has not is left out here, and refused when
// it is to be sent.
func (a App) RequestedScopes(extra []string) []string {
	if a.Connector == nil {
		return nil
	}
	scopes, _ := a.scopes(a.filler("", time.Now), extra)
	return scopes
}

// scopes is RequestedScopes, and the error of the first scope that cannot be filled.
func (a App) scopes(f filler, extra []string) (all []string, err error) {
	declared := a.Connector.Authorize.Scope
	if declared.None {
		return nil, nil
	}
	seen := make(map[string]bool)
	add := func(scope string) {
		if scope != "" && !seen[scope] {
			seen[scope] = true
			all = append(all, scope)
		}
	}
	templates := slices.Concat(declared.Always, declared.Required)
	if len(a.Scopes) == 0 {
		templates = append(templates, declared.Default...)
	}
	for _, t := range templates {
		scope, failed := f.text(t)
		// A value must not bring in further scopes.
		if failed == nil && !isScope(scope, declared.Separator) {
			failed = unsent(f.op, ClassOperator, CodeNoValue)
		}
		if failed == nil {
			add(scope)
		} else if err == nil {
			err = failed
		}
	}
	for _, scope := range a.Scopes {
		add(scope)
	}
	for _, scope := range extra {
		add(scope)
	}
	return all, err
}

// MissingScopes returns those that the connector requires and that are not among the granted ones. Where the
// provider did not say which it has granted, it has granted all (RFC 6749 section 5.1).
func (a App) MissingScopes(granted []string) (missing []string) {
	if a.Connector == nil || granted == nil {
		return nil
	}
	f := a.filler("", time.Now)
	for _, t := range a.Connector.Authorize.Scope.Required {
		if scope, err := f.text(t); err == nil && !slices.Contains(granted, scope) {
			missing = append(missing, scope)
		}
	}
	return missing
}

// isScope tells whether s is one scope (RFC 6749 section 3.3).
func isScope(s, separator string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return s != "" && (separator == "" || !strings.Contains(s, separator))
}

// withUserScopes are the granted scopes with those of the second parameter, as they are called here. Where the
// answer has none of these, it is about the other token, and those of the grant stay.
func (c *call) withUserScopes(granted, users []string) []string {
	if granted == nil && users == nil {
		return nil
	}
	all := append([]string{}, granted...)
	for _, scope := range users {
		all = append(all, userScope+scope)
	}
	if users == nil {
		for _, scope := range c.granted {
			if strings.HasPrefix(scope, userScope) {
				all = append(all, scope)
			}
		}
	}
	return all
}

// scopeParams are the parameters that ask for scopes: the one of that name, and the connector's second one.
func (a App) scopeParams(name string, scopes []string) url.Values {
	how := a.Connector.Authorize.Scope
	lists := map[string][]string{}
	for _, scope := range scopes {
		if own, ok := strings.CutPrefix(scope, userScope); ok && how.UserParam != "" {
			lists[how.UserParam] = append(lists[how.UserParam], own)
			continue
		}
		lists[name] = append(lists[name], scope)
	}
	params := url.Values{}
	for name, list := range lists {
		if how.Repeat {
			params[name] = list
			continue
		}
		params.Set(name, strings.Join(list, or(how.Separator, " ")))
	}
	return params
}
