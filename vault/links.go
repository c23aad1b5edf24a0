package vault

import (
	"context"
	"fmt"
	"time"
)

// LinkQuery filters a list of authorization links; zero fields do not filter. The list is in the order of the
// links' IDs, the oldest first.
type LinkQuery struct {
	Project      string
	ConnectionID ConnectionID
	Identifier   string
	Status       LinkStatus
	// Keep, unless it is nil, tells of a link that fits the other fields whether it is wanted.
	Keep func(Link) bool
	PageQuery
}

// Indexes for lists of links. Two links with the same value are in the order of their IDs.
const (
	indexLink       = "link"        // the value is empty
	indexLinkStatus = "link.status" // status/
)

var linkStatuses = []LinkStatus{LinkOpen, LinkStarted, LinkPolled, LinkTaken, LinkChoice, LinkUsed, LinkFailed}

// listEntries are the entries by which a link of that status is listed.
func listEntries(s LinkStatus) []IndexEntry {
	return []IndexEntry{{Index: indexLink}, {Index: indexLinkStatus, Value: string(s) + "/"}}
}

// walk chooses the index with the fewest entries beside the wanted ones.
func (q LinkQuery) walk() walk {
	switch {
	case q.Identifier != "":
		return walk{indexLinkUser, q.Identifier + "/"}
	case q.Status != "":
		return walk{indexLinkStatus, string(q.Status) + "/"}
	}
	return walk{index: indexLink}
}

func (q LinkQuery) wants(l Link) bool {
	return (q.Project == "" || q.Project == l.Project) &&
		(q.ConnectionID == "" || q.ConnectionID == l.ConnectionID) &&
		(q.Identifier == "" || q.Identifier == l.Identifier) &&
		(q.Status == "" || q.Status == l.Status) &&
		(q.Keep == nil || q.Keep(l))
}

// Links lists links, one page at a time, also those that are over, until a day after they expire. An After
// that is not the Next of the same query is [ErrBadCursor].
func (v *Vault) Links(ctx context.Context, q LinkQuery) (Page[Link], error) {
	if q.Identifier != "" && !ValidIdentifier(q.Identifier) {
		return Page[Link]{}, nil
	}
	w := q.walk()
	scan := w.scan(v.store)
	if q.Identifier != "" {
		if _, err := v.changedKeyset(ctx, v.ring.Load()); err != nil { // then the form is another one
			return Page[Link]{}, err
		}
		scan = v.scanUser(w, q.Identifier)
	}
	return list(ctx, w, scan, q.PageQuery, v.openLink, q.wants)
}

// Link returns the link with that ID, whatever its status and expiry.
func (v *Vault) Link(ctx context.Context, id LinkID) (Link, error) {
	if !isID(string(id), linkPrefix) {
		return Link{}, fmt.Errorf("link: %w", ErrNotFound)
	}
	k := linkKey(id)
	r, err := v.store.Get(ctx, k)
	if err != nil {
		return Link{}, missing(k, err)
	}
	return v.openLink(ctx, r)
}

// LeaseLink gives the right to go on with the journey of a link to one holder in the fleet. Who has it reads
// the link again before acting. See [Store].Lease.
func (v *Vault) LeaseLink(ctx context.Context, id LinkID, ttl time.Duration) (release func(), err error) {
	return v.store.Lease(ctx, "link/"+string(id), ttl)
}
