package cli

import (
	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/internal/transfer"
)

// This file is where tokens of an import become text: they are sent to the server, which seals them.

func movedConnection(c transfer.Connection) client.NewConnection {
	return client.NewConnection{
		Name: c.Name, Connector: c.Connector, ClientID: c.ClientID, ClientSecret: c.ClientSecret.Reveal(),
		Scopes: c.Scopes, Params: c.Params,
	}
}

func movedAccount(a transfer.Account) client.ImportAccount {
	out := client.ImportAccount{
		ID: string(a.ID), Connection: a.Connection, Connector: a.Connector, Identifier: a.Identifier,
		Status: string(a.Status), Reason: a.Reason, Identity: client.Identity(a.Identity),
		RequestedScopes: a.RequestedScopes, GrantedScopes: a.GrantedScopes,
		ConnectedAt: a.ConnectedAt, RefreshedAt: a.RefreshedAt,
	}
	if g := a.Grant; g != nil {
		out.Grant = &client.ImportGrant{
			AccessToken: g.Access.Reveal(), RefreshToken: g.Refresh.Reveal(), IDToken: g.IDToken.Reveal(),
			Scopes: g.Scopes, ObtainedAt: g.ObtainedAt, Expires: g.Expires, RefreshExpires: g.RefreshExpires,
			ClientID: g.ClientID, RedirectURI: g.RedirectURI, Captured: g.Captured,
		}
	}
	return out
}
