package caddymodule

import (
	"errors"
	"net/http"

	"github.com/caddyserver/caddy/v2"

	"github.com/claviger-proxy/claviger/internal/problem"
)

func init() {
	caddy.RegisterModule(new(adminAPI))
}

// adminAPI serves the management API below /claviger/ on Caddy's admin endpoint. Routers of the
// admin endpoint outlive failed reloads, so the app is looked up at each request.
type adminAPI struct{}

// CaddyModule returns the Caddy module information.
func (*adminAPI) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "admin.api.claviger", New: func() caddy.Module { return new(adminAPI) }}
}

// Routes returns the one route; the API has its own table.
func (a *adminAPI) Routes() []caddy.AdminRoute {
	return []caddy.AdminRoute{{Pattern: "/claviger/", Handler: caddy.AdminHandlerFunc(a.serve)}}
}

func (a *adminAPI) serve(w http.ResponseWriter, r *http.Request) error {
	app, err := activeApp()
	if err != nil {
		problem.Write(w, err.(*problem.Problem))
		return nil
	}
	switch r.URL.Path {
	case "/claviger/live", "/claviger/ready":
		app.serveHealth(w, r, r.URL.Path == "/claviger/ready", true)
		return nil
	}
	core, err := app.open(r.Context())
	if err != nil {
		problem.Write(w, vaultProblem(err).(*problem.Problem))
		return nil
	}
	core.api.ServeHTTP(w, r)
	return nil
}

// activeApp returns the app of the configuration that is running now.
func activeApp() (*App, error) {
	got, err := caddy.ActiveContext().AppIfConfigured("claviger")
	if err != nil && !errors.Is(err, caddy.ErrNotConfigured) {
		return nil, &problem.Problem{
			Status: http.StatusServiceUnavailable, Code: codeNotConfigured,
			Detail: "the claviger app of the running configuration has not started", Next: "see the log of the server, and reload",
		}
	}
	if err != nil {
		return nil, &problem.Problem{
			Status: http.StatusServiceUnavailable, Code: codeNotConfigured,
			Detail: "the running configuration has no claviger app", Next: "add `claviger { … }` to the global options and reload",
		}
	}
	return got.(*App), nil
}

// Interface guards
var _ caddy.AdminRouter = (*adminAPI)(nil)
