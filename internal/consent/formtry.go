package consent

import (
	"context"
	"errors"
	"net/http"

	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/vault"
)

// tried are the outcomes after which the user may try again, in words for the form. Other ones end the link.
var tried = map[string]message{
	codeCredentialRefused: {
		title: "{provider} does not accept this",
		text:  "What you typed in was tried out there, and refused. Check it, and whether it is still valid.",
	},
	codeCredentialUnfit: {
		title: "This cannot be used as it is",
		text:  "Check that nothing was cut off, and that no spaces or line breaks were copied along.",
	},
	codeProviderUnavailable: {
		title: "{provider} cannot be reached",
		text:  "So what you typed in could not be tried out, and nothing was saved. Check it, and try again in a moment.",
	},
	codeRateLimited: {
		title: "{provider} is busy",
		text:  "It takes no more requests from {app} for now, and nothing was saved. Try again in a few minutes.",
	},
	codeExchangeFailed: {
		title: "{provider} gave an answer that cannot be used",
		text:  "Nothing was saved. Check what you typed in, and try again.",
	},
	codeDiscoverFailed: {
		title: "{provider} did not say what your account has access to",
		text:  "Nothing was saved. Check what you typed in, and try again in a moment.",
	},
	codeNothingFound: {
		title: "There is nothing to use there",
		text:  "The account at {provider} has no site or organization that {app} could work with. Use that of an account that has one.",
	},
	codeNotOffered: {
		title: "That account has no access to what {app} asks for",
		text:  "Nothing was saved. Use that of an account at {provider} that has access to it.",
	},
	codeNotReached: {
		title: "What {app} asks for was not found there",
		text:  "The account at {provider} has access to more than could be looked through. Use that of an account that has access to less.",
	},
	codeIdentityMismatch: {
		title: "That is a different account",
		text:  "It is that of another account at {provider} than last time, and was not saved. Use that of the same account.",
	},
	codeIdentityUnknown: {
		title: "{provider} did not say whose account this is",
		text:  "It cannot be known whether it is the same one as before, so nothing was saved. Try again in a moment.",
	},
}

// try gets the credential that was typed in, tries it out and stores it. The link is this try's alone meanwhile. Where
// the user may try again, again is true, and the link waits for that. The work is not cancelled with ctx.
func (f *Flow) try(ctx context.Context, j *journey) (result Result, again bool, err error) {
	ctx, cancel := detached(ctx, completeTime)
	defer cancel()
	all := j.link.Inputs
	j.form.Tries++
	j.form.Typed = nil // what is wrong is not kept
	j.link.Status, j.link.Inputs = vault.LinkTaken, j.form.settled
	if err := j.keepForm(); err != nil {
		return Result{}, false, f.vaultFailed(err)
	}
	switch err := f.vault.PutLink(ctx, &j.link); {
	case errors.Is(err, vault.ErrConflict):
		return Result{}, true, nil // another one has it, and the form's page tells what comes of that
	case err != nil:
		return Result{}, false, f.vaultFailed(err)
	}
	j.link.Inputs = all
	a, _, code := f.direct(ctx, j)
	if _, may := tried[code]; !may {
		return f.ended(ctx, j, a, code), false, nil
	}
	if j.form.Tries >= maxTries {
		return f.ended(ctx, j, a, codeTooManyTries), false, nil
	}
	f.log.Info("what was typed in is not kept", j.fields(zap.String("code", code), zap.Int("try", j.form.Tries))...)
	j.form.Last = code
	j.link.Status, j.link.Inputs = vault.LinkStarted, j.form.settled
	if err = j.keepForm(); err == nil {
		err = f.vault.PutLink(ctx, &j.link)
	}
	if err != nil {
		return Result{}, false, f.vaultFailed(err)
	}
	return Result{}, true, nil
}

// goOnFrom goes on from a form that is filled in to where the user consents.
func (f *Flow) goOnFrom(ctx context.Context, j *journey) (Start, error) {
	j.form.Last = ""
	if err := j.keepForm(); err != nil {
		return Start{}, f.vaultFailed(err)
	}
	start, err := f.leave(ctx, j)
	if errors.Is(err, vault.ErrConflict) {
		return Start{}, refusal(codeBusy)
	}
	return start, err
}

// untried is the code for a credential that could not be tried out. Who sits before a form can try again, else it is
// kept: it was not refused.
func (j *journey) untried(err error, status int) string {
	switch {
	case j.form == nil:
		return ""
	case err != nil:
		return unlessLimited(err, codeProviderUnavailable)
	case status >= http.StatusInternalServerError:
		return codeProviderUnavailable
	}
	return ""
}
