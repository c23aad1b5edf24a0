package caddymodule

import (
	"github.com/claviger-proxy/claviger/internal/broker"
	"github.com/claviger-proxy/claviger/internal/consent"
)

// brokerEvent passes a change on to Caddy's event system, after it has been written.
func (a *App) brokerEvent(e broker.Event) {
	a.events.Emit(a.ctx, e.Name, map[string]any{
		"account": string(e.Account), "connection": e.Connection, "connector": e.Connector, "reason": e.Reason,
	})
}

func (a *App) consentEvent(e consent.Event) {
	a.events.Emit(a.ctx, e.Name, map[string]any{
		"account": string(e.Account), "connection": e.Connection, "connector": e.Connector, "reason": e.Reason,
	})
}
