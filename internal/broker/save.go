package broker

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/vault"
)

const (
	saveTime  = 2 * time.Second // how long those who wait for a token also wait for its save
	saveEvery = 5 * time.Second // after a save that has failed for so long
)

// save writes the new grant, trying again for a while: the old refresh token may be dead already.
// What cannot be saved is kept in memory and served from there; it is tried again until it is saved,
// whether or not anybody asks for it.
func (b *Broker) save(ctx context.Context, t Target, g vault.Grant) (*entry, error) {
	end := time.After(saveTime)
	var epoch uint64
	for wait := 50 * time.Millisecond; ; wait *= 2 {
		epoch = b.shared.cache.now() // before the write, so that a disconnect right after it counts
		a, err := b.vault.ReplaceGrant(ctx, t.Account, g, b.noteSaved(t, g))
		if err == nil {
			b.shared.dropUnsaved(g)
			b.shared.used.noted(t.Account, a.LastUsedAt)
			e := b.entryOf(a, g)
			b.shared.cache.put(e, epoch)
			return e, nil
		}
		if errors.Is(err, vault.ErrConflict) || errors.Is(err, vault.ErrNotFound) {
			var saved bool
			if saved, err = b.holds(ctx, g); err == nil {
				return b.overtaken(ctx, t, g, saved)
			}
		}
		if b.shared.keepUnsaved(g, func() (*entry, error) { return b.flight(t, g.Generation-1, false) }) {
			b.log.Error("a refreshed token cannot be saved; it is kept in memory, and lost if the process ends now",
				zap.String("account", string(t.Account)), zap.Error(err))
		}
		select {
		case <-time.After(wait):
			continue
		case <-end:
		case <-ctx.Done():
		}
		time.AfterFunc(saveEvery, func() { b.shared.again(t.Account) }) // nothing after Drain
		return b.unsavedEntry(t, g, epoch), nil
	}
}

// saveAgain is save for a grant that is unsaved already. While it is, it is not refreshed: its refresh
// token would be spent too.
func (b *Broker) saveAgain(ctx context.Context, t Target, g vault.Grant) (*entry, error) {
	e, err := b.save(ctx, t, g)
	if err == nil && b.shared.isUnsaved(g) && !e.deadAt.IsZero() && !b.now().Before(e.deadAt) {
		return nil, vaultError(vault.ErrUnknown)
	}
	return e, err
}

// noteSaved sets what a refresh changes of the account beside its grant.
func (b *Broker) noteSaved(t Target, g vault.Grant) func(*vault.ConnectedAccount) {
	return func(a *vault.ConnectedAccount) {
		a.LastUsedAt = later(a.LastUsedAt, b.shared.used.last(t.Account))
		a.DueAt = b.dueAt(t.Connection, *a, g)
		if b.shared.pace(t.Connection, b.schedule).sooner(a.DueAt) {
			b.shared.wakeUp()
		}
	}
}

// unsavedEntry is the entry of a grant that is in memory only.
func (b *Broker) unsavedEntry(t Target, g vault.Grant, epoch uint64) *entry {
	a := vault.ConnectedAccount{
		ID: t.Account, ConnectionID: t.Connection.ID, Identifier: t.Identifier, Status: vault.StatusActive,
	}
	return b.shared.cache.put(b.entryOf(a, g), epoch)
}

// holds tells whether the vault has the grant g itself: an earlier write may have been done although
// it was reported as failed.
func (b *Broker) holds(ctx context.Context, g vault.Grant) (bool, error) {
	stored, err := b.vault.Grant(ctx, g.AccountID)
	if errors.Is(err, vault.ErrNotFound) || errors.Is(err, vault.ErrDamaged) {
		return false, nil
	}
	return stored.Generation == g.Generation && stored.Access.Equal(g.Access), err
}

// overtaken looks at an account that the new token g is not, or no longer, to be written to. Unless
// it is saved already, the account has been disconnected, or connected again, meanwhile, and the
// token is of no use to anybody. After a disconnect it is revoked. After a new connection it is only
// dropped: at some providers, Google among them, revoking one token of a user ends the others too.
func (b *Broker) overtaken(ctx context.Context, t Target, g vault.Grant, saved bool) (*entry, error) {
	b.shared.dropUnsaved(g)
	b.shared.cache.remove(t.Account)
	e, err := b.read(ctx, t.Account)
	if !saved && (err != nil || e.status != vault.StatusActive) {
		if _, err := b.revoke(ctx, t.Connection, g); err != nil {
			b.log.Warn("revoking a token that came too late", zap.String("account", string(t.Account)), zap.Error(err))
		}
	}
	return e, err
}
