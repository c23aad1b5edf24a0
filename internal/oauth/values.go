package oauth

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/vault"
)

// The names of templates that this package has values for, beside those of [App].Values.
const (
	nameClientSecret = "client_secret"
	nameRefreshToken = "refresh_token"
	nameAssertion    = "assertion"
	nameCode         = "code"
)

// The account's values that modes take.
const (
	nameUsername     = "account.username"
	namePassword     = "account.password"
	nameSubjectToken = "account.subject_token"
)

// filler fills the connector's templates for one call.
type filler struct {
	op        string
	connector *connectors.Connector
	values    connectors.Values
	now       func() time.Time
}

// filler has the app's values and its client.
func (a App) filler(op string, now func() time.Time) filler {
	values := connectors.Values{}
	maps.Copy(values, a.Values)
	if a.ClientID != "" {
		values[connectors.NameClientID] = a.ClientID
	}
	if !a.ClientSecret.IsZero() {
		values[nameClientSecret] = a.ClientSecret.Reveal()
	}
	return filler{op: op, connector: a.Connector, values: values, now: now}
}

// with is the filler with another secret under a name that has one.
func (f filler) with(name string, s vault.Secret) filler {
	if f.values[name] != "" {
		f.values = maps.Clone(f.values)
		f.know(name, s)
	}
	return f
}

// know adds a secret under a name, if there is one.
func (f filler) know(name string, s vault.Secret) {
	if !s.IsZero() {
		f.values[name] = s.Reveal()
	}
}

// knowGrant adds what a grant has.
func (f filler) knowGrant(g vault.Grant) {
	f.know(connectors.NameToken, g.Access)
	f.know(nameRefreshToken, g.Refresh)
	for name, slot := range g.Slots {
		f.know(connectors.SlotName(name), slot)
	}
}

// knowToken adds what an answer gave.
func (f filler) knowToken(t Token) {
	f.knowGrant(vault.Grant{Access: t.Access, Refresh: t.Refresh, Slots: t.Slots})
	for name, value := range t.Captured {
		f.values[connectors.CapturedName(name)] = value
	}
}

// text fills one template. The error does not say more than that, because those of templates may show what
// a function was given.
func (f filler) text(t connectors.Template) (string, error) {
	text, err := t.ExpandAt(f.values, f.now())
	if err != nil {
		return "", f.missing()
	}
	return text, nil
}

// redirectURI is what the provider has for a redirect URI: that itself, or the name that the connector declares.
func (f filler) redirectURI(registered string) (string, error) {
	name := f.connector.Authorize.RedirectURI
	if name.IsZero() || registered == "" {
		return registered, nil
	}
	return f.text(name)
}

func (f filler) missing() error { return unsent(f.op, ClassOperator, CodeNoValue) }

// params fills named templates. One that names an optional input without a value is left out.
func (f filler) params(templates map[string]connectors.Template) (map[string]string, error) {
	filled := make(map[string]string, len(templates))
	for name, t := range templates {
		if f.leftOut(t) {
			continue
		}
		text, err := f.text(t)
		if err != nil {
			return nil, err
		}
		filled[name] = text
	}
	return filled, nil
}

// headers is params for headers; those of later lists win.
func (f filler) headers(lists ...map[string]connectors.Template) (map[string]string, error) {
	all := map[string]string{}
	for _, list := range lists {
		filled, err := f.params(list)
		if err != nil {
			return nil, err
		}
		for name, value := range filled {
			if hasControl(value) {
				return nil, f.missing()
			}
			maps.DeleteFunc(all, func(other, _ string) bool { return strings.EqualFold(other, name) })
			all[name] = value
		}
	}
	return all, nil
}

// leftOut tells whether the template names an optional input that has no value.
func (f filler) leftOut(t connectors.Template) bool {
	return slices.ContainsFunc(t.Names(), func(name string) bool {
		return f.values[name] == "" && f.optional(name)
	})
}

func (f filler) optional(name string) bool {
	kind, input, _ := strings.Cut(name, ".")
	inputs := map[string][]connectors.Input{"app": f.connector.App, "account": f.connector.Account}[kind]
	return slices.ContainsFunc(inputs, func(in connectors.Input) bool { return in.Name == input && in.MayLack() })
}

// minCaptured is how long a captured value must be to count as a secret: shorter ones are IDs and regions.
const minCaptured = 8

// secrets are the values that no error may repeat.
func (f filler) secrets() []vault.Secret {
	names := []string{connectors.NameToken, nameRefreshToken, nameClientSecret, namePassword, nameSubjectToken}
	for prefix, inputs := range map[string][]connectors.Input{"app.": f.connector.App, "account.": f.connector.Account} {
		for _, in := range inputs {
			if in.Secret {
				names = append(names, prefix+in.Name)
			}
		}
	}
	for name, value := range f.values {
		captured := strings.HasPrefix(name, connectors.CapturedName("")) && len(value) >= minCaptured
		if captured || strings.HasPrefix(name, connectors.SlotName("")) {
			names = append(names, name)
		}
	}
	secrets := make([]vault.Secret, len(names))
	for i, name := range names {
		secrets[i] = vault.NewSecret(f.values[name])
	}
	return secrets
}

func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}
