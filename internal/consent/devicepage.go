package consent

import (
	"context"
	"errors"
	"math"
	"net/http"
	"net/url"
	"time"

	"github.com/claviger-proxy/claviger/vault"
)

const (
	// deviceSegment is the page that shows a user code, and paramWait tells that its user is done at the provider.
	deviceSegment = "device"
	paramWait     = "wait"
	// A user who is done waits until the provider has been asked once more, and deviceGrace; at most maxDeviceWait.
	deviceGrace   = 2 * time.Second
	maxDeviceWait = 15 * time.Second
	deviceLook    = 200 * time.Millisecond
)

// startDevicePage starts, or starts anew, the journey of a link whose connection has no consent page that leads
// back. The browser is shown the user code, and waits there. If somebody else has changed the link meanwhile, it is
// [vault.ErrConflict].
func (f *Flow) startDevicePage(ctx context.Context, j *journey) (Start, error) {
	if err := f.roomForDevice(ctx, refusal); err != nil {
		return Start{}, err
	}
	if _, err := f.askForDevice(ctx, j); err != nil {
		return Start{}, err
	}
	start, err := f.started(ctx, j, f.deviceURL(j.link))
	if err == nil {
		f.devices.see(j.link.ID)
	}
	return start, err
}

func (f *Flow) deviceURL(l vault.Link) string {
	return f.at(deviceSegment) + "?" + url.Values{"link": {string(l.ID)}}.Encode()
}

// serveDevice shows the code to the browser that started the journey, and nothing to any other one.
func (f *Flow) serveDevice(w http.ResponseWriter, r *http.Request) {
	if !f.allow(w, r, http.MethodGet, http.MethodHead) {
		return
	}
	id := vault.LinkID(r.URL.Query().Get("link"))
	proof := f.Proof(r, id)
	l, err := f.vault.FindLink(r.Context(), proof.token)
	wait := r.URL.Query().Has(paramWait)
	if wait && err == nil && l.ID == id {
		l, err = f.awaitDevice(r.Context(), l, proof)
	}
	switch {
	case err != nil && !errors.Is(err, vault.ErrNotFound):
		f.showError(w, f.vaultFailed(err))
		return
	case err == nil && l.ID == id && !proof.proves(l): // it was started anew in another browser
		f.showCode(w, nil, codeStateUnknown)
		return
	case err != nil, l.ID != id:
		f.showCode(w, nil, codeNothingToShow)
		return
	}
	j, err := f.ofLink(l)
	if err != nil {
		f.showError(w, err)
		return
	}
	switch l.Status {
	case vault.LinkPolled, vault.LinkTaken:
		if l.Status == vault.LinkTaken && f.now().Sub(l.Expires) > completeTime {
			f.showCode(w, j, codeLinkExpired) // whoever took it has not come back
			return
		}
		f.devices.see(l.ID)
		f.showDevice(w, j, wait)
	case vault.LinkUsed, vault.LinkFailed, vault.LinkChoice:
		f.goOn(w, j, resultOf(l))
	default:
		f.showCode(w, nil, codeNothingToShow)
	}
}

// awaitDevice gives a journey time to be over, and returns its link as it is then. The page does not ask again by
// itself: whoever has it read aloud would hear its beginning again and again (WCAG 2.1, 2.2.1).
func (f *Flow) awaitDevice(ctx context.Context, l vault.Link, proof Proof) (vault.Link, error) {
	left := deviceGrace
	if h, err := heldBy(l); err == nil && h.Device != nil {
		left = min(h.Device.Interval+deviceGrace, maxDeviceWait)
	}
	for ; left > 0 && proof.proves(l) && (l.Status == vault.LinkPolled || l.Status == vault.LinkTaken); left -= deviceLook {
		f.devices.see(l.ID)
		if !pause(ctx, deviceLook) {
			break // the browser has gone
		}
		var err error
		if l, err = f.vault.FindLink(ctx, proof.token); err != nil {
			return vault.Link{}, err
		}
	}
	return l, nil
}

// showDevice shows the code and where to type it in. With early its user was done there, and is told that the consent has
// not arrived.
func (f *Flow) showDevice(w http.ResponseWriter, j *journey, early bool) {
	p := f.page(j)
	p.Connection, p.Identifier, p.Early = j.connection.Name, j.link.Identifier, early
	p.Action = f.deviceURL(j.link) + "&" + paramWait + "=1"
	h, err := heldBy(j.link)
	if err != nil {
		f.showError(w, f.vaultFailed(err))
		return
	}
	if d := h.Device; d != nil && j.link.Status == vault.LinkPolled {
		p.UserCode, p.Verify, p.VerifyComplete = d.UserCode, d.VerificationURI, d.VerificationURIComplete
		if u, err := url.Parse(d.VerificationURI); err == nil {
			p.Host = u.Host
		}
		p.Minutes = int(math.Ceil(max(j.link.Expires.Sub(f.now()), time.Minute).Minutes()))
	}
	c := f.cookie(j.link)
	c.MaxAge += max(0, int(j.link.Expires.Sub(f.now()).Seconds())) // it has to live longer than the code
	http.SetCookie(w, c)
	f.show(w, http.StatusOK, "device.html", "'none'", p)
}
