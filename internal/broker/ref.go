package broker

import (
	"strings"

	"github.com/claviger-proxy/claviger/vault"
)

// Ref is how a request names an account: by ID, or by connection and identifier.
type Ref struct {
	Account    vault.AccountID
	Connection string
	Identifier string
}

// ParseRef reads the tag of a request: ca_… or connection/identifier. Anything else, lists and
// quoted strings among it, is CodeRefInvalid. It does not allocate when it succeeds.
func ParseRef(s string) (Ref, error) {
	if vault.IsAccountID(s) {
		return Ref{Account: vault.AccountID(s)}, nil
	}
	name, identifier, ok := strings.Cut(s, "/")
	if !ok || !vault.ValidName(name) || !vault.ValidIdentifier(identifier) {
		return Ref{}, &Error{
			Code:    CodeRefInvalid,
			Message: "the account's tag is not valid",
			Next:    "send exactly one tag: an account's ID (ca_…) or connection/identifier, such as gmail/user_123",
		}
	}
	return Ref{Connection: name, Identifier: identifier}, nil
}

// IsZero tells whether the request named no account.
func (r Ref) IsZero() bool { return r == Ref{} }

func (r Ref) String() string {
	if r.Account != "" {
		return string(r.Account)
	}
	return r.Connection + "/" + r.Identifier
}
