// Package api is the management API over HTTP: connectors, connections, authorization links,
// connected accounts, events and webhooks, and the vault.
//
// [New] makes a handler that may be put on Caddy's admin endpoint or on a site; it does no
// authentication of its own. It speaks JSON in both directions, with the types of package client,
// and answers errors as problem documents. No answer holds a refresh token, a client secret, the value of
// a secret input or a key, and so there is no route for an export. Confidential are the URL or user code of a new
// authorization link, the secret of a new webhook, and the access token of an account whose connection
// exposes tokens. [Problem] translates the errors of all packages below, for the data plane too.
package api

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"path"
	"time"

	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/broker"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/internal/consent"
	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/internal/problem"
	"github.com/claviger-proxy/claviger/vault"
)

// DefaultPrefix is where the routes are when [Options].Prefix is empty.
const DefaultPrefix = "/claviger"

// Options are what the API works with. Vault, Connections, Catalog, Broker, OAuth and Consent are required.
type Options struct {
	Vault       *vault.Vault
	Connections *connection.Set
	// Catalog returns the connectors of the moment, as [connection.Set.Catalog] does.
	Catalog func() *connectors.Catalog
	Broker  *broker.Broker
	// OAuth registers the clients of connections, and has them deleted.
	OAuth *oauth.Client
	// AppName is what a client that is registered is called at the provider; empty means Claviger.
	AppName string
	// Consent makes authorization links, and connects accounts without.
	Consent *consent.Flow
	// Unsaved counts accounts whose newest token the vault has not taken yet; nil means none.
	Unsaved func() int
	// Reseal starts to seal records anew in the background, or wakes who does that. It does not
	// block. Nil means that nobody does.
	Reseal func()
	// Deliver wakes who delivers to webhooks. It does not block. Nil means that nobody does.
	Deliver func()
	// Expand replaces the one placeholder, such as {env.SECRET} or {file./run/secret}, that a
	// client secret, or the value of a connection's secret input, consists of. Nil means that
	// placeholders are refused. Set it on the admin endpoint only: who may name a file here can have
	// it sent to the connector's provider.
	Expand func(placeholder string) (string, error)
	// Version is the version of the program, StartedAt when it began; zero means now.
	Version   string
	StartedAt time.Time
	// Prefix is put before every route; empty means [DefaultPrefix].
	Prefix string
	// Log is told of errors that the caller is not told; nil means nobody is.
	Log *zap.Logger
}

type api struct {
	Options
	mux   *http.ServeMux
	cross *http.CrossOriginProtection
}

// New returns the handler of all routes. It does no I/O, and what requests wait for is the process's, so
// it may be made for each request.
func New(o Options) http.Handler {
	a := &api{Options: o, mux: http.NewServeMux(), cross: http.NewCrossOriginProtection()}
	if a.Prefix == "" {
		a.Prefix = DefaultPrefix
	}
	if a.StartedAt.IsZero() {
		a.StartedAt = time.Now()
	}
	if a.Log == nil {
		a.Log = zap.NewNop()
	}
	for _, o := range Operations() {
		a.route(o)
	}
	return a
}

// handler answers itself, or returns an error to answer with.
type handler func(http.ResponseWriter, *http.Request) error

func (a *api) route(o Operation) {
	h := handler(func(w http.ResponseWriter, r *http.Request) error { return o.do(a, w, r) })
	if o.Once() {
		h = a.once(h)
	}
	a.mux.HandleFunc(o.Method()+" "+a.Prefix+o.Path(), func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			a.fail(w, r, err)
		}
	})
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// Pages of other sites cannot read our answers, but without this they could make requests.
	if err := a.cross.Check(r); err != nil {
		a.fail(w, r, refuse(CodeBrowser, "the request comes from a page of another site", ""))
		return
	}
	h, pattern := a.mux.Handler(r)
	// The mux would redirect an unclean path, and a redirected POST is lost.
	if p := r.URL.EscapedPath(); pattern == "" || path.Clean(p) != p {
		a.unrouted(w, r, h, pattern)
		return
	}
	a.mux.ServeHTTP(w, r)
}

// unrouted answers 405 where another method would do, else 404.
func (a *api) unrouted(w http.ResponseWriter, r *http.Request, h http.Handler, pattern string) {
	if pattern == "" {
		v := void{header: http.Header{}}
		h.ServeHTTP(&v, r)
		if allow := v.header.Get("Allow"); allow != "" {
			w.Header().Set("Allow", allow)
			a.fail(w, r, refuse(CodeMethod, "this route does not take the method "+method(r), ""))
			return
		}
	}
	a.fail(w, r, refuse(CodeRoute, "there is no such route", ""))
}

// method is the request's method if it is a common one; others are not repeated.
func method(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return r.Method
	}
	return "of the request"
}

// void takes what the mux has to say about a method.
type void struct{ header http.Header }

func (v *void) Header() http.Header         { return v.header }
func (v *void) Write(p []byte) (int, error) { return len(p), nil }
func (v *void) WriteHeader(int)             {}

// fail answers with err, and logs what the caller cannot mend.
func (a *api) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := Problem(err)
	if p.Status >= http.StatusInternalServerError {
		p.RequestID = "req_" + rand.Text()
		a.Log.Error("management request failed", zap.String("request_id", p.RequestID), zap.String("code", p.Code),
			zap.String("route", r.Pattern), zap.Error(err))
	}
	problem.Write(w, p)
}

// answer sends v as JSON.
func answer(w http.ResponseWriter, status int, v any) error {
	var body bytes.Buffer
	e := json.NewEncoder(&body)
	e.SetEscapeHTML(false) // metadata is given back as it came
	if err := e.Encode(v); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes()) // the caller has gone; there is nobody to tell
	return nil
}
