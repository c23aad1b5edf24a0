package caddymodule

import (
	"fmt"
	"maps"
	"slices"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/vault"
)

// ConnectionConfig is a connection written in the configuration.
type ConnectionConfig struct {
	// Connector is the connector's name.
	Connector string `json:"connector"`
	// Auth is one of the connector's ways to connect an account; empty means the standard one.
	Auth string `json:"auth,omitempty"`
	// ClientID and ClientSecret are the OAuth client's, where the connector needs one. Both may be
	// placeholders such as {env.NAME} or {file.PATH}; an empty result is refused. Without them the
	// connector's default app is used.
	ClientID     string `json:"client_id,omitempty"`
	ClientSecret string `json:"client_secret,omitempty"`
	// FurtherSecrets and EarlierClients are as those of an [AppConfig].
	FurtherSecrets []string       `json:"further_secrets,omitempty"`
	EarlierClients []ClientConfig `json:"earlier_clients,omitempty"`
	// Scopes replace the connector's default ones.
	Scopes []string `json:"scopes,omitempty"`
	// Params are values of the connector's app inputs. They may be placeholders, and secret ones
	// better are.
	Params map[string]string `json:"params,omitempty"`
	// ExposeTokens lets the management API hand out the access tokens of its accounts: not unless it is
	// true. Refresh tokens are never handed out.
	ExposeTokens *bool `json:"expose_tokens,omitempty"`
	// InstallURL is the app's page for users who come from the provider's marketplace without having been sent
	// there. Only connectors that declare such installs take it. It must be https, or http on a loopback host, and
	// may be a placeholder.
	InstallURL string `json:"install_url,omitempty"`
}

func (a *App) loadConnections() error {
	for _, name := range slices.Sorted(maps.Keys(a.Connections)) {
		c := a.Connections[name]
		if c == nil {
			return fmt.Errorf("connection %s is empty", name)
		}
		conn, err := c.connection(name, a.catalog)
		if err != nil {
			return err
		}
		// The default app may be one of the vault, which is not open yet.
		if _, err := connection.New(conn, a.catalog, a.appsFor(conn)...); err != nil && !connection.LacksClient(err) {
			return beforeTheVault(err)
		}
		a.configured = append(a.configured, conn)
	}
	return nil
}

// connection is the connection of that name, with its placeholders filled.
func (c *ConnectionConfig) connection(name string, catalog *connectors.Catalog) (vault.Connection, error) {
	conn := vault.Connection{
		Project: vault.DefaultProject, Name: name, Connector: c.Connector, Way: c.Auth, Origin: vault.OriginConfig,
		Scopes: c.Scopes, ExposeTokens: c.ExposeTokens != nil && *c.ExposeTokens,
	}
	of := func(what string) string { return what + " of connection " + name }
	if c.InstallURL != "" {
		page, err := resolve(of("install_url"), c.InstallURL)
		if err != nil {
			return vault.Connection{}, err
		}
		conn.InstallURL = page
	}
	own := ClientConfig{c.ClientID, c.ClientSecret, c.FurtherSecrets}
	client, err := own.client(of)
	if err != nil {
		return vault.Connection{}, err
	}
	conn.SetClient(client)
	if conn.Earlier, err = earlierClients(c.EarlierClients, of); err != nil {
		return vault.Connection{}, err
	}
	conn.Params, conn.SecretParams, err = resolveParams(c.Params, connection.OpenParams(catalog, c.Connector, c.Auth), of)
	return conn, err
}
