package broker

import (
	"context"
	"errors"

	"github.com/claviger-proxy/claviger/vault"
)

// Forgotten is the outcome of [Broker.ForgetUser].
type Forgotten struct {
	// Accounts are the user's accounts, and whether the provider has ended each grant.
	Accounts []Disconnection
	// Removed are the accounts that were deleted. It has more than Accounts when one could not be
	// opened, and so not be ended at its provider.
	Removed []vault.AccountID
	Links   int
	// Erased tells that nothing of it is left in the vault's files.
	Erased bool
}

// Remove disconnects an account, as [Broker.Disconnect] does, and deletes its record. Its ID is not used
// again.
func (b *Broker) Remove(ctx context.Context, id vault.AccountID) (Disconnection, error) {
	for range maxRemove {
		d, err := b.Disconnect(ctx, id)
		if err != nil {
			return d, err
		}
		// Whoever connects it meanwhile has a grant that is to be ended first.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), refreshTime)
		err = b.removeDisconnected(ctx, id)
		cancel()
		if !errors.Is(err, vault.ErrConflict) {
			return d, err
		}
	}
	return Disconnection{}, vaultError(vault.ErrConflict)
}

// maxRemove bounds how often an account is disconnected that is connected again at once.
const maxRemove = 5

func (b *Broker) removeDisconnected(ctx context.Context, id vault.AccountID) error {
	a, err := b.vault.Account(ctx, id)
	switch {
	case errors.Is(err, vault.ErrNotFound):
		return nil // somebody else has removed it meanwhile
	case err != nil:
		return vaultError(err)
	case a.Status != vault.StatusDisconnected:
		return vault.ErrConflict
	}
	err = b.vault.DeleteAccountVersion(ctx, id, a.Version)
	if err != nil && !errors.Is(err, vault.ErrConflict) {
		return vaultError(err)
	}
	b.shared.forget(id)
	return err
}

// ForgetUser ends every grant of a user at its provider, and deletes all that the vault has of
// him: accounts, grants and authorization links, at all connections. What a provider refuses to
// end is deleted here all the same. A grant that has no account yet, as its user has to choose first, is
// consent's to end. Nobody of that name is no error.
func (b *Broker) ForgetUser(ctx context.Context, identifier string) (Forgotten, error) {
	var f Forgotten
	q := vault.AccountQuery{Project: vault.DefaultProject, Identifier: identifier}
	for {
		page, err := b.vault.Accounts(ctx, q)
		if err != nil {
			return f, vaultError(err)
		}
		for _, a := range page.Items {
			d, err := b.Disconnect(ctx, a.ID)
			if errors.Is(err, vault.ErrNotFound) {
				continue // somebody else has forgotten the user meanwhile
			}
			if err != nil {
				return f, err
			}
			f.Accounts = append(f.Accounts, d)
		}
		if page.Next == "" {
			break
		}
		q.After = page.Next
	}
	done, err := b.vault.Forget(ctx, vault.DefaultProject, identifier)
	for _, id := range done.Accounts {
		b.shared.forget(id)
	}
	f.Removed, f.Links, f.Erased = done.Accounts, done.Links, done.Erased
	if err != nil {
		return f, vaultError(err)
	}
	return f, nil
}
