package api

import (
	"maps"
	"slices"

	"github.com/claviger-proxy/claviger/client"
)

// The filters of lists of what belongs to a user.
var (
	connectionFilter = Param{Name: "connection", Text: "A connection's name."}
	identifierFilter = Param{Name: "identifier", Text: "The app's name for its user.", Pattern: identifierPattern}
)

var listLinks = About{
	ID: "listLinks", Summary: "List authorization links",
	Text: "In the order of their creation. A link is kept for a day after it has expired.",
	Params: paged(connectionFilter, identifierFilter,
		oneOf("status", "How the link stands.", slices.Sorted(maps.Keys(linkStatuses)))),
	Answers: ok[client.Page[client.LinkState]](), Codes: codes("connection_not_found"),
}

var createLink = About{
	ID: "createLink", Summary: "Create an authorization link",
	Text: "Send the user's browser to its `url`, once. With `device` there is no `url`: show the user `user_code` and `verification_uri`.",
	Body: of[client.NewLink](),
	Answers: secret("`url`, `user_code` and `verification_uri_complete`: whoever has one of them can connect an account for the user.",
		made[client.Link]()),
	Codes: codes("callback_not_configured connection_not_found connection_invalid connection_unusable connector_not_found account_inputs_invalid " +
		"identifier_invalid scopes_invalid return_url_not_allowed return_state_invalid choice_invalid device_not_offered " +
		"too_many_devices provider_unavailable provider_rate_limited oauth_client_rejected exchange_failed"),
}

var getLink = About{
	ID: "getLink", Summary: "Get how an authorization link stands", Text: "Neither the link's URL nor any code is in the answer.",
	Answers: ok[client.LinkState](), Codes: codes("link_not_found"),
}

var revokeLink = About{
	ID: "revokeLink", Summary: "Close an authorization link",
	Text:    "Nobody can use it any more. Its status is `failed` then, with the code `link_revoked`.",
	Answers: gone(), Codes: codes("link_not_found link_used link_closed link_busy"),
}
