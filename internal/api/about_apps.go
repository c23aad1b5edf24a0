package api

import "github.com/claviger-proxy/claviger/client"

var wayOfApp = Param{Name: "auth", Text: "The connector's way that the app is for; the standard one without it."}

var listApps = About{
	ID: "listApps", Summary: "List default apps", Text: "In the order of their connectors, those of the configuration among them.",
	Params: paged(), Answers: ok[client.Page[client.App]](),
}

var createApp = About{
	ID: "createApp", Summary: "Create a default app", Text: "Connections that have waited for it can be used at once.",
	Body: of[client.NewApp](), Answers: made[client.App](),
	Codes: codes("app_exists app_invalid connection_invalid connector_not_found client_secret_empty"),
}

var getApp = About{
	ID: "getApp", Summary: "Get a default app", Params: []Param{wayOfApp},
	Answers: ok[client.App](), Codes: codes("app_not_found"),
}

var changeApp = About{
	ID: "updateApp", Summary: "Change a default app",
	Text:   "What is absent stays. Its connections use it as it is then at once. An app always has a client.",
	Params: []Param{wayOfApp}, Body: of[client.AppChange](), Answers: done[client.App](),
	Codes: codes("app_not_found app_read_only app_invalid connection_invalid connector_not_found oauth_client_invalid oauth_clients_full " +
		"client_secret_empty connector_breaks_accounts"),
}

var deleteApp = About{
	ID: "deleteApp", Summary: "Delete a default app",
	Text:   "Refused as long as connections use it or accounts were connected with one of its clients, unless it is forced: these connections are broken then.",
	Params: []Param{wayOfApp, forced}, Answers: gone(),
	Codes: codes("app_not_found app_read_only app_in_use oauth_client_in_use"),
}

var forgetAppClient = About{
	ID: "forgetAppClient", Summary: "Forget an earlier OAuth client of an app",
	Text:   "Refused as long as there are accounts that were connected with it, unless it is forced.",
	Params: []Param{wayOfApp, forced}, Answers: done[client.App](),
	Codes: codes("app_not_found app_read_only connection_invalid connector_not_found oauth_client_not_found oauth_client_in_use"),
}
