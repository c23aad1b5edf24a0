package caddymodule

import (
	"errors"
	"fmt"

	"github.com/caddyserver/caddy/v2"
)

// findApp returns the claviger app of the configuration that is being provisioned. A handler
// without it is a mistake, so the app is not made up from nothing.
func findApp(ctx caddy.Context) (*App, error) {
	got, err := ctx.AppIfConfigured("claviger")
	if err != nil && !errors.Is(err, caddy.ErrNotConfigured) {
		return nil, err // it is configured, but not well
	}
	if err != nil {
		return nil, fmt.Errorf("no claviger app is configured; add `claviger { … }` to the global options: %w", err)
	}
	return got.(*App), nil
}
