package vault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Forgotten is what [Vault.Forget] has removed.
type Forgotten struct {
	Accounts []AccountID
	Links    int
	Events   int
	// Erased tells that nothing of it is left in the store's files. It is false when there was
	// nothing to remove, and for a store that cannot tell. What was deleted before, or has expired,
	// may be left until [Vault.Compact].
	Erased bool
}

// maxForget bounds how often Forget looks again whether something has come meanwhile.
const maxForget = 10

// Forget deletes everything that is stored about the user of that identifier: accounts with their
// grants, authorization links, events with their deliveries, those of this deletion among them, and all
// answers that are kept for callers, because nobody knows whom they are about. Then it removes what is left of it in the store's files. It
// does not ask the provider to end the grants, which must be done before. Nobody of that name is
// no error.
func (v *Vault) Forget(ctx context.Context, project, identifier string) (Forgotten, error) {
	if !ValidIdentifier(identifier) {
		return Forgotten{}, fmt.Errorf("account identifier: %w", ErrInvalid)
	}
	f := &forgetter{v: v, project: projectOr(project), identifier: identifier}
	if err := f.run(ctx); err != nil {
		return f.done, fmt.Errorf("forgetting a user: %w", err)
	}
	return f.done, nil
}

// Compact removes what is left in the store's files of everything that was deleted or replaced. It
// tells whether the store can do that.
func (v *Vault) Compact(ctx context.Context) (bool, error) {
	e, ok := optional[Eraser](v.store)
	if !ok {
		return false, nil
	}
	start := time.Now()
	err := e.Compact(ctx)
	v.observe("compact", start, err)
	return true, err
}

type forgetter struct {
	v                   *Vault
	project, identifier string
	forms               []string
	deleted             []Record
	done                Forgotten
}

func (f *forgetter) run(ctx context.Context) error {
	for range maxForget {
		seen, n := f.v.ring.Load(), len(f.deleted)
		if err := f.pass(ctx, seen); err != nil {
			return err
		}
		changed, err := f.v.changedKeyset(ctx, seen)
		if err != nil {
			return err
		}
		if len(f.deleted) == n && !changed {
			break
		}
	}
	e, ok := optional[Eraser](f.v.store)
	if !ok || len(f.deleted) == 0 {
		return nil
	}
	start := time.Now()
	err := e.Erase(ctx, f.deleted...)
	f.v.observe("erase", start, err)
	if err != nil {
		return err
	}
	f.done.Erased = true
	return nil
}

// pass looks for the user in all forms, the present one last: that is where re-sealing brings what
// is in another one.
func (f *forgetter) pass(ctx context.Context, seen *ring) (err error) {
	if f.forms, err = seen.allForms(f.identifier); err != nil {
		return err
	}
	for _, form := range slices.Backward(f.forms) {
		if err := f.walk(ctx, walk{indexAccountUser, form + "/"}, f.account); err != nil {
			return err
		}
		if err := f.walk(ctx, walk{indexLinkUser, form + "/"}, f.link); err != nil {
			return err
		}
		if err := f.walk(ctx, walk{indexEventUser, form + "/"}, f.event); err != nil {
			return err
		}
	}
	return f.walk(ctx, walk{index: indexReply}, f.reply)
}

func (f *forgetter) reply(ctx context.Context, r Record) error {
	r.Indexes = append(r.Indexes, IndexEntry{Index: indexReply})
	_, err := f.delete(ctx, r)
	return err
}

func (f *forgetter) walk(ctx context.Context, w walk, forget func(context.Context, Record) error) error {
	after := Cursor{}
	for {
		entries, err := f.v.store.Scan(ctx, w.index, w.prefix, after, maxLimit)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := forget(ctx, e.Record); err != nil {
				return err
			}
			after = e.Cursor
		}
		if len(entries) < maxLimit {
			return nil
		}
	}
}

// account deletes an account and its grant. A damaged one goes too: the index says whose it is, and
// its clear part of what project.
func (f *forgetter) account(ctx context.Context, r Record) error {
	a, err := f.v.openAccount(ctx, r)
	if errors.Is(err, ErrDamaged) {
		m := accountMeta{Project: f.project}
		_ = json.Unmarshal(r.Meta, &m)
		a, err = ConnectedAccount(m), nil
		a.Identifier = f.identifier
	}
	if err != nil {
		return err
	}
	if a.Project != f.project || a.Identifier != f.identifier {
		return nil
	}
	id := AccountID(r.ID)
	if err := f.v.DeleteAccount(ctx, id); err != nil {
		return err
	}
	for _, form := range f.forms {
		r.Indexes = append(r.Indexes, accountIndexes(a, form)...)
	}
	for _, s := range statuses {
		a.Status = s
		r.Indexes = append(r.Indexes, accountIndexes(a, f.forms[0])...)
	}
	f.deleted = append(f.deleted, r, Record{Key: grantKey(id)}, Record{Key: refreshKey(id)})
	f.done.Accounts = append(f.done.Accounts, id)
	return nil
}

func (f *forgetter) link(ctx context.Context, r Record) error {
	l, err := f.v.openLink(ctx, r)
	if errors.Is(err, ErrDamaged) {
		m := linkMeta{Project: f.project}
		_ = json.Unmarshal(r.Meta, &m)
		l, err = Link(m), nil
		l.Identifier = f.identifier
	}
	if err != nil {
		return err
	}
	if l.Project != f.project || l.Identifier != f.identifier {
		return nil
	}
	for _, form := range f.forms {
		r.Indexes = append(r.Indexes, IndexEntry{Index: indexLinkUser, Value: form + "/"})
	}
	for _, status := range linkStatuses {
		r.Indexes = append(r.Indexes, listEntries(status)...)
	}
	r.Indexes = append(r.Indexes, l.openEntry())
	gone, err := f.delete(ctx, r)
	if gone {
		f.done.Links++
	}
	return err
}

// event deletes an event and its deliveries. For a damaged one the same is true as for an account.
func (f *forgetter) event(ctx context.Context, r Record) error {
	e, err := f.v.openEvent(ctx, r)
	if errors.Is(err, ErrDamaged) {
		m := eventMeta{Project: f.project}
		_ = json.Unmarshal(r.Meta, &m)
		e, err = Event(m), nil
		e.Identifier = f.identifier
	}
	if err != nil {
		return err
	}
	if e.Project != f.project || e.Identifier != f.identifier {
		return nil
	}
	deliveries := func() error {
		deleted, err := f.v.deleteDeliveries(ctx, walk{indexDeliveryEvent, r.ID + "/"})
		f.deleted = append(f.deleted, deleted...)
		return err
	}
	if err := deliveries(); err != nil {
		return err
	}
	for _, form := range f.forms {
		r.Indexes = append(r.Indexes, eventIndexes(e, form)...)
	}
	gone, err := f.delete(ctx, r)
	if gone {
		f.done.Events++
		return deliveries() // one may have been made by a replay
	}
	return err
}

// delete deletes a record, whatever its version, and tells whether it was there.
func (f *forgetter) delete(ctx context.Context, r Record) (bool, error) {
	for range maxAttempts {
		now, err := f.v.version(ctx, r.Key)
		if err != nil || now == 0 {
			return false, err
		}
		err = f.v.store.Apply(ctx, Change{Record: Record{Key: r.Key, Version: now}, Delete: true})
		if errors.Is(err, ErrConflict) {
			continue
		}
		if err != nil {
			return false, err
		}
		f.deleted = append(f.deleted, r)
		return true, nil
	}
	return false, missing(r.Key, ErrConflict)
}
