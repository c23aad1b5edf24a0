//go:build pages

package pages

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/client"
)

// Every page is as it should be, in a browser that runs scripts and in one that does not.
func TestPages(t *testing.T) {
	headings := outcomes(t)
	for _, run := range []struct {
		name   string
		script bool
	}{{"scripts", true}, {"noscript", false}} {
		t.Run(run.name, func(t *testing.T) {
			t.Parallel() // each has a world of its own
			w, b := startWorld(t), startBrowser(t)
			for _, e := range entries {
				t.Run(e.name, func(t *testing.T) {
					v := newVisitor(t, w, b, e.name, run.script)
					e.reach(v)
					heading := e.heading
					if e.outcome != "" {
						heading = strings.NewReplacer("{provider}", "Postbox", "{app}", "Example App").Replace(headings[e.outcome])
					}
					picture := ""
					if run.script {
						picture = e.name
					}
					v.isRight(v.look(picture, run.script), e, heading)
				})
			}
		})
	}
}

// isRight holds a page against what is promised of all of them.
func (v *visitor) isRight(s sight, e entry, heading string) {
	v.t.Helper()
	if s.Heading != heading || s.Headings != 1 || s.Title == "" {
		v.t.Fatalf("the page %q has %d headings, %q, want %q:\n%s", s.Title, s.Headings, s.Heading, heading, s.Text)
	}
	for _, wrong := range slices.Concat(s.Wrong, s.Errors) {
		v.t.Error(wrong)
	}
	here, provider := originOf(v.w.at("/")), v.w.provider.URL()
	own := []string{here, strings.Replace(here, "127.0.0.1", "localhost", 1)} // the latter is told that it is wrong
	for _, at := range s.Requests {
		if o := originOf(at); !slices.Contains(own, o) && o != provider {
			v.t.Errorf("the browser has asked for %s", at)
		}
	}
	pages := 0
	for _, a := range s.Answers {
		if !slices.Contains(own, originOf(a.URL)) {
			continue
		}
		if pages++; !a.Page {
			v.t.Errorf("a page has loaded something: %s", a.URL)
		}
		v.isPrivate(a)
	}
	if pages == 0 {
		v.t.Error("none of our pages was asked for")
		return
	}
	last, outcome := s.Answers[len(s.Answers)-1], e.outcome
	good := outcome == "connected" || outcome == "nothing_to_show" || outcome == ""
	if got := last.Headers["claviger-error"]; good && got != e.says || good && e.says == "" && last.Status != http.StatusOK ||
		!good && (got != outcome || last.Status < 400 || !strings.Contains(s.Text, "Code: "+outcome)) {
		v.t.Errorf("the page is %d with %q, want %q", last.Status, got, outcome+e.says)
	}
}

// isPrivate checks the headers of one of our answers.
func (v *visitor) isPrivate(a answer) {
	v.t.Helper()
	for name, want := range map[string]string{
		"cache-control": "no-store", "referrer-policy": "no-referrer", "x-content-type-options": "nosniff", "x-frame-options": "DENY",
	} {
		if got := a.Headers[name]; got != want {
			v.t.Errorf("%d has %s: %q, want %q", a.Status, name, got, want)
		}
	}
	if a.Status >= 300 && a.Status < 400 {
		return
	}
	policy := a.Headers["content-security-policy"]
	for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"} {
		if !strings.Contains(policy, want) {
			v.t.Errorf("the policy %q lacks %s", policy, want)
		}
	}
	for _, bad := range []string{"unsafe", "*", "data:", "http:;"} {
		if strings.Contains(policy, bad) {
			v.t.Errorf("the policy %q has %s", policy, bad)
		}
	}
}

func originOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return raw
	}
	return u.Scheme + "://" + u.Host
}

// A browser ends at the app, if that wants it, and is not stopped by our policies on the way.
func TestReturn(t *testing.T) {
	w, b := startWorld(t), startBrowser(t)
	for user, want := range map[string]url.Values{
		"Allow": {"status": {"connected"}},
		"Deny":  {"status": {"failed"}, "error": {"access_denied"}},
	} {
		v := newVisitor(t, w, b, "user_"+user, true)
		v.begin(v.link("mail", func(n *client.NewLink) { n.ReturnURL, n.State = w.provider.URL()+"/", "tab=2" }))
		v.consent("alice", user)
		s := v.look("", false)
		at, err := url.Parse(s.URL)
		if err != nil || !strings.HasPrefix(s.URL, w.provider.URL()+"/?") || len(s.Errors) > 0 {
			t.Fatalf("%s leads to %s, %q", user, s.URL, s.Errors)
		}
		q := at.Query()
		for name, values := range want {
			if !slices.Equal(q[name], values) {
				t.Errorf("%s: %s is %q, want %q", user, name, q[name], values)
			}
		}
		if q.Get("state") != "tab=2" || q.Has("code") || q.Get("identifier") != "user_"+user {
			t.Errorf("%s leads to %s", user, s.URL)
		}
	}
}

// Whoever has a keyboard alone goes as far.
func TestKeyboard(t *testing.T) {
	w, b := startWorld(t), startBrowser(t)
	t.Run("consent", func(t *testing.T) {
		v := newVisitor(t, w, b, "user_1", true)
		v.goTo(v.link("mail", nil).URL)
		v.keyTo("Continue to Postbox")
		v.leave("Enter")
		v.consent("alice", "Allow")
		v.isRight(v.look("", false), entry{outcome: "connected"}, "You are connected")
	})
	t.Run("choice", func(t *testing.T) {
		v := newVisitor(t, w, b, "user_2", true)
		v.choose(sitesJSON)
		v.keyTo("North")
		v.key("ArrowDown")
		v.keyTo("Connect")
		v.leave("Enter")
		v.isRight(v.look("", false), entry{outcome: "connected"}, "You are connected")
	})
	t.Run("device", func(t *testing.T) {
		v := newVisitor(t, w, b, "user_3", true)
		l := v.start("device")
		v.keyTo("Open 127.0.0.1")
		v.consentAtDevice("alice", "Allow")
		v.over(l)
		v.keyTo("Continue")
		v.leave("Enter")
		v.isRight(v.look("", false), entry{outcome: "connected"}, "You are connected")
	})
}
