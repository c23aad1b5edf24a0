package api

import (
	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/vault"
)

var listEvents = About{
	ID: "listEvents", Summary: "List events",
	Text: "The oldest first, as far as they are kept: a week, and `connected_account.token_refreshed` only while a webhook wants it.",
	Params: paged(
		Param{Name: "account", Text: "An account's ID, or `connection/identifier` of one that there is."},
		repeated(oneOf("type", "A type of events.", vault.EventTypes())),
		Param{Name: "since", Text: "A time such as `2026-05-04T12:00:00Z`, or how long ago, such as `90m` or `7d`."}),
	Answers: ok[client.EventPage](), Codes: codes("account_tag_invalid account_not_found connection_not_found"),
}

var getEvent = About{
	ID: "getEvent", Summary: "Get an event", Answers: ok[client.Event](), Codes: codes("record_not_found"),
}
