package connectors

import (
	"maps"
	"reflect"
	"slices"
)

// operatorsSecrets are the names of the operator's secrets that stand in one of the values, sorted.
func (c *Connector) operatorsSecrets(values ...any) []string {
	used := map[string]bool{}
	for _, value := range values {
		namesIn(reflect.ValueOf(value), used)
	}
	if used[nameAssertion] {
		namesIn(reflect.ValueOf(said(c.Assertion)), used)
	}
	maps.DeleteFunc(used, func(name string, _ bool) bool {
		return name != nameClientSecret && !slices.ContainsFunc(c.App, func(in Input) bool { return in.Secret && appPrefix+in.Name == name })
	})
	return slices.Sorted(maps.Keys(used))
}

// sends are the templates whose values requests to the API have on them, as they are.
func (c *Connector) sends() []any {
	sent := []any{c.Inject}
	if c.mode() == ModeJWT { // it is the token
		sent = append(sent, said(c.Assertion))
	}
	s := c.Signer
	if s == nil {
		return sent
	}
	sent = append(sent, s.KeyID, s.Token, s.Session, s.Realm, s.Service, s.Region) // a signature names them, and hides the rest
	if s.Kind == SignerOAuth1 && s.Method == "PLAINTEXT" {
		sent = append(sent, s.Key, s.TokenSecret)
		if s.KeyID.IsZero() {
			sent = append(sent, Template{parts: []part{{name: nameClientSecret}}})
		}
	}
	return sent
}
