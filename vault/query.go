package vault

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// AccountQuery filters a list of accounts; zero fields do not filter. At most one index is walked:
// Identifier with ConnectionID is exact, else the list is in the order of the accounts' IDs.
type AccountQuery struct {
	Project      string
	ConnectionID ConnectionID
	Connector    string
	Identifier   string
	Status       Status
	// Labels are those that an account must have, with these values.
	Labels map[string]string
	// ExpiresBefore is for accounts whose grant is known to end before that time: what their user consented
	// to then needs a new consent. A grant that is refreshed for ever has no end.
	ExpiresBefore time.Time
	PageQuery
}

// PageQuery asks for one page of a list.
type PageQuery struct {
	// Limit is the size of the page: 50 when zero, at most 200.
	Limit int
	// After is the Next of the page before; empty for the first.
	After string
}

// Page is one page of a list.
type Page[T any] struct {
	Items []T
	// Next is empty on the last page. A filtered page may have fewer items than its limit, even
	// none, and a Next.
	Next string
	// Damaged are the IDs of records that belong to this page, or might, and cannot be opened.
	Damaged []string
}

// Indexes of accounts. Two accounts with the same value are in the order of their IDs.
const (
	indexAccount           = "account"                   // the value is empty
	indexAccountIdentifier = "account.identifier"        // connection ID/form of the identifier, unique
	indexAccountUser       = "account.user"              // form of the identifier/
	indexAccountConnection = "account.connection"        // connection ID/
	indexAccountStanding   = "account.connection.status" // connection ID/status/
	indexAccountConnector  = "account.connector"         // connector/
	indexAccountStatus     = "account.status"            // status/
	indexAccountDue        = "account.due"               // connection ID/time/; ACTIVE ones, and DISCONNECTED ones with a grant
)

// accountIndexes are the entries of a, whose identifier is in the given form.
func accountIndexes(a ConnectedAccount, identifier string) []IndexEntry {
	connection, status := string(a.ConnectionID)+"/", string(a.Status)+"/"
	entries := []IndexEntry{
		{Index: indexAccount},
		{Index: indexAccountIdentifier, Value: connection + identifier, Unique: true},
		{Index: indexAccountUser, Value: identifier + "/"},
		{Index: indexAccountConnection, Value: connection},
		{Index: indexAccountStanding, Value: connection + status},
		{Index: indexAccountConnector, Value: a.Connector + "/"},
		{Index: indexAccountStatus, Value: status},
	}
	if (a.Status == StatusActive || a.Status == StatusDisconnected) && !a.DueAt.IsZero() {
		entries = append(entries, IndexEntry{Index: indexAccountDue, Value: connection + dueTime(a.DueAt)})
	}
	return entries
}

// walk chooses the index with the fewest entries beside the wanted ones. All of them are in the
// order of the accounts' IDs.
func (q AccountQuery) walk() walk {
	connection, status := string(q.ConnectionID)+"/", string(q.Status)+"/"
	switch {
	case q.Identifier != "":
		return walk{indexAccountUser, q.Identifier + "/"}
	case q.ConnectionID != "" && q.Status != "":
		return walk{indexAccountStanding, connection + status}
	case q.ConnectionID != "":
		return walk{indexAccountConnection, connection}
	case q.Status != "" && q.Status != StatusActive:
		return walk{indexAccountStatus, status}
	case q.Connector != "":
		return walk{indexAccountConnector, q.Connector + "/"}
	case q.Status != "":
		return walk{indexAccountStatus, status}
	}
	return walk{index: indexAccount}
}

func (q AccountQuery) wants(a ConnectedAccount) bool {
	return (q.Project == "" || q.Project == a.Project) &&
		(q.ConnectionID == "" || q.ConnectionID == a.ConnectionID) &&
		(q.Connector == "" || q.Connector == a.Connector) &&
		(q.Identifier == "" || q.Identifier == a.Identifier) &&
		(q.Status == "" || q.Status == a.Status) &&
		a.holds(q.Labels) &&
		(q.ExpiresBefore.IsZero() || !a.RefreshExpiresAt.IsZero() && a.RefreshExpiresAt.Before(q.ExpiresBefore))
}

