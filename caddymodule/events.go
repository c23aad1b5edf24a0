package caddymodule

import (
	"context"
	"time"

	"github.com/claviger-proxy/claviger/internal/consent"
	"github.com/claviger-proxy/claviger/vault"
)

// accountEvent takes an event of the vault, after what it tells of has been written.
func (r *runtime) accountEvent(e vault.Event) {
	r.events.put(event{name: string(e.Type), data: func(a *App) map[string]any { return a.eventData(e) }})
	r.delivering.wakeUp()
	switch e.Type {
	case vault.EventCreated, vault.EventOAuthSucceeded, vault.EventStatusUpdated:
		r.shared.Look(e.ConnectionID) // a new account is due at once
	}
}

// eventData are what Caddy's handlers learn of an event. Caddy logs them, so who the user is stays out.
func (a *App) eventData(e vault.Event) map[string]any {
	data := map[string]any{
		"id": string(e.ID), "account": string(e.AccountID), "connection": "", "connector": e.Connector,
		"status": string(e.Status), "old_status": string(e.OldStatus), "reason": e.Reason, "class": e.Class,
		"link": string(e.LinkID), "expires": "",
	}
	if !e.Expires.IsZero() {
		data["expires"] = e.Expires.UTC().Format(time.RFC3339)
	}
	if c, err := a.core.Load().set.ByID(e.ConnectionID); err == nil {
		data["connection"], data["connector"] = c.Name, c.Connector().Name
	}
	return data
}

// consentEvent takes an event of a consent that has not come to its end.
func (a *App) consentEvent(e consent.Event) {
	data := map[string]any{
		"account": string(e.Account), "connection": e.Connection, "connector": e.Connector,
		"reason": e.Reason, "link": string(e.Link),
	}
	a.runtime.events.put(event{name: e.Name, data: func(*App) map[string]any { return data }})
}

// emitWait is how often an event looks for a running configuration.
const emitWait = 50 * time.Millisecond

// emit passes an event on to the handlers of the running configuration. While the first one is being
// started there is none yet.
func (r *runtime) emit(ctx context.Context, e event) {
	for {
		if a, err := activeApp(); err == nil && a.runtime == r && a.core.Load() != nil {
			if a.events.ShouldEmit(e.name) {
				a.events.Emit(a.ctx, e.name, e.data(a))
			}
			return
		}
		select {
		case <-time.After(emitWait):
		case <-ctx.Done():
			return
		}
	}
}
