package connection

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/vault"
)

// What the operator has given, the secrets of OAuth clients and of params, was given for the hosts that the
// connector had then. Another file of the connector does not take them elsewhere, with accounts or without.

// connectionSecrets says which other hosts the secrets of a connection would be sent to, as it is stored.
func (s *Set) connectionSecrets(c vault.Connection, catalog *connectors.Catalog) []Reason {
	s.mu.RLock()
	from := s.given[c.Name]
	s.mu.RUnlock()
	if from.ID != c.ID {
		from = c // of another process
	}
	old := c.Shape
	if len(old) == 0 {
		old = shapeIn(s.Catalog(), c)
	}
	way := "remove the connection first, and add it again afterwards"
	if from.Origin == vault.OriginConfig {
		way = "take the connection out of the configuration first"
	}
	return moves(old, shapeIn(catalog, from), from.Client(), from.Earlier, from.Params, from.SecretParams, c.Name, "connection "+c.Name, way)
}

// appSecrets says which other hosts the secrets of an app would be sent to.
func appSecrets(a vault.App, now, next *connectors.Catalog) []Reason {
	c := vault.Connection{Connector: a.Connector, Way: a.Way}
	way := "remove the app first, and add it again afterwards: `claviger apps remove " + appWords(a.Connector, a.Way) + "`"
	if a.Origin == vault.OriginConfig {
		way = "take the app out of the configuration first"
	}
	return moves(shapeIn(now, c), shapeIn(next, c), a.Client, a.Earlier, a.Params, a.SecretParams, "", "the default app", way)
}

func moves(old, next json.RawMessage, own vault.OAuthClient, earlier []vault.OAuthClient, open map[string]string, params vault.Secrets, connection, whose, way string) []Reason {
	secret := slices.ContainsFunc(append([]vault.OAuthClient{own}, earlier...), func(c vault.OAuthClient) bool { return len(c.Secrets) > 0 })
	var was, is connectors.Shape
	if !secret && len(params) == 0 || json.Unmarshal(old, &was) != nil || json.Unmarshal(next, &is) != nil {
		return nil
	}
	var reasons []Reason
	given := func(name string) bool {
		_, hidden := params[name]
		return hidden || open[name] != ""
	}
	for _, e := range connectors.Moves(was, is, secret, len(params) > 0, given) {
		reasons = append(reasons, Reason{
			Connection: connection, Path: e.Path,
			Message: fmt.Sprintf("%s, as secrets of %s are; %s", e.Message, whose, way),
		})
	}
	return reasons
}

// appWithout refuses a catalogue without the connector of that name while there is an app for it.
func (s *Set) appWithout(catalog *connectors.Catalog, name string) error {
	if _, known := catalog.Lookup(name); known {
		return nil
	}
	for _, a := range s.apps.Load().all() {
		if a.Connector != name {
			continue
		}
		way := "remove that first: `claviger apps remove " + appWords(a.Connector, a.Way) + "`"
		if a.Origin == vault.OriginConfig {
			way = "take that out of the configuration first"
		}
		return &Error{Code: CodeConnectorInUse, Message: fmt.Sprintf(
			"connector %s is used by its default app, whose secret another connector of that name would get; %s", name, way)}
	}
	return nil
}
