package vault

import (
	"crypto/rand"
	"strings"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"
)

// IDs of records: a prefix and the 26 characters of a ULID, so that they sort by the time of
// their creation. They are never reused.
type (
	ConnectionID string // conn_…
	AccountID    string // ca_…
	LinkID       string // lnk_…
	EventID      string // evt_…
	WebhookID    string // whk_…
	DeliveryID   string // dlv_…
	AppID        string // app_…
	ConnectorID  string // ctr_…
)

const (
	connectionPrefix = "conn_"
	accountPrefix    = "ca_"
	linkPrefix       = "lnk_"
	eventPrefix      = "evt_"
	webhookPrefix    = "whk_"
	deliveryPrefix   = "dlv_"
	appPrefix        = "app_"
	connectorPrefix  = "ctr_"
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

// NewWebhookID returns a fresh ID.
func NewWebhookID() WebhookID { return WebhookID(newID(webhookPrefix)) }

// NewAppID returns a fresh ID.
func NewAppID() AppID { return AppID(newID(appPrefix)) }

// NewConnectorID returns a fresh ID.
func NewConnectorID() ConnectorID { return ConnectorID(newID(connectorPrefix)) }

// IsAccountID tells whether s has the form of an account's ID. Case matters.
func IsAccountID(s string) bool { return isID(s, accountPrefix) }

// IsConnectionID tells whether s has the form of a connection's ID.
func IsConnectionID(s string) bool { return isID(s, connectionPrefix) }

// IsWebhookID tells whether s has the form of a webhook's ID. Case matters.
func IsWebhookID(s string) bool { return isID(s, webhookPrefix) }

// IsAppID tells whether s has the form of an app's ID. Case matters.
func IsAppID(s string) bool { return isID(s, appPrefix) }

// IsConnectorID tells whether s has the form of a connector's ID. Case matters.
func IsConnectorID(s string) bool { return isID(s, connectorPrefix) }

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

// idSource makes IDs of which each is greater than the one before, also within a millisecond, so that
// they sort in the order in which things have happened.
type idSource struct {
	mu   sync.Mutex
	last ulid.ULID
}

// maxAhead is how many milliseconds the last ID may be ahead of the clock. After a clock that was put
// back by more, IDs begin anew.
const maxAhead = 1000

func (s *idSource) next(prefix string, at time.Time) string {
	id := ulid.MustNew(milliseconds(at), rand.Reader)
	s.mu.Lock()
	defer s.mu.Unlock()
	if last := s.last.Time(); last >= id.Time() && last-id.Time() <= maxAhead {
		id = s.last
		for i := len(id) - 1; i >= 0; i-- {
			if id[i]++; id[i] != 0 {
				break
			}
		}
	}
	s.last = id
	return prefix + id.String()
}

// firstID is before all IDs of that time, and after those of earlier ones.
func firstID(prefix string, at time.Time) string {
	var id ulid.ULID
	_ = id.SetTime(milliseconds(at)) // it is never too great
	return prefix + id.String()
}

// milliseconds is a time as an ID can hold it.
func milliseconds(t time.Time) uint64 {
	return uint64(min(max(t.UnixMilli(), 0), int64(ulid.MaxTime())))
}
