package caddymodule

import (
	"fmt"
	"maps"
	"slices"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/vault"
)

// AppConfig is a default app: the OAuth client for the connections of one connector that bring none.
type AppConfig struct {
	// Connector is the connector's name, and Auth one of its ways to connect an account; empty means the
	// standard one.
	Connector string `json:"connector"`
	Auth      string `json:"auth,omitempty"`
	// ClientID and ClientSecret are the client's. Both may be placeholders such as {env.NAME} or
	// {file.PATH}; an empty result is refused.
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret,omitempty"`
	// FurtherSecrets are other secrets of the same client, as while one takes the place of another: each is
	// sent when the provider refuses the one before.
	FurtherSecrets []string `json:"further_secrets,omitempty"`
	// EarlierClients are the clients before: accounts that were connected with one of them go on with it.
	EarlierClients []ClientConfig `json:"earlier_clients,omitempty"`
	// Params are values of the connector's app inputs, unless a connection has its own. They may be
	// placeholders, and secret ones better are.
	Params map[string]string `json:"params,omitempty"`
}

// ClientConfig is an earlier OAuth client. Its values may be placeholders.
type ClientConfig struct {
	ClientID       string   `json:"client_id"`
	ClientSecret   string   `json:"client_secret,omitempty"`
	FurtherSecrets []string `json:"further_secrets,omitempty"`
}

func (a *App) loadApps() error {
	for _, c := range a.Apps {
		if c == nil || c.Connector == "" {
			return fmt.Errorf("an app has no connector")
		}
		app, err := c.app(a.catalog)
		if err != nil {
			return err
		}
		if err := connection.CheckApp(app, a.catalog); err != nil {
			return err
		}
		a.apps = append(a.apps, app)
	}
	return nil
}

// app is the default app, with its placeholders filled.
func (c *AppConfig) app(catalog *connectors.Catalog) (vault.App, error) {
	app := vault.App{Connector: c.Connector, Way: c.Auth, Origin: vault.OriginConfig}
	of := func(what string) string { return what + " of app " + c.Connector }
	if c.ClientID == "" {
		return vault.App{}, fmt.Errorf("%s is missing", of("client_id"))
	}
	own := ClientConfig{c.ClientID, c.ClientSecret, c.FurtherSecrets}
	var err error
	if app.Client, err = own.client(of); err != nil {
		return vault.App{}, err
	}
	if app.Earlier, err = earlierClients(c.EarlierClients, of); err != nil {
		return vault.App{}, err
	}
	app.Params, app.SecretParams, err = resolveParams(c.Params, connection.OpenParams(catalog, c.Connector, c.Auth), of)
	return app, err
}

// appsFor are the apps of the configuration for a connection.
func (a *App) appsFor(c vault.Connection) []vault.App {
	var found []vault.App
	for _, app := range a.apps {
		if app.Connector == c.Connector && connection.SameWay(a.catalog, c.Connector, app.Way, c.Way) {
			found = append(found, app)
		}
	}
	return found
}

// client is the OAuth client, with its placeholders filled; of names its values in errors.
func (c ClientConfig) client(of func(string) string) (client vault.OAuthClient, err error) {
	if c.ClientID != "" {
		if client.ID, err = resolve(of("client_id"), c.ClientID); err != nil {
			return vault.OAuthClient{}, err
		}
	}
	texts := c.FurtherSecrets
	if c.ClientSecret != "" {
		texts = append([]string{c.ClientSecret}, texts...)
	}
	for i, text := range texts {
		what := of("client_secret")
		if i > 0 {
			what = of(fmt.Sprintf("client_secret %d", i+1))
		}
		secret, err := resolveSecret(what, text)
		if err != nil {
			return vault.OAuthClient{}, err
		}
		client.Secrets = append(client.Secrets, secret)
	}
	return client, nil
}

func earlierClients(list []ClientConfig, of func(string) string) ([]vault.OAuthClient, error) {
	var clients []vault.OAuthClient
	for i, c := range list {
		if c.ClientID == "" {
			return nil, fmt.Errorf("%s has no client_id", of(fmt.Sprintf("earlier client %d", i+1)))
		}
		client, err := c.client(func(what string) string { return of(fmt.Sprintf("%s of earlier client %d", what, i+1)) })
		if err != nil {
			return nil, err
		}
		clients = append(clients, client)
	}
	return clients, nil
}

// resolveParams fills the placeholders of params. Those that open does not have are secrets.
func resolveParams(params map[string]string, open map[string]bool, of func(string) string) (map[string]string, vault.Secrets, error) {
	values := map[string]string{}
	var secrets vault.Secrets
	for _, name := range slices.Sorted(maps.Keys(params)) {
		if open[name] {
			value, err := resolve(of("param "+name), params[name])
			if err != nil {
				return nil, nil, err
			}
			values[name] = value
			continue
		}
		secret, err := resolveSecret(of("param "+name), params[name])
		if err != nil {
			return nil, nil, err
		}
		if secrets == nil {
			secrets = vault.Secrets{}
		}
		secrets[name] = secret
	}
	return values, secrets, nil
}