// Accounts lists accounts, one page at a time, never scanning more than it returns by much. An
// After that is not the Next of the same query is [ErrBadCursor].
func (v *Vault) Accounts(ctx context.Context, q AccountQuery) (Page[ConnectedAccount], error) {
	if q.Identifier != "" && !ValidIdentifier(q.Identifier) {
		return Page[ConnectedAccount]{}, nil
	}
	w := q.walk()
	scan := w.scan(v.store)
	if q.Identifier != "" {
		if _, err := v.changedKeyset(ctx, v.ring.Load()); err != nil { // then the form is another one
			return Page[ConnectedAccount]{}, err
		}
		scan = v.scanUser(w, q.Identifier)
	}
	return list(ctx, w, scan, q.PageQuery, v.openAccount, q.wants)
}

// scanUser scans a user's accounts in whatever forms the identifier may have, as if all were in
// the walk w, so that a cursor stays good while records are sealed anew.
func (v *Vault) scanUser(w walk, identifier string) scanner {
	return func(ctx context.Context, after Cursor, limit int) ([]Entry, error) {
		for {
			seen := v.ring.Load()
			entries, err := v.scanForms(ctx, seen, w, identifier, after.ID, limit)
			if err != nil || v.ring.Load() == seen {
				return entries, err
			}
		}
	}
}

func (v *Vault) scanForms(ctx context.Context, seen *ring, w walk, identifier, afterID string, limit int) ([]Entry, error) {
	forms, err := seen.forms(identifier)
	if err != nil {
		return nil, err
	}
	var all []Entry
	// The present form comes last: that is where re-sealing brings what it finds in the others.
	for _, form := range slices.Backward(forms) {
		prefix, after := form+"/", Cursor{}
		if afterID != "" {
			after = Cursor{Value: prefix, ID: afterID}
		}
		entries, err := v.store.Scan(ctx, w.index, prefix, after, limit)
		if err != nil {
			return nil, err
		}
		all = append(all, entries...)
	}
	slices.SortStableFunc(all, func(a, b Entry) int { return strings.Compare(a.Cursor.ID, b.Cursor.ID) })
	all = slices.CompactFunc(all, func(a, b Entry) bool { return a.Cursor.ID == b.Cursor.ID })
	for i := range all {
		all[i].Cursor.Value = w.prefix
	}
	return all[:min(limit, len(all))], nil
}

// CountAccounts counts accounts by status, for health and metrics. It opens no record where the
// store is a [Counter]. In a large vault the answer may be some seconds old.
func (v *Vault) CountAccounts(ctx context.Context) (map[Status]int, error) {
	found, err := v.counts.get(func() (map[Status]int, error) {
		found := make(map[Status]int, len(statuses))
		for _, s := range statuses {
			n, err := count(ctx, v.store, walk{indexAccountStatus, string(s) + "/"})
			if err != nil {
				return nil, fmt.Errorf("counting accounts: %w", err)
			}
			found[s] = n
		}
		return found, nil
	})
	return maps.Clone(found), err
}

func count(ctx context.Context, store Store, w walk) (int, error) {
	if c, ok := optional[Counter](store); ok {
		return c.Count(ctx, w.index, w.prefix)
	}
	n, after := 0, Cursor{}
	for {
		entries, err := store.Scan(ctx, w.index, w.prefix, after, maxLimit)
		if err != nil {
			return 0, err
		}
		n += len(entries)
		if len(entries) < maxLimit {
			return n, nil
		}
		after = entries[len(entries)-1].Cursor
	}
}

// Measure tells how large the store is. ok is false when the store cannot tell. In a large vault the
// answer may be some seconds old.
func (v *Vault) Measure(ctx context.Context) (s Size, ok bool, err error) {
	m, ok := optional[Measurer](v.store)
	if !ok {
		return Size{}, false, nil
	}
	s, err = v.size.get(func() (Size, error) { return m.Measure(ctx) })
	s.Records = maps.Clone(s.Records)
	return s, true, err
}
