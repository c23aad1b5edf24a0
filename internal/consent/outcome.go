package consent

import (
	"net/http"

	"github.com/claviger-proxy/claviger/internal/problem"
)

// Codes of refused requests, of callbacks and of failed links. They are stable.
const (
	codeIdentifierInvalid = "identifier_invalid"
	codeAppStateInvalid   = "return_state_invalid"
	codeScopesInvalid     = "scopes_invalid"
	codeReturnURL         = "return_url_not_allowed"
	codeChoiceInvalid     = "choice_invalid"

	codeNoCallback        = "callback_not_configured"
	codeConsentNeeded     = "authorization_link_required"
	codeCredentialRefused = "credential_refused"
	codeCredentialUnfit   = "credential_unfit"

	codeLinkUnknown = "link_not_found"
	codeLinkExpired = "link_expired"
	codeLinkUsed    = "link_used"
	codeLinkClosed  = "link_closed"
	codeBusy        = "link_busy"
	codeOrigin      = "origin_refused"
	codeRevoked     = "link_revoked"

	codeNoDevice    = "device_not_offered"
	codeDevicesFull = "too_many_devices"

	codeCallbackInvalid = "callback_invalid"
	codeStateUnknown    = "state_unknown"
	codeWrongBrowser    = "wrong_browser"
	codeAlreadyDone     = "already_done"
	codeInstallUnasked  = "install_not_begun_here"
	codeInstallSeveral  = "install_ambiguous"

	codeConnected           = "connected"
	codeDenied              = "access_denied"
	codeScopeRefused        = "scope_refused"
	codeProviderRefused     = "provider_refused"
	codeProviderUnavailable = "provider_unavailable"
	codeRateLimited         = "provider_rate_limited"
	codeClientRejected      = "oauth_client_rejected"
	codeIssuer              = "issuer_mismatch"
	codeExchangeFailed      = "exchange_failed"
	codeIdentityMismatch    = "identity_mismatch"
	codeIdentityUnknown     = "identity_unconfirmed"
	codeDisconnected        = "account_disconnected"
	codeSaveFailed          = "save_failed"
	codeScopesMissing       = "scopes_missing"
	codeDiscoverFailed      = "discovery_failed"
	codeNothingFound        = "nothing_to_use"
	codeSeveralFound        = "choice_needed"
	codeNotOffered          = "choice_not_offered"
	codeNotReached          = "choice_not_reached"
	codeTokenMismatch       = "token_mismatch"

	codeConnection    = "connection_unusable"
	codeVault         = "vault_unavailable"
	codeNothingHere   = "page_not_found"
	codeNoConnection  = "callback_unknown"
	codeWrongHost     = "callback_host"
	codeMethod        = "method_not_allowed"
	codeNothingToShow = "nothing_to_show"

	codeNothingOffered = "nothing_to_choose"

	codeNothingToFill = "nothing_to_fill_in"
	codeFormInvalid   = "form_invalid"
	codeTooManyTries  = "too_many_tries"
)

// message is what a code means to the person who reads it. In its texts {app}, {App} where a sentence
// begins, {provider}, {callback} and {host} stand for what they are called.
type message struct {
	status            int
	title, text, next string
}

const newLink = "Go back to {app} and ask for a new link."

