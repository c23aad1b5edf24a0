package connection

import (
	"errors"
	"fmt"
	"strings"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/vault"
)

// Codes of an [Error]; the API and the data plane pass them on.
const (
	CodeNotFound          = "connection_not_found"
	CodeExists            = "connection_exists"
	CodeUnknownConnector  = "connector_not_found"
	CodeInvalidName       = "connection_name_invalid"
	CodeInvalidConnection = "connection_invalid"
	CodeInvalidInputs     = "account_inputs_invalid"
	CodeReadOnly          = "connection_read_only"
	CodeHasAccounts       = "connection_has_accounts"
	CodeConnectorChanged  = "connection_connector_changed"
	CodeAppNotFound       = "app_not_found"
	CodeAppExists         = "app_exists"
	CodeInvalidApp        = "app_invalid"
	CodeAppReadOnly       = "app_read_only"
	CodeAppInUse          = "app_in_use"
	CodeInvalidClient     = "oauth_client_invalid"
	CodeClientNotFound    = "oauth_client_not_found"
	CodeClientInUse       = "oauth_client_in_use"
	CodeClientsFull       = "oauth_clients_full"
	CodeRegistration      = "client_registration_failed"
	CodeUnregistrable     = "client_registration_unsupported"
	CodeNoCallback        = "callback_missing"
)

// Error is a connection that cannot be found, made or changed. Its message says what to do.
type Error struct {
	Code    string
	Message string
	// Reasons are told one by one beside the message, where there are several.
	Reasons []Reason
	// noClient tells that nothing is wrong but that there is no OAuth client.
	noClient bool
}

func (e *Error) Error() string { return e.Message }

// LacksClient tells whether nothing is wrong with a connection but that there is no OAuth client for it: a
// default app may still come.
func LacksClient(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.noClient
}

func unknownConnector(name string, catalog *connectors.Catalog) error {
	msg := fmt.Sprintf("there is no connector %q", name)
	if near := catalog.Suggest(name); len(near) > 0 {
		msg += "; did you mean " + strings.Join(near, " or ") + "?"
	} else {
		msg += "; `claviger connectors list` shows them all"
	}
	return &Error{Code: CodeUnknownConnector, Message: msg}
}

func unknownWay(c vault.Connection, catalog *connectors.Catalog) error {
	k, _ := catalog.Lookup(c.Connector)
	message := fmt.Sprintf("connector %s has no auth %q, and needs none to be named", c.Connector, c.Way)
	if len(k.Ways) > 0 {
		var ids []string
		for _, w := range k.Ways {
			ids = append(ids, w.ID)
		}
		message = fmt.Sprintf("connector %s has no auth %q; use %s", c.Connector, c.Way, strings.Join(ids, ", "))
	}
	return &Error{Code: CodeInvalidConnection, Message: message}
}

func notFound(name string) error {
	return &Error{Code: CodeNotFound, Message: fmt.Sprintf(
		"there is no connection %q; `claviger connections list` shows them", name)}
}
