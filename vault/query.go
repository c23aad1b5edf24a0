package vault

import (
	"context"
	"fmt"
)

// AccountQuery filters a list of accounts; zero fields do not filter. At most one index is walked:
// Identifier with ConnectionID is exact, else the list is in the order of the accounts' IDs.
type AccountQuery struct {
	Project      string
	ConnectionID ConnectionID
	Connector    string
	Identifier   string
	Status       Status
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
}

// Indexes of accounts. Two accounts with the same value are in the order of their IDs.
const (
	indexAccount           = "account"                   // the value is empty
	indexAccountIdentifier = "account.identifier"        // connection ID/identifier, unique
	indexAccountUser       = "account.user"              // identifier/
	indexAccountConnection = "account.connection"        // connection ID/
	indexAccountStanding   = "account.connection.status" // connection ID/status/
	indexAccountConnector  = "account.connector"         // connector/
	indexAccountStatus     = "account.status"            // status/
)

func accountIndexes(a ConnectedAccount) []IndexEntry {
	connection, status := string(a.ConnectionID)+"/", string(a.Status)+"/"
	return []IndexEntry{
		{Index: indexAccount},
		{Index: indexAccountIdentifier, Value: connection + a.Identifier, Unique: true},
		{Index: indexAccountUser, Value: a.Identifier + "/"},
		{Index: indexAccountConnection, Value: connection},
		{Index: indexAccountStanding, Value: connection + status},
		{Index: indexAccountConnector, Value: a.Connector + "/"},
		{Index: indexAccountStatus, Value: status},
	}
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
		(q.Status == "" || q.Status == a.Status)
}

// Accounts lists accounts, one page at a time, never scanning more than it returns by much. An
// After that is not the Next of the same query is [ErrBadCursor].
func (v *Vault) Accounts(ctx context.Context, q AccountQuery) (Page[ConnectedAccount], error) {
	if q.Identifier != "" && !ValidIdentifier(q.Identifier) {
		return Page[ConnectedAccount]{}, nil
	}
	return list(ctx, v, q.walk(), q.PageQuery, v.openAccount, q.wants)
}

// CountAccounts counts accounts by status, for health and metrics. It opens no record where the
// store is a [Counter].
func (v *Vault) CountAccounts(ctx context.Context) (map[Status]int, error) {
	counts := make(map[Status]int, len(statuses))
	for _, s := range statuses {
		n, err := count(ctx, v.store, walk{indexAccountStatus, string(s) + "/"})
		if err != nil {
			return nil, fmt.Errorf("counting accounts: %w", err)
		}
		counts[s] = n
	}
	return counts, nil
}

func count(ctx context.Context, store Store, w walk) (int, error) {
	if c, ok := store.(Counter); ok {
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
