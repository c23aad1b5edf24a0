package consent

// told are the outcomes of links in the words of somebody else than their user: what has happened, and what
// to do.
var told = map[string]message{
	codeLinkExpired: {text: "nobody has consented in time", next: "make a new link"},
	codeRevoked:     {text: "the link was taken back", next: "make a new link if the account is to be connected"},
	codeDenied:      {text: "the user has declined at the provider", next: "make a new link if that was a mistake"},
	codeScopeRefused: {
		text: "the provider does not give the scopes that were asked for",
		next: "check the scopes of the connection, and those of the OAuth client at the provider",
	},
	codeScopesMissing: {
		text: "the user has not granted a scope without which the connector is of no use; what was granted is given back",
		next: "make a new link, and tell the user to leave all boxes ticked",
	},
	codeProviderRefused:     {text: "the provider has ended the request with an error", next: "make a new link; the log says more"},
	codeProviderUnavailable: {text: "the provider did not answer as it should", next: "make a new link in a few minutes"},
	codeRateLimited: {
		text: "the provider limits requests, so that the consent could not be completed; an account that was connected stays as it was",
		next: "make a new link later",
	},
	codeClientRejected: {
		text: "the provider refuses the OAuth client of the connection",
		next: "check client_id, client_secret and params of the connection; the log says more",
	},
	codeIssuer:         {text: "the answer does not come from the connection's provider", next: "make a new link"},
	codeTokenMismatch:  {text: "the answer is not the one to the request that was sent to the provider", next: "make a new link"},
	codeExchangeFailed: {text: "the provider has given no token", next: "make a new link; the log says more"},
	codeIdentityMismatch: {
		text: "the user has signed in at the provider with another account than before; the earlier one stays as it was",
		next: "make a new link, to be used with the same account, or use another identifier",
	},
	codeIdentityUnknown: {
		text: "it is not known at the provider whose account it is, or whose the earlier one was, so they may be two; the earlier one stays as it was",
		next: "make a new link in a few minutes; after an install, an earlier account without an identity has to be removed first",
	},
	codeDisconnected:   {text: "the account was disconnected after the link was made", next: "make a new link if it is to be used"},
	codeSaveFailed:     {text: "the user has consented, and that could not be saved", next: "run `claviger doctor` on the host, then make a new link"},
	codeDiscoverFailed: {text: "the provider did not say what the account has access to", next: "make a new link in a few minutes; the log says more"},
	codeNothingFound: {
		text: "the account has no site or organization at the provider that could be used",
		next: "make a new link, to be used with an account that has one",
	},
	codeSeveralFound: {
		text: "the account has several sites or organizations at the provider, and the user could not be asked which one is meant",
		next: "make a new link that says it, or one for a browser",
	},
	codeNotOffered: {
		text: "the account has no access to what the link says is to be used",
		next: "make a new link that names something else, or none, so that the user is asked",
	},
	codeNotReached: {
		text: "the account has access to more at the provider than is looked through, and what the link says was not found among the first",
		next: "make a new link, to be used with an account that has access to less, or one that names nothing, so that the user is asked",
	},
	codeCredentialRefused: {
		text: "the provider refuses the credential that the user has typed in",
		next: "make a new link, or connect the account with `claviger accounts add`",
	},
	codeCredentialUnfit: {
		text: "what the user has typed in cannot be sent to the provider as it is",
		next: "make a new link, or connect the account with `claviger accounts add`",
	},
	codeTooManyTries: {
		text: "what the user has typed in was tried out at the provider as often as it can be with one link, and never kept",
		next: "make a new link; `claviger connectors show` tells where the values are found",
	},
	codeVault:        {text: "the vault could not be read while the user came back", next: "run `claviger doctor` on the host, then make a new link"},
	codeWrongBrowser: {text: "the journey ended in another browser than it began in", next: "make a new link"},
	codeInstallSeveral: {
		text: "the user had begun to connect here more than once in one browser, and the provider did not say which of them it answered",
		next: "make one new link, and tell the user to close the other tabs",
	},
	codeConnection: {text: "the connection cannot be used", next: "`claviger connections list` tells why"},
}

// Outcome says in words why a link has failed for that code, and what to do next.
func Outcome(code string) (detail, next string) {
	m, ok := told[code]
	if !ok {
		if m, ok = messages[code]; !ok {
			m = told[codeProviderRefused] // an outcome of another version
		}
	}
	p := m.problem(code)
	return p.Detail, p.Next
}
