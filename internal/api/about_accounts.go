package api

import (
	"net/http"

	"github.com/claviger-proxy/claviger/client"
)

var listAccounts = About{
	ID: "listAccounts", Summary: "List connected accounts", Text: "In the order of their creation.",
	Params: paged(connectionFilter, Param{Name: "connector", Text: "A connector's name."}, identifierFilter,
		oneOf("status", "The account's status.", statuses),
		repeated(Param{Name: "label", Text: "A label, as `name=value`, that accounts must have.", Pattern: `^[a-z0-9][a-z0-9._/-]{0,62}=`}),
		Param{Name: "expiring_within", Text: "How long from now, such as `36h` or `7d`: accounts whose grant is known to end by then, so that " +
			"their users must consent again."}),
	Answers: ok[client.Page[client.Account]](), Codes: codes("connection_not_found connector_not_found"),
}

var createAccount = About{
	ID: "createAccount", Summary: "Connect an account without a browser",
	Text: "For a credential such as an API key, which is tried out first, as far as the connector says how. An account that exists " +
		"gets another credential, and keeps its ID.",
	Body: of[client.NewAccount](), Answers: tagged(made[client.Account]()),
	Codes: codes("choice_needed choice_invalid choice_not_offered choice_not_reached nothing_to_use discovery_failed account_inputs_invalid " +
		"credential_refused credential_unfit authorization_link_required connection_not_found connection_invalid connection_unusable connector_not_found " +
		"identifier_invalid provider_unavailable provider_rate_limited oauth_client_rejected exchange_failed identity_mismatch identity_unconfirmed save_failed"),
}

var getAccount = About{
	ID: "getAccount", Summary: "Get a connected account",
	Answers: tagged(ok[client.Account]()), Codes: codes("account_not_found account_tag_invalid"),
}

var ensureAccount = About{
	ID: "ensureAccount", Summary: "Get a connected account, or make it",
	Text: "If there is none, it is made, as `PENDING_AUTH`. Any number of requests, also at the same time, make one account. The body is what " +
		"a new one has; it changes none that is there.",
	Body: of[client.PendingAccount](), MayBeBare: true,
	Answers: tagged(append(made[client.Account](),
		Answer{Status: http.StatusOK, Type: of[client.Account](), Text: "There is one already."})),
	Codes: codes("connection_not_found connection_invalid connector_not_found"),
}

var changeAccount = About{
	ID: "updateAccount", Summary: "Change what the app keeps with an account",
	Text: "Labels and metadata are sealed, and lists are filtered by labels. What is absent stays, and `null` removes.",
	Params: []Param{{Name: "If-Match", Header: true, Text: "The `ETag` of an earlier answer: the change is made only if the account is as it was. " +
		"Each refresh changes it, too."}},
	Body: of[client.AccountChange](), Answers: tagged(done[client.Account]()),
	Codes: codes("account_not_found account_tag_invalid precondition_failed"),
}

var removeAccount = About{
	ID: "deleteAccount", Summary: "Disconnect an account, and delete its record",
	Text: "It is disconnected, and gone then. Its ID is not used again. Links that could still connect the user at that connection are closed; " +
		"events of the account stay.",
	Answers: done[client.Disconnection](), Codes: codes("account_not_found account_tag_invalid link_busy"),
}

var disconnectAccount = About{
	ID: "disconnectAccount", Summary: "Disconnect an account",
	Text: "Stops its use at once, revokes its grant at the provider where that is possible, and deletes its tokens. The record stays, " +
		"as `DISCONNECTED`.",
	Answers: done[client.Disconnection](), Codes: codes("account_not_found account_tag_invalid"),
}

var checkAccount = About{
	ID: "checkAccount", Summary: "Check an account's credential",
	Text: "Asks the provider whether it takes the credential, which is refreshed for that if need be. When it is refused, and a new " +
		"one too, the account becomes `EXPIRED`.",
	Answers: done[client.AccountCheck](), Codes: codes("account_not_found account_tag_invalid connection_unusable"),
}

// unusable are the codes of an account that has no credential at the moment.
const unusable = "account_expired account_disconnected consent_required account_pending_verification refresh_failed " +
	"oauth_client_rejected oauth_client_unknown connection_unusable"

var refreshAccount = About{
	ID: "refreshAccount", Summary: "Refresh an account's token",
	Text:    "Whether or not it is time to. A refresh that is under way is waited for, and is enough.",
	Answers: done[client.AccountRefresh](), Codes: codes("account_not_found account_tag_invalid " + unusable),
}

var getToken = About{
	ID: "getAccountToken", Summary: "Hand out an account's access token",
	Text: "Refreshed if need be, where the account's connection has `expose_tokens`. It is for apps that cannot send a request through " +
		"the proxy. Each time is logged, and an event. The refresh token is never handed out.",
	Answers: secret("`access_token`: whoever has it can act for the user until it expires.", ok[client.Token]()),
	Codes:   codes("token_not_exposed account_not_found " + unusable),
}

var importAccounts = About{
	ID: "importAccounts", Summary: "Take over accounts with their tokens",
	Text: "From another installation or product. Tokens go in and never come out. Each account has an outcome of its own; an error " +
		"means that the server could not go on, and those before are taken over all the same.",
	Body: of[client.Import](), Answers: done[client.Imported](),
}
