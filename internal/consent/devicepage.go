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

// deviceSegment is the page that shows a user code, and waits.
const deviceSegment = "device"

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
		f.showDevice(w, j)
	case vault.LinkUsed, vault.LinkFailed, vault.LinkChoice:
		f.goOn(w, j, resultOf(l))
	default:
		f.showCode(w, nil, codeNothingToShow)
	}
}

// showDevice shows the code and where to type it in. The page asks again by itself, as often as the provider
// is asked.
func (f *Flow) showDevice(w http.ResponseWriter, j *journey) {
	p := f.page(j)
	p.Connection, p.Identifier, p.Refresh = j.connection.Name, j.link.Identifier, 2
	h, err := heldBy(j.link)
	if err != nil {
		f.showError(w, f.vaultFailed(err))
		return
	}
	if d := h.Device; d != nil && j.link.Status == vault.LinkPolled {
		p.UserCode, p.Verify, p.VerifyComplete = d.UserCode, d.VerificationURI, d.VerificationURIComplete
		p.Refresh = int(math.Ceil(d.Interval.Seconds()))
		if u, err := url.Parse(d.VerificationURI); err == nil {
			p.Host = u.Host
		}
		p.Minutes = int(math.Ceil(max(j.link.Expires.Sub(f.now()), time.Minute).Minutes()))
	}
	http.SetCookie(w, f.cookie(j.link)) // it has to live as long as the code
	f.show(w, http.StatusOK, "device.html", "'none'", p)
}
