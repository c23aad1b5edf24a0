package fakeprovider

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

const (
	devicePath     = "/device"
	deviceCodePath = "/device_authorization" // the library's
)

// A deviceRequest is a device that waits for its user (RFC 8628). The ledger's lock guards it.
type deviceRequest struct {
	userCode string
	scopes   []string
	expires  time.Time
	polled   time.Time
	user     string
	authTime time.Time
	done     bool
	denied   bool
	redeemed *grant
}

// StoreDeviceAuthorization keeps a device that the library has checked.
func (s *storage) StoreDeviceAuthorization(_ context.Context, _, deviceCode, userCode string, expires time.Time, scopes []string) error {
	s.secrets.add(deviceCode)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.devices[deviceCode] = &deviceRequest{userCode: userCode, scopes: s.client.granted(scopes), expires: expires, polled: s.now()}
	return nil
}

// GetDeviceAuthorizatonState answers a poll. The library makes slow_down of a deadline, which is for those that
// come too early, and access_denied of any other error.
func (s *storage) GetDeviceAuthorizatonState(_ context.Context, clientID, deviceCode string) (*op.DeviceAuthorizationState, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, ok := s.devices[deviceCode]
	if !ok {
		return nil, errUnknown
	}
	early := s.now().Sub(d.polled) < s.interval
	d.polled = s.now()
	switch {
	case early:
		return nil, context.DeadlineExceeded
	case d.redeemed != nil:
		d.redeemed.dead = true
		return nil, errSpent
	}
	state := &op.DeviceAuthorizationState{
		ClientID: clientID, Scopes: slices.Clone(d.scopes), Expires: d.expires, Done: d.done, Denied: d.denied,
		Subject: d.user, AMR: []string{"pwd"}, AuthTime: d.authTime,
	}
	if d.done {
		if !s.offlineOnly && !hasOffline(state.Scopes) {
			state.Scopes = append(state.Scopes, oidc.ScopeOfflineAccess) // as for a code, see exchange
		}
		s.states[state] = d
	}
	return state, nil
}

// redeemDevice turns a device whose user has agreed into a grant and its first tokens.
func (l *ledger) redeemDevice(state *op.DeviceAuthorizationState, withRefresh bool) (tokenID, refresh string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	d, ok := l.states[state]
	delete(l.states, state)
	switch {
	case !ok:
		return "", "", errUnknown
	case d.redeemed != nil:
		d.redeemed.dead = true
		return "", "", errSpent
	}
	state.Scopes = slices.Clone(d.scopes)
	d.redeemed = l.newGrant(d.user, d.scopes, d.authTime)
	tokenID = l.newAccess(d.redeemed)
	if withRefresh {
		refresh = l.newRefresh(d.redeemed)
	}
	return tokenID, refresh, nil
}

// visit begins the pages for the user who has typed in a code.
func (l *ledger) visit(userCode string) (requestID string, ok bool) {
	plain := func(s string) string { return strings.ToUpper(strings.NewReplacer("-", "", " ", "").Replace(s)) }
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, d := range l.devices {
		if plain(d.userCode) == plain(userCode) && !d.done && !d.denied && l.now().Before(d.expires) {
			req := &authRequest{id: random(""), scopes: d.scopes, device: d}
			l.requests[req.id] = req
			return req.id, true
		}
	}
	return "", false
}

// decide notes what the user of a device has decided.
func (l *ledger) decide(requestID string, allow bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	req, ok := l.requests[requestID]
	if !ok || req.user == "" || req.done || req.device.done || req.device.denied {
		return
	}
	req.done = true
	d := req.device
	d.user, d.authTime, d.done, d.denied = req.user, req.authTime, allow, !allow
}

func (s *Server) devicePage(w http.ResponseWriter, r *http.Request) {
	s.show(w, http.StatusOK, page{Kind: "device", Title: "Connect a device", Hint: r.URL.Query().Get("user_code")})
}

func (s *Server) device(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, formLimit)
	code := r.PostFormValue("code")
	id, ok := s.ledger.visit(code)
	if !ok {
		s.show(w, http.StatusUnprocessableEntity, page{
			Kind: "device", Title: "Connect a device", Hint: code, Problem: "There is no device with that code.",
		})
		return
	}
	http.Redirect(w, r, s.client.LoginURL(url.QueryEscape(id)), http.StatusSeeOther)
}

// deviceDecided answers the consent page of a device.
func (s *Server) deviceDecided(w http.ResponseWriter, id string, allow bool) {
	s.ledger.decide(id, allow)
	p := page{Kind: "problem", Title: "Your device is connected", Problem: "You can close this page."}
	if !allow {
		p.Title = "Your device is not connected"
	}
	s.show(w, http.StatusOK, p)
}

var _ op.DeviceAuthorizationStorage = (*storage)(nil)
