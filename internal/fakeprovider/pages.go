package fakeprovider

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"net/url"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

//go:embed page.html
var pageSource string

//go:embed page.css
var pageStyle string

var pageTemplate = template.Must(template.New("page").Parse(pageSource))

// policy lets a page use its own style and nothing else. It has no form-action: browsers would apply
// it to the redirect back to the app as well.
var policy = func() string {
	sum := sha256.Sum256([]byte(pageStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; frame-ancestors 'none'"
}()

// page is what the template shows.
type page struct {
	Kind     string // home, device, login, consent, problem
	Title    string
	Provider string
	App      string
	ID       string // of the request
	Hint     string // login name to begin with
	Problem  string
	User     User
	Users    []User
	Scopes   []scopeText
	Back     string // host the answer goes to
	Style    template.CSS
}

// scopeText is a scope in words.
type scopeText struct{ Name, Text string }

var scopeTexts = map[string]string{
	"openid":         "Know who you are",
	"profile":        "See your name",
	"email":          "See your email address",
	"offline_access": "Keep access while you are away",
	"mail.read":      "Read your mail",
	"mail.modify":    "Mark your mail as read",
	"mail.send":      "Send mail in your name",
}

func describe(scopes []string) []scopeText {
	list := make([]scopeText, 0, len(scopes))
	for _, s := range scopes {
		list = append(list, scopeText{s, scopeTexts[s]})
	}
	return list
}

func (s *Server) show(w http.ResponseWriter, status int, p page) {
	p.Provider, p.App, p.Style = s.config.Name, s.config.ClientName, template.CSS(pageStyle)
	for _, u := range s.mail.all() {
		if !u.Hidden {
			p.Users = append(p.Users, u)
		}
	}
	var buf bytes.Buffer
	if err := pageTemplate.Execute(&buf, p); err != nil {
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = buf.WriteTo(w)
}

func (s *Server) home(w http.ResponseWriter, _ *http.Request) {
	s.show(w, http.StatusOK, page{Kind: "home", Title: "A mailbox to try things on"})
}

// open finds the authorization request a page belongs to, or shows that there is none.
func (s *Server) open(w http.ResponseWriter, id string) (*authRequest, bool) {
	req, ok := s.ledger.request(id)
	if !ok || req.done {
		s.show(w, http.StatusBadRequest, page{
			Kind: "problem", Title: "This page has expired",
			Problem: "Go back to the app and begin again.",
		})
		return nil, false
	}
	return req, true
}

func (s *Server) loginPage(w http.ResponseWriter, r *http.Request) {
	if req, ok := s.open(w, r.URL.Query().Get("id")); ok {
		s.show(w, http.StatusOK, page{Kind: "login", Title: "Sign in", ID: req.id, Hint: req.loginHint})
	}
}

func (s *Server) login(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, formLimit)
	req, ok := s.open(w, r.PostFormValue("id"))
	if !ok {
		return
	}
	name := r.PostFormValue("username")
	u, ok := s.mail.find(name)
	if !ok {
		s.show(w, http.StatusUnprocessableEntity, page{
			Kind: "login", Title: "Sign in", ID: req.id, Hint: name,
			Problem: "There is no account with that name.",
		})
		return
	}
	s.ledger.signIn(req.id, u.ID)
	http.Redirect(w, r, "/consent?id="+url.QueryEscape(req.id), http.StatusSeeOther)
}

func (s *Server) consentPage(w http.ResponseWriter, r *http.Request) {
	req, ok := s.open(w, r.URL.Query().Get("id"))
	if !ok {
		return
	}
	u, ok := s.mail.user(req.user)
	if !ok {
		http.Redirect(w, r, s.client.LoginURL(req.id), http.StatusSeeOther)
		return
	}
	back := req.redirectURI
	if to, err := url.Parse(back); err == nil && req.device == nil {
		back = to.Host
	}
	s.show(w, http.StatusOK, page{
		Kind: "consent", Title: "Allow access?", ID: req.id, User: u,
		Scopes: describe(req.scopes), Back: back,
	})
}

func (s *Server) consent(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, formLimit)
	req, ok := s.open(w, r.PostFormValue("id"))
	if !ok {
		return
	}
	switch decision := r.PostFormValue("decision"); {
	case req.user == "":
		http.Redirect(w, r, s.client.LoginURL(req.id), http.StatusSeeOther)
	case req.device != nil && (decision == "allow" || decision == "deny"):
		s.deviceDecided(w, req.id, decision == "allow")
	case decision == "allow":
		s.ledger.allow(req.id)
		ctx := op.ContextWithIssuer(r.Context(), s.url)
		http.Redirect(w, r, op.AuthCallbackURL(s.op)(ctx, url.QueryEscape(req.id)), http.StatusSeeOther)
	case decision == "deny":
		s.ledger.deny(req.id)
		op.AuthRequestError(w, r, req, oidc.ErrAccessDenied(), s.op)
	default:
		s.show(w, http.StatusBadRequest, page{
			Kind: "problem", Title: "Neither yes nor no",
			Problem: "Go back and choose one of the two buttons.",
		})
	}
}
