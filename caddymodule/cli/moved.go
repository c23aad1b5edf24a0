package cli

import (
	"maps"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/internal/transfer"
	"github.com/claviger-proxy/claviger/vault"
)

// This file is where tokens of an import become text: they are sent to the server, which seals them.

func movedConnection(c transfer.Connection) client.NewConnection {
	params := map[string]string{} // the server tells by the connector which ones are secret
	maps.Copy(params, c.Params)
	maps.Copy(params, c.SecretParams.Reveal())
	n := client.NewConnection{
		Name: c.Name, Connector: c.Connector, Auth: c.Way, ClientID: c.ClientID, ClientSecret: c.ClientSecret.Reveal(),
		Scopes: c.Scopes, Params: params,
	}
	if len(c.FurtherSecrets) > 0 {
		n.ClientSecret, n.ClientSecrets = "", revealed(append([]vault.Secret{c.ClientSecret}, c.FurtherSecrets...))
	}
	for _, e := range c.EarlierClients {
		n.EarlierClients = append(n.EarlierClients, client.NewOAuthClient{ClientID: e.ID, ClientSecrets: revealed(e.Secrets)})
	}
	return n
}

func revealed(secrets []vault.Secret) []string {
	var texts []string
	for _, s := range secrets {
		texts = append(texts, s.Reveal())
	}
	return texts
}

func movedAccount(a transfer.Account) client.ImportAccount {
	out := client.ImportAccount{
		ID: string(a.ID), Connection: a.Connection, Connector: a.Connector, Identifier: a.Identifier,
		Status: string(a.Status), Reason: a.Reason, Identity: client.Identity(a.Identity),
		RequestedScopes: a.RequestedScopes, GrantedScopes: a.GrantedScopes,
		ConnectedAt: a.ConnectedAt, RefreshedAt: a.RefreshedAt, Labels: a.Labels, Metadata: a.Metadata,
	}
	if g := a.Grant; g != nil {
		out.Grant = &client.ImportGrant{
			AccessToken: g.Access.Reveal(), RefreshToken: g.Refresh.Reveal(), IDToken: g.IDToken.Reveal(),
			Scopes: g.Scopes, ObtainedAt: g.ObtainedAt, Expires: g.Expires, RefreshExpires: g.RefreshExpires,
			ClientID: g.ClientID, RedirectURI: g.RedirectURI, Captured: g.Captured,
			Slots: g.Slots.Reveal(), Inputs: g.Inputs.Reveal(),
		}
	}
	return out
}
