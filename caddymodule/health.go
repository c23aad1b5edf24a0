package caddymodule

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/claviger-proxy/claviger/client"
)

func init() {
	caddy.RegisterModule(new(Health))
}

// Health answers probes of a pod or a load balancer on a site: /live says that the process
// answers, /ready that it can serve requests, both in JSON with what is wrong and what to do. The
// paths are those of the site, so use handle_path to put them elsewhere. Caddyfile:
//
//	claviger_health
type Health struct {
	app *App
}

// CaddyModule returns the Caddy module information.
func (*Health) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.claviger_health", New: func() caddy.Module { return new(Health) }}
}

// Provision finds the app.
func (h *Health) Provision(ctx caddy.Context) (err error) {
	h.app, err = findApp(ctx)
	return err
}

// ServeHTTP answers GET and HEAD of /live and /ready, and passes everything else on.
func (h *Health) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	if (r.URL.Path != "/live" && r.URL.Path != "/ready") || (r.Method != http.MethodGet && r.Method != http.MethodHead) {
		return next.ServeHTTP(w, r)
	}
	h.app.serveHealth(w, r, r.URL.Path == "/ready", false)
	return nil
}

// serveHealth writes liveness, or readiness with its checks. Only the admin endpoint is detailed: paths
// and key IDs are not for everyone who can reach a site.
func (a *App) serveHealth(w http.ResponseWriter, r *http.Request, ready, detailed bool) {
	health := client.Readiness{Status: "ok"}
	status := http.StatusOK
	if ready {
		health.Checks = a.health(r.Context(), detailed)
	}
	if slices.ContainsFunc(health.Checks, func(c client.Check) bool { return !c.OK }) {
		health.Status, status = "failing", http.StatusServiceUnavailable
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(health) // the prober has gone; there is nobody to tell
}

// checkTime bounds what a probe waits for a disk that does not answer.
const checkTime = 5 * time.Second

// health checks the vault, its key, and that refreshed tokens are saved.
func (a *App) health(ctx context.Context, detailed bool) []client.Check {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	core, err := a.open(ctx)
	if err == nil {
		err = core.vault.Check(ctx)
	}
	vaultCheck := client.Check{Name: "vault", OK: err == nil}
	if err != nil {
		vaultCheck.Detail, vaultCheck.Next = "the vault cannot be used", "run `claviger doctor` on the host; nothing stored is lost"
	}
	if err != nil && detailed {
		vaultCheck.Detail = err.Error()
	}
	refreshCheck := client.Check{Name: "refresh", OK: true}
	if n := a.runtime.shared.Unsaved(); n > 0 {
		refreshCheck = client.Check{
			Name: "refresh", Detail: strconv.Itoa(n) + " refreshed tokens could not be saved and are kept in memory",
			Next: "make room on the disk of the vault, and do not restart until this check is well",
		}
	}
	return []client.Check{vaultCheck, refreshCheck}
}

func parseHealth(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	c := new(Health)
	return c, c.UnmarshalCaddyfile(h.Dispenser)
}

// UnmarshalCaddyfile reads the directive, which has no options.
func (*Health) UnmarshalCaddyfile(d *caddyfile.Dispenser) error { return bare(d) }

// Interface guards
var (
	_ caddyhttp.MiddlewareHandler = (*Health)(nil)
	_ caddy.Provisioner           = (*Health)(nil)
	_ caddyfile.Unmarshaler       = (*Health)(nil)
)
