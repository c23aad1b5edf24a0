package consent

import (
	"slices"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/vault"
)

// withGranted are the scopes that a link asks for beside the connection's: the given ones, and where the connector
// merges them those that the account has. One that was disconnected has none.
func withGranted(c *connection.Connection, a vault.ConnectedAccount, scopes []string) []string {
	if c.Connector().Authorize.Scope.Incremental != connectors.IncrementalMerge || a.Status == vault.StatusDisconnected {
		return scopes
	}
	has := a.GrantedScopes
	if has == nil { // the provider has not said, so it has granted what was asked for
		has = a.RequestedScopes
	}
	all := slices.Clone(scopes)
	for _, scope := range has {
		if !slices.Contains(all, scope) && len(all) < maxScopes && validScopes([]string{scope}) {
			all = append(all, scope)
		}
	}
	return all
}
