package api

import (
	"net/http"

	"github.com/claviger-proxy/claviger/client"
)

var listConnections = About{
	ID: "listConnections", Summary: "List connections", Text: "In the order of their names.",
	Params: paged(), Answers: ok[client.Page[client.Connection]](),
}

var createConnection = About{
	ID: "createConnection", Summary: "Create a connection",
	Text: "It can be used at once. Register its `redirect_uri` at the provider, exactly as it is; where the connector has a `register_url`, " +
		"the server registers a client itself for a connection that brings none.",
	Body: of[client.NewConnection](), Answers: made[client.Connection](),
	Codes: codes("connection_exists connection_name_invalid connection_invalid connector_not_found client_secret_empty " +
		"client_registration_failed callback_missing"),
}

var getConnection = About{
	ID: "getConnection", Summary: "Get a connection",
	Answers: ok[client.Connection](), Codes: codes("connection_not_found"),
}

var changeConnection = About{
	ID: "updateConnection", Summary: "Change the OAuth clients or secrets of a connection",
	Text: "What is absent stays. Only connections that were made through the API can be changed.",
	Body: of[client.ConnectionChange](), Answers: done[client.Connection](),
	Codes: codes("connection_not_found connection_read_only connection_invalid connector_not_found oauth_client_invalid oauth_clients_full " +
		"client_secret_empty"),
}

var deleteConnection = About{
	ID: "deleteConnection", Summary: "Delete a connection",
	Text: "Only one that was made through the API, or is broken, and has no accounts. Clients that the server has registered for it are " +
		"deleted at the provider.",
	Params: []Param{flag("keep_clients", "They are left at the provider.")},
	Answers: append(gone(),
		Answer{Status: http.StatusOK, Type: of[client.RemovedConnection](), Text: "It is gone; this is what has come of its clients."}),
	Codes: codes("connection_not_found connection_read_only connection_has_accounts"),
}

var registerClient = About{
	ID: "registerConnectionClient", Summary: "Bring the registration of a connection's OAuth client up to date",
	Text: "Such as its redirect URI. Where the provider does not let it be changed, or where the server has not registered it, another client is " +
		"registered; the one before becomes an earlier one, and accounts go on with it.",
	Params: []Param{flag("new", "Another client is registered in any case.")}, Answers: done[client.RegisteredConnection](),
	Codes: codes("connection_not_found connection_read_only connection_invalid connector_not_found client_registration_failed client_registration_unsupported " +
		"callback_missing oauth_clients_full"),
}

var forced = flag("force", "It is done even if accounts are lost by it.")

var forgetClient = About{
	ID: "forgetConnectionClient", Summary: "Forget an earlier OAuth client of a connection",
	Text:   "Refused as long as there are accounts that were connected with it, unless it is forced.",
	Params: []Param{forced}, Answers: done[client.Connection](),
	Codes: codes("connection_not_found connection_read_only connection_invalid connector_not_found oauth_client_not_found oauth_client_in_use"),
}
