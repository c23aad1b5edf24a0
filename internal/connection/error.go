package connection

import (
	"fmt"
	"strings"

	"github.com/claviger-proxy/claviger/connectors"
)

// Codes of an [Error]; the API and the data plane pass them on.
const (
	CodeNotFound          = "connection_not_found"
	CodeExists            = "connection_exists"
	CodeUnknownConnector  = "connector_not_found"
	CodeInvalidName       = "connection_name_invalid"
	CodeInvalidConnection = "connection_invalid"
	CodeReadOnly          = "connection_read_only"
	CodeHasAccounts       = "connection_has_accounts"
	CodeConnectorChanged  = "connection_connector_changed"
)

// Error is a connection that cannot be found, made or changed. Its message says what to do.
type Error struct {
	Code    string
	Message string
}

func (e *Error) Error() string { return e.Message }

func unknownConnector(name string, catalog *connectors.Catalog) error {
	msg := fmt.Sprintf("there is no connector %q", name)
	if near := catalog.Suggest(name); len(near) > 0 {
		msg += "; did you mean " + strings.Join(near, " or ") + "?"
	} else {
		msg += "; `claviger connectors list` shows them all"
	}
	return &Error{Code: CodeUnknownConnector, Message: msg}
}

func notFound(name string) error {
	return &Error{Code: CodeNotFound, Message: fmt.Sprintf(
		"there is no connection %q; `claviger connections list` shows them", name)}
}
