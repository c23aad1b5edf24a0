package connectors

import (
	"reflect"
	"slices"
)

// The names of values that others fill in.
const (
	NameToken    = nameToken
	NameClientID = nameClientID
)

// SlotSecret is the name of the secret half of a token of OAuth 1.0a, among an account's further tokens. The
// signer takes it from there. It is no token itself, so that no [Slot] may choose it.
const SlotSecret = "secret"

// CapturedName is the name in templates of what was captured under name.
func CapturedName(name string) string { return capturedPrefix + name }

// SlotName is the name in templates of a further token.
func SlotName(name string) string { return slotPrefix + name }

// NeedsClient tells whether a connection must have an OAuth client, and whether that must have a secret.
func (c *Connector) NeedsClient() (id, secret bool) {
	t := c.Token
	if t.Client != nil {
		return false, false
	}
	calls := !t.URL.IsZero()
	switch {
	case !calls:
	case c.Mode == ModeOAuth1: // its signer tells
	case t.ClientAuth == ClientAuthBasic || t.ClientAuth == ClientAuthBasicRaw:
		id, secret = t.Basic == nil, t.Basic == nil
	case t.ClientAuth == ClientAuthPost:
		id, secret = !slices.Contains(t.Omit, nameClientID), !slices.Contains(t.Omit, nameClientSecret)
	default:
		id = !slices.Contains(t.Omit, nameClientID)
	}
	if calls && c.Mode.Consents() {
		id = true
	}
	if s := c.Signer; s != nil && s.Kind == SignerOAuth1 && s.KeyID.IsZero() {
		id, secret = true, s.Method != "RSA-SHA1"
	}
	used := map[string]bool{}
	scheme, api := c.Scheme, c.API
	for _, v := range []any{&scheme, &api} {
		namesIn(reflect.ValueOf(v), used)
	}
	return id || used[nameClientID], secret || used[nameClientSecret]
}

// RefreshesWith is what the connector refreshes with: Refresh.With, or what is usual in its mode. A device
// has been consented to, elsewhere. In modes without a token it says nothing.
func (c *Connector) RefreshesWith() string {
	switch {
	case c.Refresh.With != "":
		return c.Refresh.With
	case c.Mode.NeedsUser():
		return RefreshWithToken
	}
	return RefreshWithGrant
}

// RenewsWithoutRefreshToken tells whether a new token is got without a refresh token: with the access
// token, or by asking for the grant once more.
func (c *Connector) RenewsWithoutRefreshToken() bool {
	switch c.mode() {
	case ModeStatic, ModeNone, ModeOAuth1:
		return false
	}
	return c.RefreshesWith() != RefreshWithToken
}

// NeedsUser tells whether an account can only be connected by its user, in a browser.
func (m Mode) NeedsUser() bool { return m.Consents() || m == ModeDevice }

// namesIn collects the names of all templates in v.
func namesIn(v reflect.Value, names map[string]bool) {
	if t, ok := reflect.TypeAssert[Template](v); ok {
		for _, name := range t.Names() {
			names[name] = true
		}
		return
	}
	if t, ok := reflect.TypeAssert[Tree](v); ok {
		t.names(names)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			namesIn(v.Elem(), names)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			namesIn(v.Field(i), names)
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			namesIn(it.Value(), names)
		}
	case reflect.Slice:
		for i := range v.Len() {
			namesIn(v.Index(i), names)
		}
	}
}

func (t *Tree) names(names map[string]bool) {
	if t == nil {
		return
	}
	if t.text != nil {
		for _, name := range t.text.Names() {
			names[name] = true
		}
	}
	for _, one := range t.list {
		one.names(names)
	}
	for _, one := range t.members {
		one.names(names)
	}
}
