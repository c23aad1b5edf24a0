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
	"slices"
	"strings"
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
	a.route("GET /status", a.status)
	a.route("GET /connectors", a.listConnectors)
	a.route("POST /connectors", a.addConnector)
	a.route("GET /connectors/{name}", a.showConnector)
	a.route("PUT /connectors/{name}", a.replaceConnector)
	a.route("DELETE /connectors/{name}", a.removeConnector)
	a.route("GET /connections", a.listConnections)
	a.route("POST /connections", a.createConnection)
	a.route("GET /connections/{name}", a.showConnection)
	a.route("PATCH /connections/{name}", a.changeConnection)
	a.route("DELETE /connections/{name}", a.deleteConnection)
	a.route("POST /connections/{name}/register", a.registerClient)
	a.route("DELETE /connections/{name}/earlier/{client}", a.forgetClient)
	a.route("GET /apps", a.listApps)
	a.route("POST /apps", a.createApp)
	a.route("GET /apps/{connector}", a.showApp)
	a.route("PATCH /apps/{connector}", a.changeApp)
	a.route("DELETE /apps/{connector}", a.deleteApp)
	a.route("DELETE /apps/{connector}/earlier/{client}", a.forgetAppClient)
	a.route("GET /links", a.listLinks)
	a.route("POST /links", a.createLink)
	a.route("GET /links/{id}", a.showLink)
	a.route("DELETE /links/{id}", a.revokeLink)
	a.route("GET /accounts", a.listAccounts)
	a.route("POST /accounts", a.createAccount)
	a.route("GET /accounts/{id}", a.showAccount)
	a.route("GET /accounts/{connection}/{identifier}", a.showAccount)
	a.route("PATCH /accounts/{id}", a.changeAccount)
	a.route("PATCH /accounts/{connection}/{identifier}", a.changeAccount)
	a.route("PUT /accounts/{connection}/{identifier}", a.ensureAccount)
	a.route("DELETE /accounts/{id}", a.removeAccount)
	a.route("DELETE /accounts/{connection}/{identifier}", a.removeAccount)
	a.route("POST /accounts/{id}/disconnect", a.disconnect)
	a.route("POST /accounts/{connection}/{identifier}/disconnect", a.disconnect)
	a.route("POST /accounts/{id}/check", a.check)
	a.route("POST /accounts/{connection}/{identifier}/check", a.check)
	a.route("POST /accounts/{id}/refresh", a.refresh)
	a.route("POST /accounts/{connection}/{identifier}/refresh", a.refresh)
	a.route("GET /accounts/{id}/token", a.fetchToken)
	a.route("GET /accounts/{connection}/{identifier}/token", a.fetchToken)
	a.route("POST /accounts/import", a.importAccounts)
	a.route("GET /events", a.listEvents)
	a.route("GET /events/{id}", a.showEvent)
	a.route("GET /webhooks", a.listWebhooks)
	a.route("POST /webhooks", a.createWebhook)
	a.route("GET /webhooks/{name}", a.showWebhook)
	a.route("PATCH /webhooks/{name}", a.changeWebhook)
	a.route("DELETE /webhooks/{name}", a.deleteWebhook)
	a.route("POST /webhooks/{name}/secret", a.rotateWebhookSecret)
	a.route("POST /webhooks/{name}/enable", a.enableWebhook)
	a.route("POST /webhooks/{name}/disable", a.disableWebhook)
	a.route("GET /webhooks/{name}/deliveries", a.listDeliveries)
	a.route("POST /webhooks/{name}/deliveries/{id}/replay", a.replayDelivery)
	a.route("POST /webhooks/{name}/replay", a.replayFailed)
	a.route("GET /vault", a.showVault)
	a.route("POST /vault/keys", a.addKey)
	a.route("POST /vault/keys/{key}/promote", a.promoteKey)
	a.route("POST /vault/keys/{key}/retire", a.retireKey)
	a.route("POST /vault/rotate", a.rotateKey)
	a.route("POST /vault/rekey", a.rekey)
	a.route("POST /vault/reseal", a.resumeReseal)
	a.route("POST /vault/reseal/pause", a.pauseReseal)
	a.route("POST /vault/backup", a.backup)
	a.route("POST /vault/verify", a.verify)
	a.route("POST /vault/compact", a.compact)
	a.route("POST /vault/forget", a.forget)
	return a
}

// handler answers itself, or returns an error to answer with.
type handler func(http.ResponseWriter, *http.Request) error

// unkept are routes whose answers are not kept: a backup is too long, and what was forgotten is not to be found in
// the answer that says so.
var unkept = []string{"POST /vault/backup", "POST /vault/forget"}

func (a *api) route(pattern string, h handler) {
	method, rest, _ := strings.Cut(pattern, " ")
	if method != http.MethodGet && !slices.Contains(unkept, pattern) {
		h = a.once(h)
	}
	a.mux.HandleFunc(method+" "+a.Prefix+rest, func(w http.ResponseWriter, r *http.Request) {
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
