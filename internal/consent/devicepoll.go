package consent

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
)

const (
	lookEvery = 30 * time.Second // what others have begun is seen by then
	slowDown  = 5 * time.Second  // RFC 8628 section 3.5
	// maxBackoff bounds the wait after failures, unless the interval is longer.
	maxBackoff = time.Minute
)

// Tend asks the providers whether the users of device journeys have consented, and connects their accounts
// when they have, until ctx ends. It goes on with journeys that another flow or process has begun, and waits
// for those whose token is being stored. It also ends the links that nobody goes on with, and what the providers have
// granted for them. One Tend for all configurations of a process is enough; two do no
// harm.
func (f *Flow) Tend(ctx context.Context) {
	t := &deviceTender{Flow: f}
	defer t.running.Wait()
	for ctx.Err() == nil {
		t.look(ctx)
		if t.sweeping.TryLock() {
			t.running.Go(func() {
				defer t.sweeping.Unlock()
				t.endAbandoned(ctx)
			})
		}
		select {
		case <-time.After(lookEvery):
		case <-f.devices.wake:
		case <-ctx.Done():
		}
	}
}

// devices are the journeys that a flow polls for.
type devices struct {
	wake     chan struct{}
	mu       sync.Mutex
	underWay map[vault.LinkID]bool
}

func newDevices() *devices {
	return &devices{wake: make(chan struct{}, 1), underWay: map[vault.LinkID]bool{}}
}

// see has Tend look at once for what is to be polled for, unless the journey of that link is polled for
// already. It does not wait.
func (d *devices) see(id vault.LinkID) {
	d.mu.Lock()
	seen := d.underWay[id]
	d.mu.Unlock()
	if seen {
		return
	}
	select {
	case d.wake <- struct{}{}:
	default: // it will look anyway
	}
}

func (d *devices) begin(id vault.LinkID) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.underWay[id] || len(d.underWay) == maxPolled {
		return false
	}
	d.underWay[id] = true
	return true
}

func (d *devices) end(id vault.LinkID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.underWay, id)
}

// deviceTender is one run of Tend.
type deviceTender struct {
	*Flow
	running  sync.WaitGroup
	sweeping sync.Mutex // while abandoned links are being ended
}

// look begins to poll for the journeys that are not polled for here.
func (t *deviceTender) look(ctx context.Context) {
	page, err := t.polled(ctx)
	if err != nil {
		if ctx.Err() == nil {
			t.log.Warn("looking for device journeys", zap.Error(err))
		}
		return
	}
	for _, l := range page.Items {
		if t.devices.begin(l.ID) {
			t.running.Go(func() { // ends with the journey, or with Tend
				defer t.devices.end(l.ID)
				t.poll(ctx, l.ID)
			})
		}
	}
}

// patience is how long a journey waits before its next poll.
type patience struct {
	interval time.Duration // what the provider has asked for
	wait     time.Duration // as long, or longer after failures
}

// poll asks for one journey until that is over. Whoever polls has the link's lease, also while waiting, so that
// two processes together ask no more often than one.
func (t *deviceTender) poll(ctx context.Context, id vault.LinkID) {
	var p patience
	for {
		j, h, ok := t.device(ctx, id)
		if !ok {
			return
		}
		p.interval = max(p.interval, h.Interval)
		p.wait = max(p.wait, p.interval)
		release, err := t.vault.LeaseLink(ctx, id, p.wait+2*completeTime)
		switch {
		case errors.Is(err, vault.ErrLeased): // it is polled for elsewhere, as long as that one lives
			if !pause(ctx, p.wait) {
				return
			}
			continue
		case err != nil:
			t.log.Warn("polling for a device", j.fields(zap.Error(err))...)
			return // Tend looks again
		}
		over := t.turn(ctx, id, &p)
		release()
		if over {
			return
		}
	}
}

// device is the journey with that link, if it is one to be polled for.
func (f *Flow) device(ctx context.Context, id vault.LinkID) (*journey, *heldDevice, bool) {
	l, err := f.vault.Link(ctx, id)
	if err != nil || l.Status != vault.LinkPolled {
		if err != nil && !errors.Is(err, vault.ErrNotFound) && ctx.Err() == nil {
			f.log.Warn("reading a device journey", zap.String("link", string(id)), zap.Error(err))
		}
		return nil, nil, false
	}
	j, err := f.journey(l)
	if err != nil { // its connection may be usable again later
		if f.expired(l) {
			_, _ = f.closeLink(ctx, l, codeLinkExpired) // Tend tries again
		}
		return nil, nil, false
	}
	h, err := heldBy(l)
	if err != nil || h.Device == nil {
		f.fail(ctx, j, codeProviderRefused)
		return nil, nil, false
	}
	return j, h.Device, true
}

// turn waits, and asks once. It tells whether the journey is over.
func (t *deviceTender) turn(ctx context.Context, id vault.LinkID, p *patience) (over bool) {
	if !pause(ctx, p.wait) {
		return true
	}
	// Read again: it may have been revoked. From here on nothing is broken off, as the poll may be the one
	// that gives the token.
	ctx, cancel := detached(ctx, completeTime)
	defer cancel()
	j, h, ok := t.device(ctx, id)
	if !ok {
		return true
	}
	token, err := t.oauth.DevicePoll(ctx, j.connection.App, h.device(j.link.Expires))
	if err == nil {
		a, code := t.keepDevice(ctx, j, token)
		t.ended(ctx, j, a, code)
		return code != codeLinkClosed // it may have been started anew
	}
	t.discardLost(ctx, j, err, nil)
	code := t.afterPoll(ctx, j, p, err)
	if code == "" && t.expired(j.link) { // asked once more, as the user may have been late
		code = codeLinkExpired
	}
	if code == "" {
		return false
	}
	t.log.Info("polling for a device", j.fields(zap.Error(err))...)
	return t.fail(ctx, j, code) // else it may have been started anew
}

// afterPoll decides after a poll without a token how long to wait now, or for what reason it is over.
func (t *deviceTender) afterPoll(ctx context.Context, j *journey, p *patience, err error) (code string) {
	var e *oauth.Error
	if !errors.As(err, &e) {
		return codeExchangeFailed
	}
	switch {
	case e.Code == oauth.CodeAuthorizationPending:
		p.wait = p.interval
	case e.Code == oauth.CodeSlowDown:
		p.interval += slowDown
		p.wait = p.interval
		t.rememberInterval(ctx, j, p.interval)
	case e.Class == oauth.ClassTransient && e.Step == 0: // RFC 8628 section 3.5 wants the wait to double
		p.wait = min(max(2*p.wait, e.RetryAfter), max(maxBackoff, p.interval, e.RetryAfter))
		t.log.Warn("polling for a device", j.fields(zap.Error(err), zap.Duration("wait", p.wait))...)
	case e.Code == oauth.CodeAccessDenied:
		return codeDenied
	case e.Code == oauth.CodeExpiredToken:
		return codeLinkExpired
	default:
		return exchangeCode(err)
	}
	return ""
}

// rememberInterval has whoever goes on after this process wait as long as well.
func (t *deviceTender) rememberInterval(ctx context.Context, j *journey, interval time.Duration) {
	h, err := heldBy(j.link)
	if err == nil && h.Device != nil {
		h.Device.Interval = interval
		if j.link.Held, err = h.secret(); err == nil {
			err = t.vault.PutLink(ctx, &j.link)
		}
	}
	if err != nil && !errors.Is(err, vault.ErrConflict) {
		t.log.Warn("noting the interval of a device", j.fields(zap.Error(err))...)
	}
}
