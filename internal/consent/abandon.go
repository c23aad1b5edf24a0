package consent

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/internal/problem"
	"github.com/claviger-proxy/claviger/vault"
)

const (
	// takenTime is how long after its end a link can still be in somebody's hands.
	takenTime = 2 * time.Minute
	// maxEnded bounds the abandoned links that are ended at the same time.
	maxEnded = 20
)

// endAbandoned ends the links whose users have not chosen in time, and those that whoever was connecting an account
// has left behind. What the provider has given for them is revoked: the link would take it along.
func (t *deviceTender) endAbandoned(ctx context.Context) {
	for _, status := range []vault.LinkStatus{vault.LinkChoice, vault.LinkTaken} {
		q := vault.LinkQuery{Status: status, Keep: t.abandoned, PageQuery: vault.PageQuery{Limit: maxEnded}}
		for ctx.Err() == nil {
			page, err := t.vault.Links(ctx, q)
			if err != nil {
				if ctx.Err() == nil {
					t.log.Warn("looking for abandoned links", zap.Error(err))
				}
				return
			}
			var ending sync.WaitGroup
			for _, l := range page.Items {
				ending.Go(func() { t.endLink(ctx, l) })
			}
			ending.Wait()
			if page.Next == "" {
				break
			}
			q.After = page.Next
		}
	}
}

// abandoned tells whether nobody goes on with a link that waits for a choice, or was taken.
func (f *Flow) abandoned(l vault.Link) bool {
	if l.Status == vault.LinkTaken {
		l.Expires = l.Expires.Add(takenTime)
	}
	return f.expired(l)
}

// endLink ends an abandoned link. Of several at the same time one does, and that is not cancelled with ctx.
func (f *Flow) endLink(ctx context.Context, l vault.Link) {
	if ctx.Err() != nil {
		return
	}
	ctx, cancel := detached(ctx, revokeTime)
	defer cancel()
	switch _, err := f.closeLink(ctx, l, codeLinkExpired); {
	case err == nil:
		f.drop(ctx, l)
	case !errors.Is(err, vault.ErrConflict) && !errors.Is(err, vault.ErrNotFound):
		f.log.Warn("ending an abandoned link", zap.String("link", string(l.ID)), zap.Error(err)) // Tend tries again
	}
}

// Forget ends at their providers the grants that wait for a user's choice, before the links that hold them are erased.
func (f *Flow) Forget(ctx context.Context, identifier string) error {
	q := vault.LinkQuery{Project: vault.DefaultProject, Identifier: identifier, Status: vault.LinkChoice}
	for {
		page, err := f.vault.Links(ctx, q)
		if err != nil {
			return err
		}
		for _, l := range page.Items {
			// One that cannot be closed is being gone on with, and its grant ends when that finds the link erased.
			var refused *problem.Problem
			if _, err := f.Revoke(ctx, l.ID); err != nil && !errors.As(err, &refused) {
				return err
			}
		}
		if page.Next == "" {
			return nil
		}
		q.After = page.Next
	}
}

// EndLinks closes all links that could still connect that user at the connection, before the account is removed: a
// removal is not undone by a link that was made before.
func (f *Flow) EndLinks(ctx context.Context, c vault.ConnectionID, identifier string) error {
	q := vault.LinkQuery{ConnectionID: c, Identifier: identifier, Keep: func(l vault.Link) bool {
		return l.Status != vault.LinkUsed && l.Status != vault.LinkFailed
	}}
	for {
		page, err := f.vault.Links(ctx, q)
		if err != nil {
			return err
		}
		for _, l := range page.Items {
			if err := f.end(ctx, l.ID); err != nil {
				return err
			}
		}
		if page.Next == "" {
			return nil
		}
		q.After = page.Next
	}
}

// end closes a link whatever is being done with it: whoever is just connecting its account finds it closed, and
// gives the grant back.
func (f *Flow) end(ctx context.Context, id vault.LinkID) error {
	for range startTries {
		l, err := f.vault.Link(ctx, id)
		if errors.Is(err, vault.ErrNotFound) || err == nil && (l.Status == vault.LinkUsed || l.Status == vault.LinkFailed) {
			return nil
		}
		if err == nil {
			_, err = f.closeLink(ctx, l, codeRevoked)
		}
		switch {
		case errors.Is(err, vault.ErrConflict):
			continue
		case err != nil:
			return err
		}
		f.drop(ctx, l)
		return nil
	}
	return over(codeBusy)
}
