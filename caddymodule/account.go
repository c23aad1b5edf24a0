package caddymodule

import (
	"net"
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/internal/api"
	"github.com/claviger-proxy/claviger/internal/broker"
	"github.com/claviger-proxy/claviger/internal/policy"
	"github.com/claviger-proxy/claviger/internal/problem"
)

func init() {
	caddy.RegisterModule(new(Account))
}

// Account is the handler that decides whose credential a request gets. It reads the account's tag,
// refuses what may not go out, and answers with a problem document when there is no credential, so
// that only requests with a good one reach the reverse proxy behind it.
//
// Only callers on the loopback interface or on a unix socket are served.
//
// It sets these placeholders, none of them a secret:
//
//	{http.claviger.account}      the account's ID
//	{http.claviger.identifier}   the app's name for the user
//	{http.claviger.connection}   the connection's name
//	{http.claviger.connector}    the connector's name
//	{http.claviger.outcome}      fresh, renewed, refused, too_large_to_replay, limited or denied
type Account struct {
	// Hosts are names, beside localhost and this machine's addresses, that callers may use in the
	// Host header.
	Hosts []string `json:"hosts,omitempty"`

	app   *App
	log   *zap.Logger
	hosts map[string]bool
}

// CaddyModule returns the Caddy module information.
func (*Account) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.connected_account", New: func() caddy.Module { return new(Account) }}
}

// Provision finds the app.
func (h *Account) Provision(ctx caddy.Context) (err error) {
	h.log = ctx.Logger()
	h.hosts = make(map[string]bool, len(h.Hosts))
	for _, name := range h.Hosts {
		h.hosts[strings.ToLower(strings.TrimSuffix(name, "."))] = true
	}
	h.app, err = findApp(ctx)
	return err
}

// ServeHTTP passes a request on with its credential at hand, or answers it with a problem.
func (h *Account) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	p, err := h.prepare(r)
	if repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer); ok {
		repl.Map(p.placeholder)
	}
	if err != nil {
		p.outcome = outcomeDenied
		h.fail(w, r, p, err)
		return nil
	}
	r = r.WithContext(withHop(r.Context(), p))
	if r.ContentLength != 0 {
		p.upload = &upload{ReadCloser: r.Body, w: w, http1: r.ProtoMajor == 1}
		r.Body = p.upload
		defer p.upload.end()
	}
	err = next.ServeHTTP(w, r)
	if err == nil || p.answered {
		return err
	}
	if p.upload != nil {
		p.upload.abandon()
	}
	h.fail(w, r, p, upstreamProblem(p, err))
	return nil
}

// prepare finds the account, its base and its credential. It always returns a hop.
func (h *Account) prepare(r *http.Request) (*hop, error) {
	p := new(hop)
	if no := policy.CheckCaller(r); no != nil {
		return p, refusal(no)
	}
	// Before the host: who takes this for an HTTP proxy is told so, whatever host it asks for.
	if no := policy.Check(r, policy.Options{}); no != nil {
		return p, refusal(no)
	}
	if no := policy.CheckHost(r, h.allowedHost); no != nil {
		return p, refusal(no)
	}
	t := &p.tag
	if err := t.read(r); err != nil {
		return p, err
	}
	if checked, _, _ := strings.Cut(r.RequestURI, "?"); t.rest != checked {
		if no := policy.CheckPath(t.rest); no != nil {
			return p, refusal(no)
		}
	}
	core, err := h.app.serving(r.Context())
	if err != nil {
		return p, vaultProblem(err)
	}
	p.broker = core.broker
	if p.target, err = h.resolve(core.broker, r, t); err != nil {
		return p, err
	}
	if p.credential, err = core.broker.Credential(r.Context(), p.target); err != nil {
		return p, h.reconnectable(r, core, err)
	}
	var ok bool
	if p.base, ok = p.credential.Connection.Base(t.base); !ok {
		return p, baseProblem(p)
	}
	p.outcome = outcomeFresh
	p.inbound = r
	return p, nil
}

// resolve finds the one account that header and path name; two that differ are refused.
func (h *Account) resolve(b *broker.Broker, r *http.Request, t *tag) (broker.Target, error) {
	target, err := b.Resolve(r.Context(), t.ref())
	if err != nil || t.header.IsZero() || t.path.IsZero() || t.header == t.path {
		return target, err
	}
	other, err := b.Resolve(r.Context(), t.header)
	if err != nil {
		return broker.Target{}, err
	}
	if other.Account != target.Account {
		return broker.Target{}, &problem.Problem{
			Status: http.StatusBadRequest, Code: api.CodeAccountConflict,
			Detail: "the header and the path name different accounts", Next: "name the account once",
		}
	}
	return target, nil
}

func (h *Account) allowedHost(name string) bool { return h.hosts[name] }

// origin is how the caller addresses this proxy.
func origin(r *http.Request) string {
	if _, unix := r.Context().Value(http.LocalAddrContextKey).(*net.UnixAddr); unix && r.Host == "" {
		return "http://localhost"
	}
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// Interface guards
var (
	_ caddyhttp.MiddlewareHandler = (*Account)(nil)
	_ caddy.Provisioner           = (*Account)(nil)
)
