package broker

import (
	"fmt"
	"time"

	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
)

// Code is the stable name of an [Error].
type Code string

// The codes of the broker.
const (
	CodeRefInvalid        Code = "account_tag_invalid"          // the tag is not of the form of an account
	CodeRefMissing        Code = "account_tag_missing"          // the request names no account
	CodeAmbiguous         Code = "account_ambiguous"            // it names none, and several are possible
	CodeNotFound          Code = "account_not_found"            // there is no such account
	CodeConnection        Code = "connection_unusable"          // the account's connection is gone or not valid
	CodeConsentRequired   Code = "consent_required"             // the user has not consented yet
	CodeExpired           Code = "account_expired"              // the grant is dead: the user must consent again
	CodeDisconnected      Code = "account_disconnected"         // ended on purpose
	CodeUnverified        Code = "account_pending_verification" // the app has not confirmed the user
	CodeNotExposed        Code = "token_not_exposed"            // the connection does not hand tokens out
	CodeBaseUnknown       Code = "base_unknown"                 // the connector has no base of that name
	CodeSlotUnknown       Code = "slot_unknown"                 // the account has no token of that name
	CodeRefreshFailed     Code = "refresh_failed"               // the provider does not answer, or badly; try again
	CodeClientRejected    Code = "oauth_client_rejected"        // the provider refuses the OAuth client
	CodeClientUnknown     Code = "oauth_client_unknown"         // the account was connected with an OAuth client that is not known any more
	CodeVaultUnavailable  Code = "vault_unavailable"            // the vault cannot be read or written
	CodeCredentialDamaged Code = "credential_damaged"           // the stored credential cannot be opened
)

// Error is why there is no credential. It never holds a secret or a provider's words.
type Error struct {
	Code Code
	// Message is one sentence about what happened, Next what to do about it.
	Message string
	Next    string
	// Account, Connection and Identifier are set as far as they are known.
	Account    vault.AccountID
	Connection string
	Identifier string
	// Reason is the account's reason code, or the refresh's.
	Reason string
	// RetryAfter is set when it is worth trying again then.
	RetryAfter time.Duration
	Candidates []Candidate
	err        error
}

// Candidate is one account that a request could have meant.
type Candidate struct {
	Account    vault.AccountID
	Connection string
	Identifier string
}

// unfitError is for an account whose inputs the connector takes no more.
func unfitError(t *Target, err error) error {
	e := &Error{
		Code: CodeConnection, err: err, Message: err.Error(),
		Next: "connect the user again: the connector has changed since",
	}
	return e.at(t)
}

func (e *Error) Error() string { return e.Message }
func (e *Error) Unwrap() error { return e.err }

func vaultError(err error) *Error {
	return &Error{
		Code: CodeVaultUnavailable, Message: "the vault cannot be read or written",
		Next: "run `claviger doctor` on the host", RetryAfter: 5 * time.Second, err: err,
	}
}

// at adds whose account it is about.
func (e *Error) at(t *Target) *Error {
	e.Account, e.Connection, e.Identifier = t.Account, t.Connection.Name, t.Identifier
	return e
}

// statusError says why an account in that status has no credential; nil for ACTIVE.
func statusError(t *Target, s vault.Status, reason string) *Error {
	if s == vault.StatusActive {
		return nil
	}
	connect := fmt.Sprintf("send the user to an authorization link: `claviger connect %s %s`", t.Connection.Name, t.Identifier)
	if !t.Connection.Connector().Mode.NeedsUser() {
		connect = fmt.Sprintf("give the account a good credential: `claviger accounts add %s %s`", t.Connection.Name, t.Identifier)
	}
	var e *Error
	switch s {
	case vault.StatusExpired:
		e = &Error{Code: CodeExpired, Message: "the grant of this account has ended; the user must consent again", Next: connect}
	case vault.StatusDisconnected:
		e = &Error{Code: CodeDisconnected, Message: "this account has been disconnected", Next: connect}
	case vault.StatusPendingVerification:
		e = &Error{Code: CodeUnverified, Message: "this account waits for the app to confirm its user", Next: "finish the verification, or " + connect}
	default:
		e = &Error{Code: CodeConsentRequired, Message: "the user of this account has not consented yet", Next: connect}
	}
	e.Reason = reason
	return e.at(t)
}

// clientUnknown is for an account whose OAuth client is not known any more.
func clientUnknown(t *Target, clientID string) *Error {
	e := &Error{
		Code: CodeClientUnknown, Reason: string(CodeClientUnknown),
		Message: fmt.Sprintf("this account was connected with OAuth client %.200q, which connection %s does not know any more", clientID, t.Connection.Name),
		Next: fmt.Sprintf("put that client back as an earlier one: `claviger %s --earlier --client-id %s`; or connect the user again: `claviger connect %s %s`",
			putBack(t.Connection), clientID, t.Connection.Name, t.Identifier),
	}
	return e.at(t)
}

// putBack is the command that changes the OAuth clients of a connection.
func putBack(c *connection.Connection) string {
	if !c.DefaultApp {
		return "connections update " + c.Name
	}
	if c.Way == "" {
		return "apps update " + c.Connection.Connector
	}
	return "apps update " + c.Connection.Connector + " --auth " + c.Way
}

// earlierClient tells whether that is another OAuth client than the one in use.
func earlierClient(c *connection.Connection, id string) bool {
	return id != "" && c.App.ClientID != "" && id != c.App.ClientID
}

// refreshError translates a failed refresh of a grant that is not dead, which was done with that OAuth client.
func refreshError(t *Target, err *oauth.Error, clientID string) *Error {
	e := &Error{Reason: err.Code, RetryAfter: err.RetryAfter, err: err}
	if err.Class == oauth.ClassOperator {
		e.Code = CodeClientRejected
		e.Message = fmt.Sprintf("the provider refuses the OAuth client of connection %s (%s)", t.Connection.Name, err.Code)
		e.Next = "check client_id and client_secret of the connection; accounts stay as they are"
		switch {
		case earlierClient(t.Connection, clientID):
			e.Message = fmt.Sprintf("the provider refuses OAuth client %.200q (%s), an earlier one of connection %s that this account was connected with", clientID, err.Code, t.Connection.Name)
			e.Next = "give that client a secret that is good, or connect the user again"
		case t.Connection.DefaultApp:
			e.Message = fmt.Sprintf("the provider refuses the OAuth client of the default app of connection %s (%s)", t.Connection.Name, err.Code)
			e.Next = "check client_id and client_secret of the app; accounts stay as they are"
		}
		return e.at(t)
	}
	e.Code = CodeRefreshFailed
	e.Message = fmt.Sprintf("the token has expired and the provider did not give a new one (%s)", err.Code)
	e.Next = "try again later; nothing is lost"
	if e.RetryAfter == 0 {
		e.RetryAfter = cooldown
	}
	return e.at(t)
}
