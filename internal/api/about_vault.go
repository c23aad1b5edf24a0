package api

import (
	"net/http"

	"github.com/claviger-proxy/claviger/client"
)

var getVault = About{
	ID: "getVault", Summary: "Get the vault's size and keys", Text: "The keys themselves never leave the server.",
	Answers: ok[client.Vault](),
}

var addKey = About{
	ID: "addKey", Summary: "Add a key", Text: "Nothing is sealed under it until it is promoted.",
	Answers: []Answer{{Status: http.StatusCreated, Type: of[client.VaultKey](), Text: "The new key."}},
	Codes:   codes("keyset_full"),
}

var promoteKey = About{
	ID: "promoteKey", Summary: "Make a key the primary one", Text: "Everything begins to be sealed anew.",
	Answers: done[client.Vault](), Codes: codes("key_unknown"),
}

var retireKey = About{
	ID: "retireKey", Summary: "Delete a key that nothing is sealed under",
	Text:    "Every record is read first, one such request after the other. It may take minutes.",
	Answers: done[client.Vault](), Codes: codes("key_unknown key_in_use"),
}

var rotateKey = About{
	ID: "rotateKey", Summary: "Add a key and make it the primary one", Text: "Everything begins to be sealed anew.",
	Answers: done[client.Vault](), Codes: codes("keyset_full"),
}

var rekey = About{
	ID: "rekeyVault", Summary: "Encrypt the vault's keys by the active key-encryption key",
	Answers: done[client.Rekeyed](),
}

var resumeReseal = About{
	ID: "resumeReseal", Summary: "Go on with sealing everything anew", Text: "After a pause too. It does not wait for the end.",
	Answers: done[client.Vault](),
}

var pauseReseal = About{
	ID: "pauseReseal", Summary: "Stop sealing everything anew", Text: "Until it is resumed.",
	Answers: done[client.Vault](),
}

var backup = About{
	ID: "backupVault", Summary: "Take a backup of the vault",
	Answers: []Answer{{
		Status: http.StatusOK, Media: []string{"application/octet-stream"},
		Text: "The backup, whose secrets are sealed. It has a trailer, `" + trailerRecords + "` and `" + trailerLeftOut + "`: how many records " +
			"it has, and how many could not be read. Without the trailer it is not whole.",
	}},
}

var verify = About{
	ID: "verifyVault", Summary: "Open every record and look whether they fit together",
	Text:    "It takes as long as the caller waits; of several requests, one is served after the other. Faults are no error.",
	Answers: done[client.Verification](),
}

var compact = About{
	ID: "compactVault", Summary: "Remove what is left of deleted records", Text: "From the vault's files. It may take minutes.",
	Answers: done[client.Compacted](),
}

var forgetUser = About{
	ID: "forgetUser", Summary: "Forget a user",
	Text: "Ends every grant of the user at its provider, and deletes all that the vault has of the user, at all connections. Nobody of " +
		"that name is no error.",
	Body: of[client.ForgetRequest](), Answers: done[client.Forgotten](),
}
