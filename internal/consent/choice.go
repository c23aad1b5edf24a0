package consent

import (
	"context"
	"errors"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/internal/problem"
	"github.com/claviger-proxy/claviger/vault"
)

// Choice is what a user has chosen on the page of a link.
type Choice struct {
	Link vault.LinkID
	// Browser is what the browser holds for the link; see [Flow.Proof].
	Browser Proof
	// Entry is the number of the question, so that an answer to an earlier one is not taken for this one's.
	Entry int
	// Item is the ID of the item.
	Item string
}

// Choose goes on with a journey whose user has to choose. A choice that no journey waits for is
// a *[problem.Problem], as is one that was not offered, which leaves the journey as it is. Of several choices at
// the same time one counts. The work is not cancelled with ctx.
func (f *Flow) Choose(ctx context.Context, c Choice) (Result, error) {
	ctx, cancel := detached(ctx, completeTime)
	defer cancel()
	j, offered, err := f.offered(ctx, c.Link, c.Browser)
	if err != nil {
		return Result{}, err
	}
	i := slices.IndexFunc(offered.Items, func(one item) bool { return one.ID == c.Item })
	switch {
	case offered.Entry != c.Entry:
		return Result{}, refusal(codeAlreadyDone)
	case i < 0:
		return Result{}, refusal(codeNotOffered)
	}
	j.stateless = offered.Stateless
	g := offered.Grant.grant(j.link.Inputs)
	g.Captured = merged(g.Captured, offered.Items[i].Kept)
	j.link.Status = vault.LinkTaken
	switch err := f.vault.PutLink(ctx, &j.link); {
	case errors.Is(err, vault.ErrConflict):
		return Result{}, refusal(codeAlreadyDone)
	case err != nil:
		return Result{}, f.vaultFailed(err)
	}
	if !f.with(j, g.Captured) {
		f.discardUnused(ctx, j, g)
		return f.ended(ctx, j, vault.ConnectedAccount{}, codeDiscoverFailed), nil
	}
	var a vault.ConnectedAccount
	code := ""
	if j.connection.Connector().Mode.NeedsUser() {
		a, code = f.settle(ctx, j, g, offered.Told, offered.Entry+1)
	} else {
		a, _, code = f.tryOut(ctx, j, g, offered.Told, offered.Entry+1)
	}
	return f.ended(ctx, j, a, code), nil
}

// offered is what the user of a browser may choose from now. When nobody has chosen in time, the grant ends here.
func (f *Flow) offered(ctx context.Context, id vault.LinkID, p Proof) (*journey, *heldChoice, error) {
	l, err := f.vault.FindLink(ctx, p.token)
	switch {
	case err != nil && !errors.Is(err, vault.ErrNotFound):
		return nil, nil, f.vaultFailed(err)
	case err != nil, l.ID != id, !p.proves(l):
		return nil, nil, refusal(codeNothingOffered)
	case l.Status != vault.LinkChoice:
		return nil, nil, closed(l, codeAlreadyDone)
	}
	j, err := f.journey(l)
	if err != nil {
		return nil, nil, err
	}
	h, err := heldBy(l)
	if err != nil || h.Choice == nil {
		f.log.Error("what a link offers cannot be read", j.fields(zap.Error(err))...)
		return nil, nil, refusal(codeVault)
	}
	g := h.Choice.Grant.grant(l.Inputs)
	if !f.with(j, g.Captured) {
		return nil, nil, refusal(codeConnection)
	}
	if f.expired(l) {
		if f.fail(ctx, j, codeLinkExpired) {
			f.discardUnused(ctx, j, g)
		}
		return nil, nil, refusal(codeLinkExpired)
	}
	return j, h.Choice, nil
}

// hold keeps a grant until its user has chosen, and says why it cannot be kept.
func (f *Flow) hold(ctx context.Context, j *journey, c *heldChoice) (code string) {
	l := j.link
	l.Status, l.Verifier, l.Expires = vault.LinkChoice, vault.Secret{}, f.now().Add(journeyTime)
	var err error
	if l.Held, err = (held{Wanted: j.wanted, Choice: c}).secret(); err != nil {
		f.log.Error("keeping what there is to choose", j.fields(zap.Error(err))...)
		return codeSaveFailed
	}
	for try := 1; ; try++ {
		err := f.vault.PutLink(ctx, &l)
		if err == nil || f.holds(ctx, &l) {
			j.link = l
			f.log.Info("the user has to choose", j.fields(zap.Int("items", len(c.Items)))...)
			return ""
		}
		f.log.Warn("keeping what there is to choose", j.fields(zap.Error(err), zap.Int("try", try))...)
		if try == saveTries || !pause(ctx, time.Duration(try)*50*time.Millisecond) {
			return codeSaveFailed
		}
	}
}

// holds tells whether a write that was reported as failed has happened after all. Then l is what was written.
func (f *Flow) holds(ctx context.Context, l *vault.Link) bool {
	stored, err := f.vault.FindLink(ctx, l.Token)
	if err != nil || stored.Status != vault.LinkChoice || !stored.Held.Equal(l.Held) {
		return false
	}
	*l = stored
	return true
}

// checkChoice refuses a choice that a connection's connector has no use for.
func checkChoice(c *connection.Connection, wanted map[string]string) error {
	how := c.Connector().Discover
	for name, id := range wanted {
		known := name == "" && len(how) == 1
		for _, d := range how {
			known = known || d.Into == name
		}
		if !known || id == "" || len(id) > maxCaptured || !printable(id) {
			return refusal(codeChoiceInvalid)
		}
	}
	return nil
}

// choices are the items for a program.
func (c *heldChoice) choices(into string) (list []problem.Choice) {
	for _, one := range c.Items {
		list = append(list, problem.Choice{Name: into, ID: one.ID, Label: one.Label})
	}
	return list
}
