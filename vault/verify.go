package vault

import (
	"context"
	"errors"
	"fmt"
)

// Fault is what is wrong with one record.
type Fault struct {
	Key
	Problem string
}

// Verified is what [Vault.Verify] has seen.
type Verified struct {
	// Records counts those that were opened, by kind.
	Records map[Kind]int
	// Faults counts what was reported.
	Faults int
}

// Verify opens every record and calls report for each one that is damaged, or that does not fit to
// the others: an account without its grant, a record that an index does not lead to. It reads
// everything, in flat memory, beside all other work; what is changed meanwhile is no fault.
func (v *Vault) Verify(ctx context.Context, report func(Fault)) (Verified, error) {
	w := &verifier{v: v, report: report, seen: Verified{Records: map[Kind]int{}}}
	for r, err := range v.store.Walk(ctx, Key{}) {
		if err == nil {
			err = w.record(ctx, r)
		}
		switch {
		case errors.Is(err, ErrDamaged):
			w.fault(r.Key, "it cannot be opened: its bytes were altered, or come from another record or vault")
		case err != nil:
			return w.seen, fmt.Errorf("verifying: %w", err)
		default:
			w.seen.Records[r.Kind]++
		}
	}
	if c, ok := optional[Checker](v.store); ok {
		if err := c.CheckIndexes(ctx, w.fault); err != nil {
			return w.seen, fmt.Errorf("verifying: %w", err)
		}
	}
	return w.seen, nil
}

type verifier struct {
	v      *Vault
	report func(Fault)
	seen   Verified
}

func (w *verifier) fault(k Key, problem string) {
	w.seen.Faults++
	w.report(Fault{Key: k, Problem: problem})
}

// record opens one record. An error that is not ErrDamaged ends it all.
func (w *verifier) record(ctx context.Context, r Record) error {
	switch r.Kind {
	case KindConnection:
		_, err := w.v.openConnection(ctx, r)
		return err
	case KindAccount:
		a, err := w.v.openAccount(ctx, r)
		if err != nil {
			return err
		}
		return w.account(ctx, a)
	case KindGrant:
		_, err := w.v.openGrant(ctx, r)
		if err != nil {
			return err
		}
		return w.owned(ctx, r.Key, accountKey(AccountID(r.ID)))
	case KindLink:
		_, err := w.v.openLink(ctx, r)
		return err
	case KindMeta:
		return w.meta(ctx, r)
	}
	w.fault(r.Key, "it is of a kind that this program does not know")
	return nil
}

func (w *verifier) meta(ctx context.Context, r Record) error {
	switch r.Key {
	case keysetKey:
		_, err := openKeyset(ctx, r, w.v.keys())
		return err
	case resealKey:
		return w.v.open(ctx, r, new(resealMeta), nil)
	}
	w.fault(r.Key, "it is of a kind that this program does not know")
	return nil
}

// account looks for what an account must have beside it.
func (w *verifier) account(ctx context.Context, a ConnectedAccount) error {
	if a.Status == StatusActive {
		_, err := w.v.Grant(ctx, a.ID)
		if errors.Is(err, ErrNotFound) || errors.Is(err, ErrDamaged) {
			now, e := w.v.Account(ctx, a.ID)
			if e == nil && now.Version == a.Version {
				w.fault(accountKey(a.ID), "it is ACTIVE and has no grant of its generation; connect its user again")
			}
		} else if err != nil {
			return err
		}
	}
	return w.owned(ctx, accountKey(a.ID), connectionKey(a.ConnectionID))
}

// owned looks for the record that another one belongs to.
func (w *verifier) owned(ctx context.Context, k, owner Key) error {
	_, err := w.v.store.Get(ctx, owner)
	if !errors.Is(err, ErrNotFound) {
		if errors.Is(err, ErrDamaged) {
			return nil // the walk has it
		}
		return err
	}
	if _, err := w.v.store.Get(ctx, k); err != nil {
		return nil // gone meanwhile
	}
	w.fault(k, fmt.Sprintf("the %s that it belongs to, %s, is missing", owner.Kind, owner.ID))
	return nil
}
