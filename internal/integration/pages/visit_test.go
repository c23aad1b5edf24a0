//go:build pages

package pages

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/internal/fakeprovider"
)

// visitor is one user with a browser, on the way to a page.
type visitor struct {
	*tab
	w          *world
	identifier string
	script     bool
	// asked are the queries with which this visitor has come to the provider; see [visitor.bring].
	asked chan url.Values
}

func newVisitor(t *testing.T, w *world, b *browser, identifier string, script bool) *visitor {
	t.Helper()
	t.Cleanup(w.provider.ClearFaults)
	return &visitor{tab: b.open(t, script), w: w, identifier: identifier, script: script, asked: make(chan url.Values, 10)}
}

// other is another browser of the same user.
func (v *visitor) other() *visitor {
	o := *v
	o.tab = v.b.open(v.t, v.script)
	return &o
}

// link makes an authorization link; change may be nil.
func (v *visitor) link(connection string, change func(*client.NewLink)) client.Link {
	v.t.Helper()
	n := client.NewLink{Connection: connection, Identifier: v.identifier}
	if change != nil {
		change(&n)
	}
	l, err := v.w.api.CreateLink(v.t.Context(), n)
	if err != nil {
		v.t.Fatal(err)
	}
	return l
}

// start opens a new link, and presses its button.
func (v *visitor) start(connection string) client.Link {
	v.t.Helper()
	l := v.link(connection, nil)
	v.begin(l)
	return l
}

func (v *visitor) begin(l client.Link) {
	v.t.Helper()
	v.goTo(l.URL)
	v.press("Continue to Postbox")
}

// form goes on to the form of a connection whose accounts have keys.
func (v *visitor) form() {
	v.t.Helper()
	v.goTo(v.link("keyed", nil).URL)
	v.press("Continue")
}

// tries fills the form in, and has the provider answer with that status when the key is tried out.
func (v *visitor) tries(status int) {
	v.t.Helper()
	v.answers("/api/me", fakeprovider.Fault{Status: status, Body: `{"id":"17","name":"Ada","email":"ada@example.com"}`})
	v.fill("site", "acme")
	v.fill("key", "a-key-of-the-user")
	v.press("Connect")
}

// consent signs in at the provider, and presses Allow or Deny there.
func (v *visitor) consent(user, button string) {
	v.t.Helper()
	v.fill("username", user)
	v.press("Sign in")
	v.press(button)
}

// connect goes all the way.
func (v *visitor) connect(connection, user string) client.Link {
	v.t.Helper()
	l := v.start(connection)
	v.consent(user, "Allow")
	return l
}

// answers has the provider answer a path otherwise.
func (v *visitor) answers(path string, f fakeprovider.Fault) { v.w.provider.SetFault(path, f) }

// sends has the provider send the browser back from its first page, with these parameters beside the state.
func (v *visitor) sends(params url.Values) {
	v.answers("/authorize", fakeprovider.Fault{Stream: func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, callbackOf(r.URL.Query(), params), http.StatusFound)
	}})
}

// noImages is the policy of pages for which the browser asks for no icon.
const noImages = "img-src 'none'"

// fails has it do so with an error.
func (v *visitor) fails(code string) { v.sends(url.Values{"error": {code}}) }

// waits has the provider show a page of no consequence, and returns the callback URL that it would send the browser to
// after [visitor.begin].
func (v *visitor) waits() (callback func(params url.Values) string) {
	v.answers("/authorize", fakeprovider.Fault{Stream: func(w http.ResponseWriter, r *http.Request) {
		v.asked <- r.URL.Query()
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Security-Policy", noImages)
		_, _ = w.Write([]byte("<title>Wait</title>"))
	}})
	return func(params url.Values) string {
		v.t.Helper()
		select {
		case q := <-v.asked:
			return callbackOf(q, params)
		default:
			v.t.Fatal("the provider was not asked")
			return ""
		}
	}
}

