package vault

import (
	"bytes"
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
	for after, more := (Key{}), true; more; {
		var batch []walked
		var err error
		if batch, more, err = v.walkSome(ctx, after, verifyRead); err != nil {
			return Verified{}, fmt.Errorf("verifying: %w", err)
		}
		for _, b := range batch {
			if err := w.walked(ctx, b); err != nil {
				return Verified{}, fmt.Errorf("verifying: %w", err)
			}
			after = b.Key
		}
	}
	if c, ok := optional[Checker](v.store); ok {
		if err := c.CheckIndexes(ctx, w.fault); err != nil {
			return Verified{}, fmt.Errorf("verifying: %w", err)
		}
	}
	return w.seen, nil
}

// verifyRead is how many records are read at once.
const verifyRead = 100

// walked is a record as a walk has it.
type walked struct {
	Record
	err error // nil or ErrDamaged
}

// walkSome walks over at most n records, and tells whether there may be more. What the walk finds
// is looked at when it has ended: within it, no other method of the store may be called.
func (v *Vault) walkSome(ctx context.Context, after Key, n int) (found []walked, more bool, err error) {
	for r, err := range v.store.Walk(ctx, after) {
		if err != nil && !errors.Is(err, ErrDamaged) {
			return nil, false, err
		}
		found = append(found, walked{r, err})
		if len(found) == n {
			return found, true, nil
		}
	}
	return found, false, nil
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

func (w *verifier) walked(ctx context.Context, r walked) error {
	err := r.err
	if err == nil {
		err = w.record(ctx, r.Record)
	}
	// Since the walk, the record may have been sealed anew, and its earlier key have been retired.
	for r.err == nil && errors.Is(err, ErrDamaged) {
		now, e := w.v.store.Get(ctx, r.Key)
		if errors.Is(e, ErrNotFound) {
			return nil // gone meanwhile
		}
		if e != nil || bytes.Equal(now.Sealed, r.Sealed) {
			break
		}
		r.Record, err = now, w.record(ctx, now)
	}
	switch {
	case errors.Is(err, ErrDamaged):
		w.fault(r.Key, "it cannot be opened: its bytes were altered, or come from another record or vault")
	case err != nil:
		return err
	default:
		w.seen.Records[r.Kind]++
	}
	return nil
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
	case KindRefresh:
		if err := w.v.open(ctx, r, new(refreshMeta), nil); err != nil {
			return err
		}
		return w.owned(ctx, r.Key, accountKey(AccountID(r.ID)))
	case KindEvent:
		_, err := w.v.openEvent(ctx, r)
		return err
	case KindWebhook:
		_, err := w.v.openWebhook(ctx, r)
		return err
	case KindApp:
		_, err := w.v.openApp(ctx, r)
		return err
	case KindConnector:
		_, err := w.v.openConnector(ctx, r)
		return err
	case KindReply:
		_, _, err := w.v.openReply(ctx, r)
		return err
	case KindDelivery:
		// Its webhook may have been deleted, and the deliveries not yet.
		d, err := w.v.openDelivery(ctx, r)
		if err != nil {
			return err
		}
		return w.owned(ctx, r.Key, eventKey(d.EventID))
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
		if err := w.granted(ctx, a); err != nil {
			return err
		}
	}
	return w.owned(ctx, accountKey(a.ID), connectionKey(a.ConnectionID))
}

// granted looks for the grant of an account that is ACTIVE.
func (w *verifier) granted(ctx context.Context, a ConnectedAccount) error {
	r, err := w.v.store.Get(ctx, grantKey(a.ID))
	if err == nil {
		var g Grant
		if g, err = w.v.openGrant(ctx, r); err == nil && g.Generation == a.Generation {
			return nil
		}
	}
	if errors.Is(err, ErrDamaged) {
		return nil // the walk has it
	}
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	now, err := w.v.Account(ctx, a.ID)
	if err == nil && now.Version == a.Version {
		w.fault(accountKey(a.ID), "it is ACTIVE and has no grant of its generation; connect its user again")
	}
	return nil
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
