package consent_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/claviger-proxy/claviger/internal/consent"
	"github.com/claviger-proxy/claviger/vault"
)

// A viewer is a browser at a screen's flow: it keeps cookies and follows no redirects.
type viewer struct {
	s       *screen
	cookies map[string]*http.Cookie
}

func (s *screen) viewer() *viewer { return &viewer{s, map[string]*http.Cookie{}} }

func (v *viewer) do(method, target string) answer {
	v.s.t.Helper()
	r := httptest.NewRequest(method, target, nil)
	for _, c := range v.cookies {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	v.s.flow.ServeHTTP(w, r)
	resp := w.Result()
	for _, c := range resp.Cookies() {
		v.cookies[c.Name] = c
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		v.s.t.Fatal(err)
	}
	if strings.Contains(string(body), "canary") {
		v.s.t.Errorf("%s %s shows a secret", method, target)
	}
	return answer{resp.StatusCode, resp.Header, string(body)}
}

// link makes a link for user_1 at tv.
func (s *screen) link(r consent.Request) consent.Issued {
	s.t.Helper()
	r.Connection, r.Identifier = "tv", "user_1"
	issued, err := s.flow.Begin(s.t.Context(), r)
	if err != nil {
		s.t.Fatal(err)
	}
	return issued
}

// press presses the button of a link, and returns the page that waits.
func (v *viewer) press(link string) (waiting string) {
	v.s.t.Helper()
	a := v.do(http.MethodPost, link)
	waiting = a.header.Get("Location")
	if a.status != http.StatusSeeOther || !strings.HasPrefix(waiting, "https://accounts.example.com/oauth/device?link=lnk_") || a.body != "" {
		v.s.t.Fatalf("the button leads to %d %s", a.status, waiting)
	}
	return waiting
}

func TestDevicePage(t *testing.T) {
	onScreen(t, func(t *testing.T, s *screen) {
		defer s.tend(s.flow)()
		s.polls = []reply{pending, pending, consents}
		v, link := s.viewer(), s.link(consent.Request{}).URL
		for _, method := range []string{http.MethodGet, http.MethodHead} { // O-07
			if a := v.do(method, link); a.status != http.StatusOK || len(a.header["Set-Cookie"]) != 0 || len(s.asked) != 0 {
				t.Errorf("%s: %d, asked for %d codes", method, a.status, len(s.asked))
			}
		}
		waiting := v.press(link)
		a := v.do(http.MethodGet, waiting)
		wantPolicy(t, a)
		for _, want := range []string{
			"WDJB-MJHT", "&amp;wait=1", `href="https://id.test/activate?user_code=WDJB-MJHT"`, "https://id.test/activate<", "user_1", "The app",
			"10 more minutes", "Continue when you are done there", "type in no code that somebody else has sent", `rel="noopener noreferrer"`,
		} {
			if !strings.Contains(a.body, want) {
				t.Errorf("the page lacks %q", want)
			}
		}
		if a.status != http.StatusOK || a.header.Get("Cache-Control") != "no-store" || a.header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("the page is %d %v", a.status, a.header)
		}
		time.Sleep(11 * time.Second)
		if a := v.do(http.MethodGet, waiting); !strings.Contains(a.body, "WDJB-MJHT") {
			t.Errorf("while it waits the page is %d", a.status)
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		done := v.do(http.MethodGet, waiting)
		to := done.header.Get("Location")
		if done.status != http.StatusSeeOther || !strings.Contains(to, "/oauth/done?link=lnk_") {
			t.Fatalf("afterwards the page leads to %d %s", done.status, to)
		}
		if a := v.do(http.MethodGet, to); a.status != http.StatusOK || !strings.Contains(a.body, "You are connected") || !strings.Contains(a.body, "Ada") {
			t.Errorf("in the end: %d %s", a.status, a.body)
		}
		v.do(http.MethodPost, link).want(t, http.StatusGone, "link_used")
	})
}

// O-04: another browser learns nothing of the code.
func TestO04DevicePageOfAnotherBrowser(t *testing.T) {
	onScreen(t, func(t *testing.T, s *screen) {
		v, link := s.viewer(), s.link(consent.Request{}).URL
		waiting := v.press(link)
		other := s.viewer()
		other.press(s.link(consent.Request{}).URL)
		for name, a := range map[string]answer{"without a cookie": s.viewer().do(http.MethodGet, waiting), "with another link's": other.do(http.MethodGet, waiting)} {
			if strings.Contains(a.body, "WDJB-") || a.status != http.StatusOK || strings.Contains(a.body, "user_1") {
				t.Errorf("%s: %d %s", name, a.status, a.body)
			}
		}
		for name, a := range map[string]answer{"POST": v.do(http.MethodPost, waiting), "no link": v.do(http.MethodGet, "https://accounts.example.com/oauth/device/x")} {
			if strings.Contains(a.body, "WDJB-") || a.status < 400 {
				t.Errorf("%s: %d", name, a.status)
			}
		}
	})
}

// A link that is started anew has another code, and the browser before is out.
func TestO06DevicePageStartedAgain(t *testing.T) {
	onScreen(t, func(t *testing.T, s *screen) {
		defer s.tend(s.flow)()
		link := s.link(consent.Request{})
		first, second := s.viewer(), s.viewer()
		old := first.press(link.URL)
		waiting := second.press(link.URL)
		if a := first.do(http.MethodGet, old); strings.Contains(a.body, "WDJB-") || len(s.asked) != 2 {
			t.Errorf("the first browser still has the page; asked for %d codes", len(s.asked))
		}
		s.from(nil, consents)
		time.Sleep(time.Minute)
		synctest.Wait()
		if !slices.Equal(s.polledFor, []string{"canary-device-code-2"}) {
			t.Errorf("polled for %q, want the second code alone", s.polledFor)
		}
		if a := second.do(http.MethodGet, waiting); a.status != http.StatusSeeOther || len(s.connected) != 1 {
			t.Errorf("the second browser is at %d, connected %d times", a.status, len(s.connected))
		}
	})
}

func TestDevicePageEnds(t *testing.T) {
	onScreen(t, func(t *testing.T, s *screen) {
		defer s.tend(s.flow)()
		s.polls = []reply{refuses("access_denied")}
		v := s.viewer()
		waiting := v.press(s.link(consent.Request{}).URL)
		time.Sleep(6 * time.Second)
		synctest.Wait()
		v.do(http.MethodGet, v.do(http.MethodGet, waiting).header.Get("Location")).want(t, http.StatusForbidden, "access_denied")
	})
	onScreen(t, func(t *testing.T, s *screen) { // while the token is stored
		v, issued := s.viewer(), s.link(consent.Request{})
		waiting := v.press(issued.URL)
		l, err := s.vault.Link(t.Context(), issued.Link.ID)
		if err != nil {
			t.Fatal(err)
		}
		l.Status = vault.LinkTaken
		if err := s.vault.PutLink(t.Context(), &l); err != nil {
			t.Fatal(err)
		}
		if a := v.do(http.MethodGet, waiting); a.status != http.StatusOK || !strings.Contains(a.body, "One moment") || strings.Contains(a.body, "WDJB-") || !strings.Contains(a.body, "wait=1") {
			t.Errorf("the page is %d %s", a.status, a.body)
		}
	})
}

// A provider that gives no code leaves the link as it is, to be tried again.
func TestDevicePageWithoutCode(t *testing.T) {
	onScreen(t, func(t *testing.T, s *screen) {
		v, link := s.viewer(), s.link(consent.Request{}).URL
		codes := s.codes
		s.codes = reply{status: 503}
		v.do(http.MethodPost, link).want(t, http.StatusBadGateway, "provider_unavailable")
		s.codes = codes
		v.press(link)
	})
}

// In the end the browser goes where the app wants it, or first where there is something to choose.
func TestDevicePageGoesOn(t *testing.T) {
	onScreen(t, func(t *testing.T, s *screen) {
		defer s.tend(s.flow)()
		s.polls = []reply{consents}
		v, issued := s.viewer(), s.link(consent.Request{ReturnURL: "https://app.example.com/done", State: "tab=2"})
		waiting := v.press(issued.URL)
		time.Sleep(6 * time.Second)
		synctest.Wait()
		want := "https://app.example.com/done?connected_account_id=" + string(issued.Link.AccountID) + "&connection=tv&identifier=user_1&state=tab%3D2&status=connected"
		if got := v.do(http.MethodGet, waiting).header.Get("Location"); got != want {
			t.Errorf("the browser goes to %s, want %s", got, want)
		}
	})
	onScreen(t, func(t *testing.T, s *screen) {
		defer s.tend(s.flow)()
		s.polls = []reply{consents}
		issued, err := s.flow.Begin(t.Context(), consent.Request{Connection: "sites", Identifier: "user_1"})
		if err != nil {
			t.Fatal(err)
		}
		v := s.viewer()
		waiting := v.press(issued.URL)
		time.Sleep(6 * time.Second)
		synctest.Wait()
		to := v.do(http.MethodGet, waiting).header.Get("Location")
		if a := v.do(http.MethodGet, to); !strings.Contains(to, "/oauth/choice?link=") || !strings.Contains(a.body, "two") || s.revoked != 0 {
			t.Errorf("the browser goes to %s, which shows %d %s", to, a.status, a.body)
		}
	})
}

// A user who is done is waited for until the provider was asked once more, and told if that was too early. The page
// itself does not ask again.
func TestDevicePageWaits(t *testing.T) {
	onScreen(t, func(t *testing.T, s *screen) {
		defer s.tend(s.flow)()
		s.polls = []reply{pending, consents}
		v := s.viewer()
		waiting := v.press(s.link(consent.Request{}).URL)
		if a := v.do(http.MethodGet, waiting); strings.Contains(a.body, "http-equiv") || a.header.Get("Refresh") != "" || strings.Contains(a.body, "not arrived") {
			t.Errorf("the page is %v %s", a.header, a.body)
		}
		time.Sleep(time.Second)
		begun := time.Now()
		early := v.do(http.MethodGet, waiting+"&wait=1")
		if took := time.Since(begun); took != 7*time.Second || !strings.Contains(early.body, "has not arrived") || !strings.Contains(early.body, "WDJB-") {
			t.Errorf("after %s the page is %d %s", took, early.status, early.body)
		}
		wantPolicy(t, early)
		begun = time.Now()
		done := v.do(http.MethodGet, waiting+"&wait=1")
		if took := time.Since(begun); took > 3*time.Second || !strings.Contains(done.header.Get("Location"), "/oauth/done?link=lnk_") {
			t.Errorf("after %s the page is %d %v", took, done.status, done.header)
		}
	})
}

// Nobody waits for a journey that is not theirs, or no longer: the page of another browser is there at once.
func TestO04DevicePageWaitsForItsBrowser(t *testing.T) {
	onScreen(t, func(t *testing.T, s *screen) {
		link := s.link(consent.Request{}).URL
		v, other := s.viewer(), s.viewer()
		waiting := v.press(link)
		begun := time.Now()
		a := other.do(http.MethodGet, waiting+"&wait=1")
		if took := time.Since(begun); took != 0 || strings.Contains(a.body, "WDJB-") {
			t.Errorf("after %s another browser has %s", took, a.body)
		}
		go func() {
			time.Sleep(time.Second)
			other.press(link)
		}()
		v.do(http.MethodGet, waiting+"&wait=1").want(t, http.StatusBadRequest, "state_unknown")
		if took := time.Since(begun); took > 2*time.Second {
			t.Errorf("the browser that is out has waited %s", took)
		}
	})
}

// The cookie outlives the code, which the browser may be without a look at us.
func TestDevicePageCookie(t *testing.T) {
	onScreen(t, func(t *testing.T, s *screen) {
		v := s.viewer()
		v.do(http.MethodGet, v.press(s.link(consent.Request{}).URL))
		for _, c := range v.cookies {
			if c.MaxAge != 30*60 { // the code lives ten minutes
				t.Errorf("the cookie lives %d seconds", c.MaxAge)
			}
		}
		if len(v.cookies) != 1 {
			t.Errorf("there are %d cookies", len(v.cookies))
		}
	})
}
