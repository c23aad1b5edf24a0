package consent

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/internal/problem"
	"github.com/claviger-proxy/claviger/vault"
)

// maxPolled bounds the device journeys under way. It is one page of the vault's lists.
const maxPolled = 200

// Device is a journey that waits for its user to consent on another machine (RFC 8628).
type Device struct {
	// Link is the journey. [Flow.Link] tells how it stands.
	Link vault.Link
	// UserCode is what the user types in at VerificationURI. Only the user that the link is for may have it:
	// whoever types it in has that account connected.
	UserCode        string
	VerificationURI string
	// VerificationURIComplete has the user code in it; empty when the provider gave none.
	VerificationURIComplete string
	Expires                 time.Time
	// Interval is how long the provider is left alone between two polls.
	Interval time.Duration
}

// BeginDevice asks the provider for a code that the user types in on another machine. Who tends the flow, see
// [Flow.Tend], asks from then on whether the user has consented. ReturnURL and State of the request have no
// meaning. Errors are as those of [Flow.Begin], or a *[problem.Problem] with what the provider thinks of it.
func (f *Flow) BeginDevice(ctx context.Context, r Request) (Device, error) {
	l, err := f.invite(ctx, r, func(c *connection.Connection) error { return offersDevice(c, r.Identifier) }, false)
	if err != nil {
		return Device{}, err
	}
	if err := f.roomForDevice(ctx, refusedForDevice); err != nil {
		return Device{}, err
	}
	j, err := f.journey(l)
	if err != nil {
		return Device{}, err
	}
	d, err := f.askForDevice(ctx, j)
	if err != nil {
		return Device{}, err
	}
	j.link.Token = newSecret()
	if err := f.vault.CreateLink(ctx, &j.link); err != nil {
		return Device{}, f.vaultFailed(err)
	}
	f.tell(j, "consent_started", "")
	f.devices.see(j.link.ID)
	return Device{
		Link: j.link, UserCode: d.UserCode, VerificationURI: d.VerificationURI,
		VerificationURIComplete: d.VerificationURIComplete, Expires: j.link.Expires, Interval: d.Interval,
	}, nil
}

// offersDevice refuses a device journey where the connector has none.
func offersDevice(c *connection.Connection, identifier string) error {
	if c.Connector().Device != nil {
		return nil
	}
	p := refusal(codeNoDevice)
	p.Next = fmt.Sprintf("make an authorization link: `claviger connect %s %s`", c.Name, identifier)
	if !c.Connector().Mode.NeedsUser() {
		p.Next = fmt.Sprintf("connect the account without one: `claviger accounts add %s %s`", c.Name, identifier)
	}
	return p
}

// roomForDevice refuses more device journeys than are polled for, in the words of refuse.
func (f *Flow) roomForDevice(ctx context.Context, refuse func(code string) *problem.Problem) error {
	page, err := f.polled(ctx)
	if err != nil {
		return f.vaultFailed(err)
	}
	if len(page.Items) < maxPolled {
		return nil
	}
	p := refuse(codeDevicesFull)
	p.RetryAfter = time.Minute
	return p
}

// polled are the device journeys under way, whoever polls for them.
func (f *Flow) polled(ctx context.Context) (vault.Page[vault.Link], error) {
	return f.vault.Links(ctx, vault.LinkQuery{Status: vault.LinkPolled, PageQuery: vault.PageQuery{Limit: maxPolled}})
}

// askForDevice asks for a device code, and gives the link what the journey needs. The link is to be stored before the
// user sees the code, so that the journey is gone on with whatever happens to this process.
func (f *Flow) askForDevice(ctx context.Context, j *journey) (oauth.Device, error) {
	d, err := f.oauth.DeviceStart(ctx, j.connection.App, j.link.Scopes)
	if err != nil {
		f.log.Warn("asking for a device code", j.fields(zap.Error(err))...)
		p := refusedForDevice(exchangeCode(err))
		p.RetryAfter = waitOf(err)
		return oauth.Device{}, p
	}
	h, err := heldBy(j.link)
	if err == nil {
		h.Device = holdDevice(d)
		j.link.Held, err = h.secret()
	}
	if err != nil {
		return oauth.Device{}, f.vaultFailed(err)
	}
	if j.link.Status != vault.LinkPolled || d.Expires.Before(j.link.Expires) { // a further code does not prolong it
		j.link.Expires = d.Expires
	}
	j.link.Status, j.link.ClientID = vault.LinkPolled, j.connection.App.ClientID
	return d, nil
}

// keepDevice turns the token of a device journey into a connected account, or says why not. Of several
// tokens for one link one is kept.
func (f *Flow) keepDevice(ctx context.Context, j *journey, token oauth.Token) (vault.ConnectedAccount, string) {
	g := f.grantOf(j, token, nil)
	fits := f.with(j, g.Captured) // first, as it may say where to revoke
	if code := f.takeDevice(ctx, j); code != "" {
		f.discard(ctx, j, g)
		return vault.ConnectedAccount{}, code
	}
	if !fits {
		f.discard(ctx, j, g)
		return vault.ConnectedAccount{}, codeExchangeFailed
	}
	return f.settle(ctx, j, g, token.Identity, 0)
}

// takeDevice makes the journey this token's alone. The token is there already and cannot be asked for again.
func (f *Flow) takeDevice(ctx context.Context, j *journey) string {
	j.link.Status = vault.LinkTaken
	for try := 1; ; try++ {
		err := f.vault.PutLink(ctx, &j.link)
		switch {
		case err == nil:
			return ""
		case errors.Is(err, vault.ErrConflict) && try > 1 && f.taken(ctx, j):
			return "" // a write that was reported as failed
		case errors.Is(err, vault.ErrConflict):
			return codeLinkClosed
		}
		f.log.Warn("taking a device journey", j.fields(zap.Error(err), zap.Int("try", try))...)
		if try == saveTries || !pause(ctx, time.Duration(try)*50*time.Millisecond) {
			return codeSaveFailed
		}
	}
}

// taken tells whether the link is as the write of this journey would have left it.
func (f *Flow) taken(ctx context.Context, j *journey) bool {
	l, err := f.vault.Link(ctx, j.link.ID)
	if err != nil || l.Status != vault.LinkTaken || l.Version != j.link.Version+1 {
		return false
	}
	j.link = l
	return true
}

// forDevice are the messages that are other ones where a device code was asked for.
var forDevice = map[string]message{
	codeExchangeFailed: {
		http.StatusBadGateway, "No device code", "the provider's answer has no device code that can be used; nothing was saved",
		"look at the log, and at the connector: `claviger connectors show NAME`",
	},
	codeProviderUnavailable: {
		http.StatusBadGateway, "Provider unavailable", "the provider did not give a device code: it does not answer; nothing was saved",
		"try again in a few minutes",
	},
	codeDevicesFull: {
		http.StatusServiceUnavailable, "Too many devices", "as many users as can be waited for are about to consent on another machine",
		"try again in a minute",
	},
}

// refusedForDevice is refusal for the program that has asked for a device code.
func refusedForDevice(code string) *problem.Problem {
	if m, ok := forDevice[code]; ok {
		return m.problem(code)
	}
	return refusedDirectly(code)
}
