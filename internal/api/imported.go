package api

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/vault"
)

const (
	// maxToken is the length of a token, as everywhere in Claviger.
	maxToken = 16 << 10
	// maxText is the length of any other text of an account.
	maxText = 2 << 10
)

// read checks an account of the connection c and returns what to store of it; no grant if it comes
// without one, or not as one that is used.
func (m *importer) read(in client.ImportAccount, c vault.Connection) (vault.ConnectedAccount, *vault.Grant, error) {
	status := vault.Status(in.Status)
	if status == "" {
		status = vault.StatusActive
	}
	texts := slices.Concat([]string{in.Reason, in.Identity.ID, in.Identity.Name, in.Identity.Email, in.Identity.Avatar}, in.RequestedScopes, in.GrantedScopes)
	switch {
	case in.ID != "" && !vault.IsAccountID(in.ID):
		return vault.ConnectedAccount{}, nil, refuseItem("its ID is not an account's: ca_ and 26 characters")
	case !slices.Contains(statuses, status):
		return vault.ConnectedAccount{}, nil, refuseItem("its status must be one of %s", joined(statuses))
	case slices.ContainsFunc(texts, tooLong):
		return vault.ConnectedAccount{}, nil, refuseItem("one of its texts is longer than 2 KiB")
	case in.Grant == nil && status == vault.StatusActive:
		return vault.ConnectedAccount{}, nil, refuseItem("it is ACTIVE and comes without tokens: connect its user again")
	}
	a := vault.ConnectedAccount{
		ID: vault.AccountID(in.ID), ConnectionID: c.ID, Connector: c.Connector, Identifier: in.Identifier,
		Project: vault.DefaultProject, Status: status, Reason: in.Reason, Identity: vault.Identity(in.Identity),
		RequestedScopes: in.RequestedScopes, GrantedScopes: in.GrantedScopes,
		ConnectedAt: in.ConnectedAt, RefreshedAt: in.RefreshedAt,
	}
	if in.Grant == nil || !used(in.Status) {
		return a, nil, nil
	}
	g, err := m.readGrant(*in.Grant, c)
	return a, g, err
}

// used tells whether an account of that status has a use for tokens.
func used(status string) bool {
	return status == "" || status == client.StatusActive || status == client.StatusPendingVerification
}

func (m *importer) readGrant(in client.ImportGrant, c vault.Connection) (*vault.Grant, error) {
	switch {
	case in.AccessToken == "" && in.RefreshToken == "":
		return nil, refuseItem("its grant has neither an access_token nor a refresh_token")
	case !validToken(in.AccessToken) || !validToken(in.RefreshToken) || !validToken(in.IDToken):
		return nil, refuseItem("one of its tokens cannot be sent: it must be at most 16 KiB of printable ASCII without spaces, quotes and backslashes")
	case slices.ContainsFunc(append(in.Scopes, in.RedirectURI), tooLong):
		return nil, refuseItem("one of its texts is longer than 2 KiB")
	}
	g := &vault.Grant{
		Access: vault.NewSecret(in.AccessToken), Refresh: vault.NewSecret(in.RefreshToken), IDToken: vault.NewSecret(in.IDToken),
		Scopes: in.Scopes, ObtainedAt: in.ObtainedAt, Expires: in.Expires, RefreshExpires: in.RefreshExpires,
		ClientID: c.ClientID, RedirectURI: in.RedirectURI, Captured: m.captured(in.Captured, c),
	}
	if g.Access.IsZero() { // the first request refreshes it
		g.ObtainedAt = time.Now()
		g.Expires = g.ObtainedAt
	}
	return g, nil
}

// captured keeps what the connector itself would have kept of the token answer.
func (m *importer) captured(given map[string]string, c vault.Connection) map[string]string {
	k, ok := m.Catalog.Lookup(c.Connector)
	if !ok {
		return nil
	}
	var kept map[string]string
	for name, text := range given {
		unprintable := func(r rune) bool { return !strconv.IsPrint(r) }
		if _, wanted := k.Token.Capture[name]; !wanted || tooLong(text) || strings.ContainsFunc(text, unprintable) {
			continue
		}
		if kept == nil {
			kept = map[string]string{}
		}
		kept[name] = text
	}
	return kept
}

func tooLong(text string) bool { return len(text) > maxText }

// validToken tells whether a token can be put into a header as it is; "" is no token.
func validToken(s string) bool {
	bad := func(c rune) bool { return c <= ' ' || c > '~' || c == '"' || c == '\'' || c == '\\' }
	return len(s) <= maxToken && !strings.ContainsFunc(s, bad)
}
