package vault

import (
	"crypto/rand"
	"strings"

	"github.com/oklog/ulid/v2"
)

// IDs of records: a prefix and the 26 characters of a ULID, so that they sort by the time of
// their creation. They are never reused.
type (
	ConnectionID string // conn_…
	AccountID    string // ca_…
	LinkID       string // lnk_…
)

const (
	connectionPrefix = "conn_"
	accountPrefix    = "ca_"
	linkPrefix       = "lnk_"
)

func newID(prefix string) string {
	return prefix + ulid.MustNew(ulid.Now(), rand.Reader).String()
}

// NewConnectionID returns a fresh ID.
func NewConnectionID() ConnectionID { return ConnectionID(newID(connectionPrefix)) }

// NewAccountID returns a fresh ID.
func NewAccountID() AccountID { return AccountID(newID(accountPrefix)) }

// NewLinkID returns a fresh ID.
func NewLinkID() LinkID { return LinkID(newID(linkPrefix)) }

// IsAccountID tells whether s has the form of an account's ID. Case matters.
func IsAccountID(s string) bool { return isID(s, accountPrefix) }

// IsConnectionID tells whether s has the form of a connection's ID.
func IsConnectionID(s string) bool { return isID(s, connectionPrefix) }

func isID(s, prefix string) bool {
	rest, ok := strings.CutPrefix(s, prefix)
	if !ok || len(rest) != ulid.EncodedSize {
		return false
	}
	for i := 0; i < len(rest); i++ {
		if !strings.ContainsRune(ulid.Encoding, rune(rest[i])) {
			return false
		}
	}
	return true
}
