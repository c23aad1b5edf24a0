package declared

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"
)

// nothingLeft tells whether a request whose credential has been taken off has no other one.
func (p *Provider) nothingLeft(c *call, s *session) error {
	for name, values := range c.Header {
		if !slices.Contains(plainHeaders, name) {
			return fmt.Errorf("header %s is not declared", name)
		}
		for _, value := range values {
			if secret := p.secretIn(value, s); secret != "" {
				return fmt.Errorf("header %s has %s in it", name, secret)
			}
		}
	}
	if c.query.Has("access_token") {
		return errors.New("parameter access_token is not declared")
	}
	for name, values := range c.query {
		for _, value := range values {
			if secret := p.secretIn(value, s); secret != "" {
				return fmt.Errorf("parameter %s has %s in it", name, secret)
			}
		}
	}
	if secret := p.secretIn(string(c.body), s); secret != "" {
		return fmt.Errorf("the body has %s in it", secret)
	}
	return nil
}

// secretIn is the name of a secret that a text has in it, plain or encoded.
func (p *Provider) secretIn(text string, s *session) string {
	for _, name := range p.secretNames(s) {
		value := s.values[name]
		for _, form := range []string{value, url.QueryEscape(value), base64.StdEncoding.EncodeToString([]byte(value))} {
			if strings.Contains(text, form) {
				return name
			}
		}
	}
	return ""
}

// secretNames are the names of values that are nobody else's business.
func (p *Provider) secretNames(s *session) (names []string) {
	for name, value := range s.values {
		captured, ok := strings.CutPrefix(name, "captured.")
		secret := name == "client_secret" || name == "token" || name == "refresh_token" || strings.HasPrefix(name, "token.") || ok && !p.inURL(captured) && !p.inAsk(name)
		for _, in := range slices.Concat(p.connector.App, p.connector.Account) {
			secret = secret || in.Secret && (name == "app."+in.Name || name == "account."+in.Name)
		}
		if secret && len(value) >= 8 {
			names = append(names, name)
		}
	}
	return names
}

// inAsk tells whether a value stands in a request that the connector makes by itself, beside its credential.
func (p *Provider) inAsk(name string) (there bool) {
	k := p.connector
	for _, d := range k.Discover {
		how := p.pagingOf(d)
		there = there || how != nil && how.Last == d.ID && name == "captured."+d.Into // the cursor
	}
	for _, part := range []any{k.Verify, k.Identity, k.Discover} {
		eachTemplate(reflect.ValueOf(part), func(text string) { there = there || strings.Contains(text, name) })
	}
	return there
}
