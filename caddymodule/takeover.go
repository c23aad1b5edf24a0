package caddymodule

import (
	"context"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"
)

// Caddy starts all apps of a new configuration, then emits "started", makes the configuration the
// running one, and cleans up the one before. When an app fails, the new one is cleaned up. So one whose
// vault nobody else has runs from "started" on, and the others from the cleanup of the one before.

// started tells an app that all apps of its configuration have started. It has no exported fields, as
// Caddy logs handlers of events.
type started struct{ app *App }

// Handle has the vault follow the app, unless the vault is still that of the running configuration.
func (s started) Handle(context.Context, caddy.Event) error {
	if running, err := activeApp(); err != nil || running.runtime != s.app.runtime {
		s.app.takeOver()
	}
	return nil
}

// handOver has the vault follow the running configuration after this one has ended: that is the next
// one, or the one before if this one was refused.
func (a *App) handOver() {
	if running, err := activeApp(); err == nil && running != a && running.runtime == a.runtime {
		running.takeOver()
	}
}

// takeOver has the vault, and what is done for its accounts, follow this configuration, which runs.
func (a *App) takeOver() {
	ctx, cancel := context.WithTimeout(context.Background(), configureTime)
	defer cancel()
	c, err := a.open(ctx)
	if err != nil {
		a.log.Error("the vault cannot be opened", zap.Error(err))
		return
	}
	if err := a.configure(ctx, c.vault); err != nil {
		a.log.Error("the vault may have other settings than this configuration; reload with --force", zap.Error(err))
	}
	if err := c.set.Settle(ctx); err != nil {
		a.log.Error("connections of the API that this configuration has may still be the API's; reload with --force", zap.Error(err))
	}
	if err := a.recordWebhooks(ctx, c.vault); err != nil {
		a.log.Error("the webhooks may be other ones than those of this configuration; reload with --force", zap.Error(err))
	}
	c.tend(a.runtime)
}
