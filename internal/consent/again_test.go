package consent_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/claviger-proxy/claviger/internal/consent"
	"github.com/claviger-proxy/claviger/vault"
)

// The browser whose journey another one has started anew is told so.
func TestDevicePageOvertaken(t *testing.T) {
	onScreen(t, func(t *testing.T, s *screen) {
		link := s.link(consent.Request{}).URL
		first, second := s.viewer(), s.viewer()
		old := first.press(link)
		second.press(link)
		first.do(http.MethodGet, old).want(t, http.StatusBadRequest, "state_unknown")
	})
}

// What is started anew during a poll is polled for as soon as its own interval is over, whatever comes of that poll.
func TestDeviceStartedAgainDuringPoll(t *testing.T) {
	for name, poll := range map[string]reply{"a token": consents, "denied": refuses("access_denied"), "expired": refuses("expired_token")} {
		t.Run(name, func(t *testing.T) {
			onScreen(t, func(t *testing.T, s *screen) {
				defer s.tend(s.flow)()
				v, link := s.viewer(), s.link(consent.Request{})
				v.press(link.URL)
				begun := time.Now()
				s.from(func(path string) {
					if path == "/token" && len(s.polled) == 1 {
						v.press(link.URL)
					}
				}, poll, consents)
				time.Sleep(15 * time.Second)
				synctest.Wait()
				s.wantWaits(begun, 5*time.Second, 5*time.Second)
				if !slices.Equal(s.polledFor, []string{"canary-device-code-1", "canary-device-code-2"}) || len(s.connected) != 1 {
					t.Errorf("polled for %q, connected %d times", s.polledFor, len(s.connected))
				}
			})
		})
	}
}

// A double click gets a code, and no error.
func TestDevicePageDoubleClick(t *testing.T) {
	onScreen(t, func(t *testing.T, s *screen) {
		v, link := s.viewer(), s.link(consent.Request{})
		second := false
		s.from(func(path string) {
			if path == "/device" && !second {
				second = true
				v.press(link.URL)
			}
		}, pending)
		waiting := v.press(link.URL)
		if a := v.do(http.MethodGet, waiting); a.status != http.StatusOK || !strings.Contains(a.body, "WDJB-MJHT") {
			t.Errorf("the page is %d", a.status)
		}
		if l := s.stored(link.Link.ID); l.Status != vault.LinkPolled {
			t.Errorf("the link is %s", l.Status)
		}
	})
}

// Nobody is led to a link that a program waits at.
func TestDeviceLinkIsNotHandedOut(t *testing.T) {
	onScreen(t, func(t *testing.T, s *screen) {
		c, err := s.set.ByName("phone")
		if err != nil {
			t.Fatal(err)
		}
		a, err := s.vault.Connect(t.Context(), vault.Link{}, vault.ConnectedAccount{ConnectionID: c.ID, Connector: "phone", Identifier: "user_1"}, vault.Grant{
			Access: vault.NewSecret("canary-access"), ObtainedAt: time.Now(),
		})
		if err != nil {
			t.Fatal(err)
		}
		var again consent.Issued
		s.from(func(path string) {
			if path == "/device" {
				if again, err = s.flow.Reissue(t.Context(), a); err != nil {
					t.Error(err)
				}
			}
		}, pending)
		d, err := s.flow.BeginDevice(t.Context(), consent.Request{Connection: "phone", Identifier: "user_1"})
		if err != nil {
			t.Fatal(err)
		}
		if again.Link.ID == d.Link.ID {
			t.Error("the link of the device was handed out")
		}
		_, err = s.flow.Redirect(t.Context(), d.Link.Token) // as it would be led to if it was handed out
		wantCode(t, err, http.StatusGone, "link_used")
		if l := s.stored(d.Link.ID); l.Status != vault.LinkPolled {
			t.Errorf("the link is %s", l.Status)
		}
	})
}

// A page is told in the words of its reader that there is no room for a further device, and the browser when there may be.
func TestDevicePageNoRoom(t *testing.T) {
	onScreen(t, func(t *testing.T, s *screen) {
		for range 200 {
			s.begin()
		}
		a := s.viewer().do(http.MethodPost, s.link(consent.Request{}).URL)
		a.want(t, http.StatusServiceUnavailable, "too_many_devices")
		if a.header.Get("Retry-After") != "60" || !strings.Contains(a.body, "Too many people are connecting") {
			t.Errorf("the page is %v %s", a.header, a.body[strings.Index(a.body, "<main"):])
		}
		_, err := s.flow.BeginDevice(t.Context(), consent.Request{Connection: "tv", Identifier: "user_1"})
		if wantCode(t, err, http.StatusServiceUnavailable, "too_many_devices"); nextOf(err) != "try again in a minute" {
			t.Errorf("next is %q", nextOf(err))
		}
	})
}

// A link that was taken back says so wherever its user is.
func TestRevokedSaysSo(t *testing.T) {
	d := open(t)
	unopened, opened := d.begin(consent.Request{}), d.begin(consent.Request{Identifier: "user_2"})
	tr, callback := d.travel(opened.URL, "alice", true)
	for _, l := range []consent.Issued{unopened, opened} {
		if _, err := d.flow.Revoke(t.Context(), l.Link.ID); err != nil {
			t.Fatal(err)
		}
		d.do(http.MethodGet, l.URL, nil).want(t, http.StatusGone, "link_revoked")
		d.do(http.MethodPost, l.URL, nil).want(t, http.StatusGone, "link_revoked")
	}
	d.do(http.MethodGet, callback, tr.Browser).want(t, http.StatusGone, "link_revoked")
	d.wantExchanges(0)
}

// A link that others start each time while it is being started is not fought for.
func TestBusy(t *testing.T) {
	onScreen(t, func(t *testing.T, s *screen) {
		first, others, link, nested := s.viewer(), s.viewer(), s.link(consent.Request{}).URL, false
		s.from(func(path string) {
			if path == "/device" && !nested {
				nested = true
				others.press(link)
				nested = false
			}
		})
		first.do(http.MethodPost, link).want(t, http.StatusConflict, "link_busy")
		if len(s.asked) != 6 {
			t.Errorf("asked for %d codes, want three and three of others", len(s.asked))
		}
	})
}
