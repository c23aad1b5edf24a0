package consent

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/internal/problem"
	"github.com/claviger-proxy/claviger/vault"
)

//go:embed pages/*.html
var files embed.FS

//go:embed pages/style.css
var style string

var (
	templates = template.Must(template.ParseFS(files, "pages/*.html"))
	// plain fills a message's places for readers that are programs.
	plain = strings.NewReplacer("{app}", defaultAppName, "{App}", "The app", "{provider}", "the provider",
		"{callback}", "the configured callback", "{host}", "another address")
)

// page is what the templates show.
type page struct {
	Style template.CSS
	// App is what the app is called, AppFirst the same at the beginning of a sentence.
	App, AppFirst string
	Provider      string
	// AppMark and ProviderMark are their first letters.
	AppMark, ProviderMark string

	// For a link.
	Connection string
	Identifier string
	Scopes     []string
	Reconnect  bool
	// Action is where the button leads, Host where the browser goes from there.
	Action string
	Host   string

	// For a form. Action is where it leads, and Consents says that the user goes on to the provider from there; for a
	// link they say where its button leads in the end.
	Form, Consents bool
	Fields         []field
	Facts          []fact

	// For a choice. Action is where it leads.
	Entry int
	Items []item
	More  bool

	// For a device. UserCode is empty while its token is being stored. Action is where its user goes on, Early tells that it
	// was tried before.
	UserCode, Verify, VerifyComplete string
	Minutes                          int
	Early                            bool

	// For everything else.
	Code              string
	Good              bool
	Title, Text, Next string
	Who               vault.Identity
}

// showLink shows who asks for what, and the button.
func (f *Flow) showLink(w http.ResponseWriter, j *journey, path string) {
	p := f.page(j)
	p.Connection, p.Identifier, p.Reconnect = j.connection.Name, j.link.Identifier, j.link.Reconnect
	p.Scopes = j.connection.App.RequestedScopes(j.link.Scopes)
	p.Action, p.Form, p.Consents = path, j.form != nil, j.connection.Connector().Mode.NeedsUser()
	if p.Form { // its page is ours, and the provider's may not be known yet
		f.show(w, http.StatusOK, "link.html", "'self'", p)
		return
	}
	provider, err := url.Parse(cmp.Or(j.connection.App.Endpoints.Authorize, j.connection.App.Endpoints.Device))
	if err != nil {
		f.showCode(w, j, codeConnection)
		return
	}
	p.Host = provider.Host
	f.show(w, http.StatusOK, "link.html", formAction(provider, j.link.ReturnURL), p)
}

// formAction lists where the button may lead. Chromium holds every redirect that follows against
// it, and a provider redirects between hosts of its own (login, tenant, workspace) before it
// redirects to our callback, and we to the app: so any https URL is listed, and origins that are
// not https by name.
func formAction(provider *url.URL, returnURL string) string {
	list := []string{"'self'", "https:"}
	app, _ := url.Parse(returnURL) // "" when there is none
	for _, u := range []*url.URL{provider, app} {
		if u != nil && u.Scheme == "http" && !slices.Contains(list, origin(u)) {
			list = append(list, origin(u))
		}
	}
	return strings.Join(list, " ")
}

// showCode shows what a code means. j may be nil.
func (f *Flow) showCode(w http.ResponseWriter, j *journey, code string) {
	f.showPage(w, f.page(j), code, "")
}

func (f *Flow) showPage(w http.ResponseWriter, p page, code, host string) {
	m, ok := messages[code]
	if !ok {
		code = codeProviderRefused // an outcome of another version
		m = messages[code]
	}
	fill := strings.NewReplacer("{app}", p.App, "{App}", p.AppFirst, "{provider}", p.Provider, "{callback}", f.callback.String(), "{host}", cleanText(host))
	p.Code, p.Good = code, code == codeConnected || code == codeNothingToShow
	p.Title, p.Text, p.Next = fill.Replace(m.title), fill.Replace(m.text), fill.Replace(m.next)
	if !p.Good {
		w.Header().Set(problem.Header, code)
	}
	f.show(w, m.status, "result.html", "'none'", p)
}

// page has what all pages show.
func (f *Flow) page(j *journey) page {
	p := page{App: f.appName, AppFirst: f.appName, AppMark: mark(f.appName), Provider: "the provider"}
	if f.appName == defaultAppName {
		p.AppFirst, p.AppMark = "The app", ""
	}
	if j != nil {
		p.Provider = j.connection.Connector().Title
		p.ProviderMark = mark(p.Provider)
	}
	return p
}

func mark(name string) string {
	for _, r := range name {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return string(unicode.ToUpper(r))
		}
	}
	return ""
}

// show writes a page with the headers that keep it to itself: nothing is loaded, nothing frames it,
// nobody stores it, and no other site learns its address.
func (f *Flow) show(w http.ResponseWriter, status int, name, formAction string, p page) {
	p.Style = template.CSS(style)
	var buf bytes.Buffer
	if err := templates.ExecuteTemplate(&buf, name, p); err != nil {
		f.log.Error("writing a page", zap.String("page", name), zap.Error(err))
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src '"+styleHash+"'; form-action "+formAction+
		"; frame-ancestors 'none'; base-uri 'none'")
	w.WriteHeader(status)
	_, _ = buf.WriteTo(w) // the browser has gone; there is nobody to tell
}

var styleHash = func() string {
	sum := sha256.Sum256([]byte(style))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}()

// private sets the headers of every answer, redirects included.
func private(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Robots-Tag", "noindex")
}
