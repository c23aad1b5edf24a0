package api

import "github.com/claviger-proxy/claviger/client"

var listConnections = About{
	ID: "listConnections", Summary: "List connections", Text: "In the order of their names.",
	Params: paged(), Answers: ok[client.Page[client.Connection]](),
}

var createConnection = About{
	ID: "createConnection", Summary: "Create a connection",
	Text: "It can be used at once. Register its `redirect_uri` at the provider, exactly as it is.",
	Body: of[client.NewConnection](), Answers: made[client.Connection](),
	Codes: codes("connection_exists connection_name_invalid connection_invalid connector_not_found client_secret_empty"),
}

var getConnection = About{
	ID: "getConnection", Summary: "Get a connection",
	Answers: ok[client.Connection](), Codes: codes("connection_not_found"),
}

var changeConnection = About{
	ID: "updateConnection", Summary: "Change the OAuth clients of a connection",
	Text: "What is absent stays. Only connections that were made through the API can be changed.",
	Body: of[client.ConnectionChange](), Answers: done[client.Connection](),
	Codes: codes("connection_not_found connection_read_only connection_invalid oauth_client_invalid oauth_clients_full " +
		"client_secret_empty"),
}

var deleteConnection = About{
	ID: "deleteConnection", Summary: "Delete a connection",
	Text:    "Only one that was made through the API, or is broken, and has no accounts.",
	Answers: gone(), Codes: codes("connection_not_found connection_read_only connection_has_accounts"),
}

var forced = flag("force", "It is done even if accounts are lost by it.")

var forgetClient = About{
	ID: "forgetConnectionClient", Summary: "Forget an earlier OAuth client of a connection",
	Text:   "Refused as long as there are accounts that were connected with it, unless it is forced.",
	Params: []Param{forced}, Answers: done[client.Connection](),
	Codes: codes("connection_not_found connection_read_only oauth_client_not_found oauth_client_in_use"),
}
