package caddymodule

import (
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/internal/consent"
	"github.com/claviger-proxy/claviger/internal/problem"
)

func init() {
	caddy.RegisterModule(new(Consent))
}

// Consent serves the browser half of consent: authorization links and the OAuth callback, at the
// paths that follow from the app's callback URL. It belongs on the site that the callback names.
// What is not one of these paths is passed on. Caddyfile:
//
//	claviger_consent
//
// Requests to it are not in the site's access log, because their URIs hold secrets; the app logs
// them without. In traces their paths are without links.
type Consent struct {
	app *App
	log *zap.Logger
}

// CaddyModule returns the Caddy module information.
func (*Consent) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.claviger_consent", New: func() caddy.Module { return new(Consent) }}
}

// Provision finds the app.
func (h *Consent) Provision(ctx caddy.Context) (err error) {
	h.log = ctx.Logger()
	h.app, err = findApp(ctx)
	return err
}

// ServeHTTP shows the page or completes the consent.
func (h *Consent) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	core, err := h.app.serving(r.Context())
	if err != nil {
		h.hide(r)
		problem.Write(w, vaultProblem(err).(*problem.Problem))
		return nil
	}
	if core.flow == nil || !core.flow.Serves(r) {
		return next.ServeHTTP(w, r)
	}
	h.hide(r)
	core.flow.ServeHTTP(w, r)
	return nil
}

// hide keeps links, codes and states out of the server's access log, which would write the URI as it
// came, and writes a line without them instead. A trace has the path, which holds links.
func (h *Consent) hide(r *http.Request) {
	caddyhttp.SetVar(r.Context(), caddyhttp.LogSkipVar, true)
	trace.SpanFromContext(r.Context()).SetAttributes(attribute.String("url.path", consent.RedactURI(r.URL.Path)))
	h.log.Info("consent page", zap.String("method", r.Method), zap.String("uri", consent.RedactURI(r.URL.RequestURI())),
		zap.String("remote", r.RemoteAddr))
}

func parseConsent(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	c := new(Consent)
	return c, c.UnmarshalCaddyfile(h.Dispenser)
}

// UnmarshalCaddyfile reads the directive, which has no options.
func (*Consent) UnmarshalCaddyfile(d *caddyfile.Dispenser) error { return bare(d) }

// bare reads a directive that takes neither arguments nor options.
func bare(d *caddyfile.Dispenser) error {
	d.Next()
	name := d.Val()
	if d.NextArg() {
		return d.ArgErr()
	}
	if d.NextBlock(0) {
		return d.Errf("%s has no options; %q is not known", name, d.Val())
	}
	return nil
}

// Interface guards
var (
	_ caddyhttp.MiddlewareHandler = (*Consent)(nil)
	_ caddy.Provisioner           = (*Consent)(nil)
	_ caddyfile.Unmarshaler       = (*Consent)(nil)
)
