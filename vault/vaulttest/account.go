package vaulttest

import (
	"context"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/vault"
)

// Connection stores a connection of that name, of the connector of the same name, and returns it.
func Connection(t testing.TB, v *vault.Vault, name string) vault.Connection {
	t.Helper()
	c := vault.Connection{
		Name: name, Connector: name, Origin: vault.OriginAPI,
		ClientID: name + "-client", ClientSecret: vault.NewSecret(name + "-client-secret"),
	}
	if err := v.PutConnection(context.Background(), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// Account connects an account with the grant, without a link, and returns it. A grant of no OAuth client becomes
// one of the connection's.
func Account(t testing.TB, v *vault.Vault, c vault.Connection, identifier string, g vault.Grant) vault.ConnectedAccount {
	t.Helper()
	if g.ClientID == "" {
		g.ClientID = c.ClientID
	}
	a, err := v.Connect(context.Background(), vault.Link{}, vault.ConnectedAccount{
		Project: c.Project, ConnectionID: c.ID, Connector: c.Connector, Identifier: identifier,
	}, g)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// Grant returns tokens that can be told apart by name and last for an hour.
func Grant(name string, now time.Time) vault.Grant {
	return vault.Grant{
		Access: vault.NewSecret("access-" + name), Refresh: vault.NewSecret("refresh-" + name),
		Scopes: []string{"read"}, ObtainedAt: now, Expires: now.Add(time.Hour),
	}
}
