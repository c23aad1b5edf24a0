package vault

import (
	"context"
	"fmt"
	"time"
)

// Due is an account that has something to do, and since when.
type Due struct {
	ID AccountID
	At time.Time
}

// dueLayout is a time in the index, to the millisecond: as text it is in the order of time until the
// year 9999.
const dueLayout = "20060102T150405.000Z"

func dueTime(t time.Time) string { return t.UTC().Format(dueLayout) + "/" }

// Due lists ACTIVE accounts of a connection, and DISCONNECTED ones that may have a grant still, whose DueAt is neither before from nor after to, at most limit
// of them, the earliest first. Times are to the millisecond.
func (v *Vault) Due(ctx context.Context, c ConnectionID, from, to time.Time, limit int) ([]Due, error) {
	prefix, after := string(c)+"/", Cursor{}
	if !from.IsZero() {
		after.Value = prefix + from.UTC().Format(dueLayout) // a prefix of all entries of that time, and so before them
	}
	var due []Due
	// A scan reads records, so it begins with few: mostly nothing is due.
	for step := 2; len(due) < limit; step *= 4 {
		step = min(step, limit-len(due))
		entries, err := v.store.Scan(ctx, indexAccountDue, prefix, after, step)
		if err != nil {
			return nil, fmt.Errorf("looking for due accounts: %w", err)
		}
		for _, e := range entries {
			at, err := time.Parse(dueLayout+"/", e.Value[len(prefix):])
			if err != nil || at.After(to) {
				return due, nil
			}
			due, after = append(due, Due{ID: AccountID(e.Cursor.ID), At: at}), e.Cursor
		}
		if len(entries) < step {
			break
		}
	}
	return due, nil
}
