package vault

import (
	"context"
	"errors"
	"fmt"
)

// Forgotten is what [Vault.Forget] has removed.
type Forgotten struct {
	Accounts []AccountID
	Links    int
	// Erased tells that nothing of it is left in the store's files. It is false for a store that
	// cannot tell.
	Erased bool
}

// maxForget bounds how often Forget looks again whether something has come meanwhile.
const maxForget = 10

// Forget deletes everything that is stored about the user of that identifier: accounts with their
// grants, and authorization links. Then it removes what is left of it in the store's files. It
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
	return true, e.Compact(ctx)
}

type forgetter struct {
	v                   *Vault
	project, identifier string
	forms               []string
	deleted             []Record
	done                Forgotten
}

func (f *forgetter) run(ctx context.Context) error {
	names, err := f.v.ring.Load().sealer.Names(identifierPurpose, f.identifier)
	if err != nil {
		return err
	}
	f.forms = []string{f.identifier}
	for _, name := range names {
		f.forms = append(f.forms, sealedForm+name)
	}
	for range maxForget {
		n := len(f.deleted)
		for _, form := range f.forms {
			if err := f.walk(ctx, walk{indexAccountUser, form + "/"}, f.account); err != nil {
				return err
			}
			if err := f.walk(ctx, walk{indexLinkUser, form + "/"}, f.link); err != nil {
				return err
			}
		}
		if len(f.deleted) == n {
			break
		}
	}
	e, ok := optional[Eraser](f.v.store)
	if !ok || len(f.deleted) == 0 {
		f.done.Erased = ok
		return nil
	}
	if err := e.Erase(ctx, f.deleted...); err != nil {
		return err
	}
	f.done.Erased = true
	return nil
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

// account deletes an account and its grant. A damaged one goes too: the index says whose it is.
func (f *forgetter) account(ctx context.Context, r Record) error {
	a, err := f.v.openAccount(ctx, r)
	if err == nil && a.Project != f.project {
		return nil
	}
	if err != nil && !errors.Is(err, ErrDamaged) {
		return err
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
	f.deleted = append(f.deleted, r, Record{Key: grantKey(id)})
	f.done.Accounts = append(f.done.Accounts, id)
	return nil
}

func (f *forgetter) link(ctx context.Context, r Record) error {
	l, err := f.v.openLink(ctx, r)
	if err == nil && l.Project != f.project {
		return nil
	}
	if err != nil && !errors.Is(err, ErrDamaged) {
		return err
	}
	for range maxAttempts {
		now, err := f.v.version(ctx, r.Key)
		if err != nil || now == 0 {
			return err
		}
		err = f.v.store.Apply(ctx, Change{Record: Record{Key: r.Key, Version: now}, Delete: true})
		if errors.Is(err, ErrConflict) {
			continue
		}
		if err != nil {
			return err
		}
		for _, form := range f.forms {
			r.Indexes = append(r.Indexes, IndexEntry{Index: indexLinkUser, Value: form + "/"})
		}
		f.deleted = append(f.deleted, r)
		f.done.Links++
		return nil
	}
	return missing(r.Key, ErrConflict)
}
