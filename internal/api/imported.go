package api

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/connectors"
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
	}
	a := vault.ConnectedAccount{
		ID: vault.AccountID(in.ID), ConnectionID: c.ID, Connector: c.Connector, Identifier: in.Identifier,
		Project: vault.DefaultProject, Status: status, Reason: in.Reason, Identity: vault.Identity(in.Identity),
		RequestedScopes: in.RequestedScopes, GrantedScopes: in.GrantedScopes,
		ConnectedAt: in.ConnectedAt, RefreshedAt: in.RefreshedAt,
		AppData: vault.AppData{Labels: in.Labels, Metadata: noNull(in.Metadata)},
	}
	if err := a.Check(); err != nil {
		return vault.ConnectedAccount{}, nil, refuseItem("its %v", err)
	}
	given := in.Grant
	if given == nil && status == vault.StatusActive {
		given = &client.ImportGrant{} // enough for a connector that asks for nothing
	}
	if given == nil || !used(in.Status) {
		return a, nil, nil
	}
	g, err := m.readGrant(*given, c)
	return a, g, err
}

// used tells whether an account of that status has a use for tokens.
func used(status string) bool {
	return status == "" || status == client.StatusActive || status == client.StatusPendingVerification
}

func (m *importer) readGrant(in client.ImportGrant, c vault.Connection) (*vault.Grant, error) {
	live, err := m.Connections.Build(c)
	if err != nil {
		return nil, err
	}
	k := live.Connector()
	captured, slots := kept(k, in)
	tokens := append(slices.Collect(maps.Values(slots)), in.AccessToken, in.RefreshToken, in.IDToken)
	switch {
	case in.AccessToken == "" && in.RefreshToken == "" && !tokenless(k):
		return nil, refuseItem("it comes with neither an access_token nor a refresh_token: connect its user again")
	case k.Mode == connectors.ModeOAuth1 && (in.AccessToken == "" || slots[connectors.SlotSecret] == ""):
		return nil, refuseItem("a token of OAuth 1.0a has two halves: it comes without access_token or without slots.%s", connectors.SlotSecret)
	case !allOf(tokens, validToken):
		return nil, refuseItem("one of its tokens cannot be sent: it must be at most 16 KiB of printable ASCII without spaces, quotes and backslashes")
	case slices.ContainsFunc(append(in.Scopes, in.RedirectURI), tooLong):
		return nil, refuseItem("one of its texts is longer than 2 KiB")
	}
	if err := checkInputs(k, in.Inputs); err != nil {
		return nil, err
	}
	inputs := vault.NewSecrets(in.Inputs)
	own, err := live.WithClient(in.ClientID).For(inputs, captured)
	if err != nil { // it may have a value in it
		return nil, refuseItem("its inputs and captured values make no URLs, or no OAuth client, that connector %s allows", k.Name)
	}
	g := &vault.Grant{
		Access: vault.NewSecret(in.AccessToken), Refresh: vault.NewSecret(in.RefreshToken), IDToken: vault.NewSecret(in.IDToken),
		Scopes: in.Scopes, ObtainedAt: in.ObtainedAt, Expires: in.Expires, RefreshExpires: in.RefreshExpires,
		ClientID: own.App.ClientID, RedirectURI: in.RedirectURI, Captured: captured, Slots: vault.NewSecrets(slots), Inputs: inputs,
	}
	if g.Access.IsZero() && !static(k.Mode) { // the first request gets it
		g.ObtainedAt = time.Now()
		g.Expires = g.ObtainedAt
	}
	return g, nil
}

func tooLong(text string) bool { return len(text) > maxText }

// validToken tells whether a token can be put into a header as it is; "" is no token.
func validToken(s string) bool {
	bad := func(c rune) bool { return c <= ' ' || c > '~' || c == '"' || c == '\'' || c == '\\' }
	return len(s) <= maxToken && !strings.ContainsFunc(s, bad)
}
