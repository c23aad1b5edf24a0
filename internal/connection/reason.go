package connection

import (
	"strconv"
	"strings"

	"github.com/claviger-proxy/claviger/vault"
)

// Codes of an [Error] about connectors that are added while Claviger runs.
const (
	CodeInvalidConnector  = "connector_invalid"
	CodeConnectorExists   = "connector_exists"
	CodeConnectorBuiltin  = "connector_built_in"
	CodeConnectorReadOnly = "connector_read_only"
	CodeConnectorInUse    = "connector_in_use"
	CodeConnectorBreaks   = "connector_breaks_accounts"
)

// Reason is one of several for an [Error]: a mistake in a connector's file, or what a change of the connector
// would break.
type Reason struct {
	// Connection and Account are what would break; both are empty for a mistake in the file. Without an
	// account it is all of the connection's.
	Connection string
	Account    vault.AccountID
	// Line counts from 1, and is 0 when it is not known. Path is that of the value in the file.
	Line    int
	Path    string
	Message string
}

// String is the reason in one line.
func (r Reason) String() string {
	var parts []string
	if r.Connection != "" && !strings.HasPrefix(r.Message, "connection "+r.Connection+":") {
		parts = append(parts, "connection "+r.Connection)
	}
	if r.Account != "" {
		parts = append(parts, "account "+string(r.Account))
	}
	if r.Line > 0 {
		parts = append(parts, "line "+strconv.Itoa(r.Line))
	}
	if r.Path != "" {
		parts = append(parts, r.Path)
	}
	return strings.ReplaceAll(strings.Join(append(parts, r.Message), ": "), "\n", "; ")
}