func callbackOf(q, params url.Values) string {
	back := url.Values{}
	if state := q.Get("state"); state != "" {
		back.Set("state", state)
	}
	for name, values := range params {
		if back[name] = values; len(values) == 0 {
			back.Del(name)
		}
	}
	return q.Get("redirect_uri") + "?" + back.Encode()
}

// presses has the provider show a page whose button sends a form to one of ours, and presses it.
func (v *visitor) presses(action string) {
	v.t.Helper()
	v.answers("/elsewhere", fakeprovider.Fault{
		ContentType: "text/html", Header: http.Header{"Content-Security-Policy": {noImages}},
		Body: `<title>Elsewhere</title><form method="post" action="` + action + `"><button>Win</button></form>`,
	})
	v.goTo(v.w.provider.URL() + "/elsewhere")
	v.press("Win")
}

// choose goes on with a connection for which the provider lists these sites.
func (v *visitor) choose(sites string) {
	v.t.Helper()
	v.answers("/sites", fakeprovider.Fault{Body: sites})
	v.connect("sites", "alice")
}

func manySites(n int) string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf(`{"id":"s-%d","name":"Site %d"}`, i, i))
	}
	return "[" + strings.Join(list, ",") + "]"
}

// consentAtDevice types in the code, in the other tab that the page opens.
func (v *visitor) consentAtDevice(user, button string) {
	v.t.Helper()
	o := *v
	o.tab = v.popup("Open 127.0.0.1:" + strconv.Itoa(v.w.provider.Port()))
	o.press("Continue")
	o.consent(user, button)
}

// holds has the provider answer a path when the test is over.
func (v *visitor) holds(path string) {
	over := make(chan struct{})
	v.t.Cleanup(func() { close(over) })
	v.answers(path, fakeprovider.Fault{Stream: func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-over:
		case <-r.Context().Done():
		}
	}})
}

// tokenFails has the user consent, and the provider refuse to give a token for that.
func (v *visitor) tokenFails(status int, code string) {
	v.t.Helper()
	v.answers("/oauth/token", fakeprovider.Fault{Status: status, Body: `{"error":"` + code + `"}`})
	v.connect("mail", "alice")
}

var oldCallback = regexp.MustCompile(`oauth_callback="([^"]*)"`)

// answersOldWay is the provider of OAuth 1.0a, which sends the browser back with that token.
func (v *visitor) answersOldWay(token string) {
	callback := make(chan string, 1)
	v.answers("/old/request", fakeprovider.Fault{Stream: func(w http.ResponseWriter, r *http.Request) {
		if m := oldCallback.FindStringSubmatch(r.Header.Get("Authorization")); m != nil {
			to, _ := url.QueryUnescape(m[1])
			callback <- to
		}
		_, _ = w.Write([]byte("oauth_token=one&oauth_token_secret=two&oauth_callback_confirmed=true"))
	}})
	v.answers("/old/authorize", fakeprovider.Fault{Stream: func(w http.ResponseWriter, r *http.Request) {
		to, err := url.Parse(<-callback)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		q := to.Query()
		q.Set("oauth_token", token)
		q.Set("oauth_verifier", "x")
		to.RawQuery = q.Encode()
		http.Redirect(w, r, to.String(), http.StatusFound)
	}})
}

// linkWithoutConnection is the URL of a link whose connection has been removed since.
func (v *visitor) linkWithoutConnection() string {
	v.t.Helper()
	name := "gone-" + v.identifier
	_, err := v.w.api.CreateConnection(v.t.Context(), client.NewConnection{
		Name: name, Connector: "mail", ClientID: "x", ClientSecret: "{env.CLIENT_SECRET}",
	})
	if err != nil {
		v.t.Fatal(err)
	}
	l := v.link(name, nil)
	if err := v.w.api.DeleteConnection(v.t.Context(), name); err != nil {
		v.t.Fatal(err)
	}
	return l.URL
}

// over waits for the end of a link.
func (v *visitor) over(l client.Link) {
	v.t.Helper()
	await(v.t, "the link is over", func() bool {
		got, err := v.w.api.Link(v.t.Context(), l.ID)
		if err != nil {
			v.t.Fatal(err)
		}
		return got.Over()
	})
}