// messages has one for every code. They are ours: a provider's words are never shown.
var messages = map[string]message{
	codeIdentifierInvalid: {
		http.StatusBadRequest, "Identifier not valid", "the identifier is not valid",
		"use 1 to 200 letters, digits and ._@+=:|~- that begin with a letter or a digit",
	},
	codeAppStateInvalid: {
		http.StatusBadRequest, "State not valid", "the state to hand back is not valid",
		"use at most 512 printable ASCII characters",
	},
	codeScopesInvalid: {
		http.StatusBadRequest, "Scopes not valid", "a scope is not valid",
		"use at most 100 scopes without spaces, quotes and backslashes",
	},
	codeReturnURL: {
		http.StatusBadRequest, "Return URL not allowed", "the return URL is not one of the allowed ones",
		"add its origin to return_urls, or leave it out",
	},
	codeChoiceInvalid: {
		http.StatusBadRequest, "Choice not valid", "the choice is not one that the connector has",
		"leave it out to be told the items, with their names and IDs, or to have the user asked",
	},
	codeNoCallback: {
		http.StatusConflict, "No callback", "authorization links need a callback, and none is configured",
		"add `callback https://accounts.example.com/oauth/callback` to the claviger block of the Caddyfile, with a site that has claviger_consent",
	},
	codeConsentNeeded: {
		http.StatusConflict, "Consent needed", "accounts of this connection need their user's consent",
		"make an authorization link for the user: `claviger connect CONNECTION IDENTIFIER`",
	},
	codeCredentialRefused: {
		http.StatusUnprocessableEntity, "Not connected",
		"{provider} does not accept what you typed in. Nothing was connected.", newLink,
	},
	codeCredentialUnfit: {
		http.StatusUnprocessableEntity, "Not connected",
		"What you typed in cannot be used as it is. Nothing was connected.", newLink,
	},

	codeLinkUnknown: {
		http.StatusNotFound, "This link does not exist",
		"It may have been cut off on its way to you, or it is too old.", newLink,
	},
	codeLinkExpired: {
		http.StatusGone, "This link has expired",
		"Links work for a short time only, so that nobody else can use them.", newLink,
	},
	codeLinkUsed: {
		http.StatusGone, "This link has been used",
		"Each link works once.", "If your account is not connected yet, go back to {app} and ask for a new link.",
	},
	codeLinkClosed: {
		http.StatusGone, "This link is closed",
		"It was opened before, and the account was not connected.", newLink,
	},
	codeBusy: {
		http.StatusConflict, "Just opened elsewhere",
		"The same link was opened twice at the same moment.", "Go back and press the button again.",
	},
	codeOrigin: {
		http.StatusForbidden, "Please open the link itself",
		"Another page tried to press the button for you.", "Open the link that you were given, and press the button there.",
	},

	codeRevoked: {
		http.StatusGone, "This link was taken back",
		"{App} has taken it back. Nothing was connected.", newLink,
	},

	codeNoDevice: {
		http.StatusConflict, "No device code", "users of this connection cannot consent on another machine",
		"make an authorization link: `claviger connect CONNECTION IDENTIFIER`",
	},
	codeDevicesFull: {
		http.StatusServiceUnavailable, "Please wait a moment",
		"Too many people are connecting an account right now.", "Go back, and press the button again in a minute.",
	},

	codeCallbackInvalid: {
		http.StatusBadRequest, "That answer cannot be read",
		"The page you came from sent something that is not a complete answer. Nothing was connected.", newLink,
	},
	codeStateUnknown: {
		http.StatusBadRequest, "This answer belongs to nothing",
		"It is not, or no longer, awaited here. If you opened the link a second time, finish in the newer tab. Nothing was connected.", newLink,
	},
	codeWrongBrowser: {
		http.StatusForbidden, "Please finish in the same browser",
		"You began in another browser, or cookies are blocked. Nothing was connected, and the link is closed now.",
		"Ask for a new link, and open it in the browser you will finish in.",
	},
	codeAlreadyDone: {
		http.StatusConflict, "Already taken care of",
		"This answer has been received before.", "You can close this page and go back to {app}.",
	},

	codeInstallUnasked: {
		http.StatusBadRequest, "Please connect {provider} from {app}",
		"You come from {provider}, but nothing that was begun in this browser in the last 15 minutes waits for that. Nothing was connected.",
		"Go to {app}, and connect {provider} from there.",
	},
	codeInstallSeveral: {
		http.StatusConflict, "It cannot be told which one this is",
		"You have begun to connect {provider} more than once in this browser, and {provider} does not say which of them this answers. Nothing was connected, and all of them are closed now.",
		"Close the other tabs, then go back to {app} and ask for one new link.",
	},

	codeConnected: {
		http.StatusOK, "You are connected",
		"{App} can now use your {provider} account.", "You can close this page.",
	},
	codeDenied: {
		http.StatusForbidden, "Not connected",
		"You declined at {provider}, so nothing was connected.", "If that was a mistake, go back to {app} and ask for a new link.",
	},
	codeScopeRefused: {
		http.StatusBadGateway, "Not connected",
		"{provider} does not give the permissions that were asked for.", "Please tell the people behind {app}.",
	},
	codeScopesMissing: {
		http.StatusForbidden, "Something is missing",
		"You did not grant all of the permissions without which {app} cannot work, so nothing was connected.",
		"Open a new link from {app}, and leave all boxes ticked.",
	},
	codeProviderRefused: {
		http.StatusBadGateway, "Not connected",
		"{provider} ended the request with an error.", newLink,
	},
	codeProviderUnavailable: {
		http.StatusBadGateway, "{provider} does not answer",
		"Your consent could not be completed because {provider} has a problem right now.", "Try again in a few minutes with a new link from {app}.",
	},
	codeRateLimited: {
		http.StatusServiceUnavailable, "{provider} is busy",
		"Your consent could not be completed because {provider} takes no more requests from {app} for now. Nothing was connected.",
		"Try again later with a new link from {app}.",
	},
	codeClientRejected: {
		http.StatusBadGateway, "Not connected",
		"{provider} does not accept the way {app} is set up there.", "Please tell the people behind {app}.",
	},
	codeIssuer: {
		http.StatusBadRequest, "Not connected",
		"The answer does not come from {provider}.", newLink,
	},
	codeExchangeFailed: {
		http.StatusBadGateway, "Not connected",
		"{provider} refused to complete your consent.", newLink,
	},
	codeIdentityMismatch: {
		http.StatusConflict, "That is a different account",
		"You signed in at {provider} as somebody else than last time. The earlier account stays as it was, and the new access is not kept.",
		"Sign out at {provider}, then ask {app} for a new link and use the same account.",
	},
	codeIdentityUnknown: {
		http.StatusBadGateway, "Not connected",
		"It cannot be known whose account at {provider} this is, or whether it is the same one as before. Nothing was connected, and an earlier account stays as it was.",
		"Try again in a few minutes with a new link from {app}. If it stays so, please tell the people behind {app}.",
	},
	codeDisconnected: {
		http.StatusConflict, "Disconnected meanwhile",
		"The account was disconnected after this link was made. Nothing was connected.", newLink,
	},
	codeDiscoverFailed: {
		http.StatusBadGateway, "Not connected",
		"{provider} did not say what your account has access to there. Nothing was connected.", "Please try again in a while.",
	},
	codeNothingFound: {
		http.StatusConflict, "Nothing to use there",
		"Your account at {provider} has no site or organization that {app} could work with. Nothing was connected.",
		"Sign in at {provider} with the account that has one, and open the link again.",
	},
	codeSeveralFound: {
		http.StatusConflict, "More than one to choose from",
		"Your account at {provider} has several sites or organizations, and none was chosen. Nothing was connected.", newLink,
	},
	codeNotOffered: {
		http.StatusConflict, "Not among your choices",
		"What was chosen is nothing that your account at {provider} has access to. It was not connected.",
		"Go back and choose again, or sign in at {provider} with another account.",
	},
	codeNotReached: {
		http.StatusConflict, "Not found among your choices",
		"Your account at {provider} has access to more than could be looked through, and what {app} asks for was not among the first. Nothing was connected.",
		"Sign in at {provider} with an account that has access to less, or tell the people behind {app}.",
	},
	codeTokenMismatch: {
		http.StatusBadRequest, "Not connected",
		"The answer is not the one to the request that was sent to {provider}. Nothing was connected.", newLink,
	},
	codeNothingOffered: {
		http.StatusNotFound, "Nothing to choose here",
		"There is no choice that this browser could make.", "Finish in the browser that you began in, or ask {app} for a new link.",
	},
	codeNothingToFill: {
		http.StatusNotFound, "Nothing to fill in here",
		"Nothing that was begun in this browser waits for that. You began in another one, or cookies are blocked.",
		"Open the link again, in the browser that you will finish in.",
	},
	codeFormInvalid: {
		http.StatusBadRequest, "That cannot be read",
		"What was sent is not what the form asks for, or too much of it. Nothing was connected.", "Go back, and fill in the form again.",
	},
	codeTooManyTries: {
		http.StatusTooManyRequests, "Tried too often",
		"What was typed in has been tried out at {provider} as often as it can be with one link. Nothing was connected.",
		"Find out what is wrong, then go back to {app} and ask for a new link.",
	},
	codeSaveFailed: {
		http.StatusServiceUnavailable, "Not connected",
		"You did everything right, but your consent could not be saved here. Nothing was connected.",
		"Try again in a few minutes with a new link from {app}.",
	},

	codeConnection: {
		http.StatusServiceUnavailable, "Not set up",
		"The connection to {provider} cannot be used at the moment.", "Please tell the people behind {app}.",
	},
	codeVault: {
		http.StatusServiceUnavailable, "Not available right now",
		"We cannot look this up at the moment. Nothing was connected.", "Try again in a few minutes.",
	},
	codeNothingHere: {http.StatusNotFound, "Nothing here", "There is no page at this address.", newLink},
	codeNoConnection: {
		http.StatusNotFound, "Not a callback URL",
		"No connection has this callback URL.",
		"In the app's registration at the provider, the redirect URI must be exactly {callback}/ and the connection's name.",
	},
	codeWrongHost: {
		http.StatusMisdirectedRequest, "Not the configured address",
		"This page was opened at {host}. The configured callback is {callback}.",
		"In the app's registration at the provider, the redirect URI must be exactly {callback}/ and the connection's name.",
	},
	codeMethod:        {http.StatusMethodNotAllowed, "That does not work here", "This page cannot be asked in this way.", newLink},
	codeNothingToShow: {http.StatusOK, "Done", "There is nothing more to do on this page.", "You can close it and go back to {app}."},
}

// refusal is the error of a request that is refused.
func refusal(code string) *problem.Problem { return messages[code].problem(code) }

func (m message) problem(code string) *problem.Problem {
	return &problem.Problem{Status: m.status, Code: code, Title: plain.Replace(m.title), Detail: plain.Replace(m.text), Next: plain.Replace(m.next)}
}
