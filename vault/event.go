package vault

import (
	"context"
	"slices"
	"time"
)

// EventType names what has happened.
type EventType string

// The values of [EventType].
const (
	EventCreated       EventType = "connected_account.created"
	EventUpdated       EventType = "connected_account.updated"        // identity, scopes or what the app has noted
	EventStatusUpdated EventType = "connected_account.status_updated" // OldStatus is the one before
	EventDeleted       EventType = "connected_account.deleted"
	EventLinkGenerated EventType = "connected_account.link_generated"
	// EventOAuthSucceeded: a consent is complete.
	EventOAuthSucceeded EventType = "connected_account.oauth_succeeded"
	// EventTokenRefreshed is only kept while a webhook wants it: it is by far the most frequent one.
	EventTokenRefreshed       EventType = "connected_account.token_refreshed"
	EventTokenRefreshFailed   EventType = "connected_account.token_refresh_failed"
	EventRefreshTokenExpiring EventType = "connected_account.refresh_token_expiring"
	// EventTokenFetched: an access token was handed out.
	EventTokenFetched EventType = "connected_account.token_fetched"
)

var eventTypes = []EventType{
	EventCreated, EventUpdated, EventStatusUpdated, EventDeleted, EventLinkGenerated, EventOAuthSucceeded,
	EventTokenRefreshed, EventTokenRefreshFailed, EventRefreshTokenExpiring, EventTokenFetched,
}

// EventTypes returns all types of events, in the order of their constants.
func EventTypes() []EventType { return slices.Clone(eventTypes) }

// frequentTypes are those that a webhook gets only if it names them.
var frequentTypes = []EventType{EventTokenRefreshed, EventTokenFetched}

// Event is a change that others may want to know of. It holds no secret.
type Event struct {
	ID   EventID
	Type EventType
	At   time.Time

	Project      string
	AccountID    AccountID
	ConnectionID ConnectionID
	Connector    string
	Identifier   string
	// Status is the account's after the change, OldStatus the one before where that is the change.
	Status    Status
	OldStatus Status
	// Reason is a code that says why, Class the class of a failed refresh.
	Reason string
	Class  string
	// LinkID is the authorization link's, where there is one.
	LinkID LinkID
	// Expires is when what the event warns of expires.
	Expires time.Time
}

// about fills in what an event says of its account.
func (e Event) about(a ConnectedAccount) Event {
	e.Project, e.AccountID, e.ConnectionID = a.Project, a.ID, a.ConnectionID
	e.Connector, e.Identifier, e.Status = a.Connector, a.Identifier, a.Status
	return e
}

// record is write for changes that are events, which are kept in the same write and told of after
// it. What build returns as events must say of what account they are.
func (v *Vault) record(ctx context.Context, build func(*ring) ([]Change, []Event, error)) error {
	var events []Event
	err := v.write(ctx, func(r *ring) (changes []Change, err error) {
		if changes, events, err = build(r); err != nil {
			return nil, err
		}
		now := v.now()
		for i := range events {
			events[i].ID, events[i].At = EventID(v.ids.next(eventPrefix, now)), now
		}
		kept, err := v.keep(ctx, r, events)
		return append(changes, kept...), err
	})
	if err == nil && v.notify != nil {
		for _, e := range events {
			v.notify(e)
		}
	}
	return err
}
