package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/internal/api"
	"github.com/claviger-proxy/claviger/vault"
)

// WebhookConfig is a webhook written in the configuration: an endpoint of the app that gets events.
type WebhookConfig struct {
	// URL is where events are sent: https, or http on this machine. It may have placeholders such as
	// {env.NAME} and {file.PATH}.
	URL string `json:"url"`
	// Secret is what they are signed with: whsec_ and 24 to 64 bytes in base64. It may be a placeholder,
	// and should be.
	Secret string `json:"secret"`
	// Events are the types that it gets: all but connected_account.token_refreshed and
	// connected_account.token_fetched when there are none.
	Events []string `json:"events,omitempty"`
}

func (a *App) loadWebhooks() error {
	for _, name := range slices.Sorted(maps.Keys(a.Webhooks)) {
		c := a.Webhooks[name]
		if c == nil {
			return fmt.Errorf("webhook %s is empty", name)
		}
		url, err := resolve("url of webhook "+name, c.URL)
		if err != nil {
			return hideLiteral("url of webhook "+name, c.URL, err)
		}
		w := vault.Webhook{Project: vault.DefaultProject, Name: name, Origin: vault.OriginConfig, URL: strings.TrimSpace(url)}
		for _, t := range c.Events {
			w.Types = append(w.Types, vault.EventType(t))
		}
		if w.Secret, err = resolveSecret("secret of webhook "+name, c.Secret); err != nil {
			return err
		}
		if field, must := api.WebhookFault(w); field != "" {
			return fmt.Errorf("webhook %s: %s %s", name, field, must)
		}
		a.webhooks = append(a.webhooks, w)
	}
	return nil
}

// recordWebhooks records the webhooks of the configuration in the vault, and disables those that were in
// an earlier one and have left it. These keep what is known of them, should they come back. Only the
// running configuration does that, and once: one that is refused must change none.
func (a *App) recordWebhooks(ctx context.Context, v *vault.Vault) error {
	if a.recorded {
		return nil
	}
	for _, c := range a.webhooks {
		w, err := recordWebhook(ctx, v, c)
		if errors.Is(err, vault.ErrDamaged) { // no reason to refuse requests
			a.log.Error("a webhook of the configuration gets no events: its record cannot be opened", zap.String("webhook", c.Name))
			continue
		}
		if err != nil {
			return fmt.Errorf("recording webhook %s: %w", c.Name, err)
		}
		if w.Disabled {
			a.log.Warn("a webhook of the configuration gets no events: it is disabled", zap.String("webhook", w.Name), zap.String("reason", w.DisabledReason))
		}
	}
	page := vault.PageQuery{}
	for {
		got, err := v.Webhooks(ctx, vault.DefaultProject, page)
		if err != nil {
			return fmt.Errorf("reading webhooks: %w", err)
		}
		for _, w := range got.Items {
			if w.Origin == vault.OriginConfig && a.Webhooks[w.Name] == nil {
				if _, err := alterWebhook(ctx, v, w.Name, leave); err != nil {
					return fmt.Errorf("disabling webhook %s: %w", w.Name, err)
				}
			}
		}
		if page.After = got.Next; page.After == "" {
			a.recorded = true
			return nil
		}
	}
}

// recordWebhook makes the record of a webhook say what the configuration does, and returns it.
func recordWebhook(ctx context.Context, v *vault.Vault, c vault.Webhook) (vault.Webhook, error) {
	return alterWebhook(ctx, v, c.Name, func(w *vault.Webhook) (changed bool) {
		n := c
		n.ID, n.Version = w.ID, w.Version
		n.Disabled, n.DisabledReason = w.Disabled, w.DisabledReason
		same := w.Origin == vault.OriginConfig && w.URL == c.URL && w.Secret.Equal(c.Secret)
		if !same || w.DisabledReason == api.ReasonNotConfigured {
			n.Disabled = false // one that has failed stays disabled as long as it is the same
		}
		changed = !same || !slices.Equal(w.Types, n.Types) || w.Disabled != n.Disabled
		if changed {
			*w = n
		}
		return changed
	})
}

// leave disables a webhook that is no longer in the configuration.
func leave(w *vault.Webhook) (changed bool) {
	changed = w.Version != 0 && w.DisabledReason != api.ReasonNotConfigured
	w.Disabled, w.DisabledReason = true, api.ReasonNotConfigured
	return changed
}

// alterAttempts is how often a record is read again that another process of the fleet, or the deliverer,
// has changed.
const alterAttempts = 5

// alterWebhook stores what change makes of a webhook, which has no version when there is none of that
// name, and returns what is stored.
func alterWebhook(ctx context.Context, v *vault.Vault, name string, change func(*vault.Webhook) (changed bool)) (vault.Webhook, error) {
	err := vault.ErrConflict
	for n := 0; n < alterAttempts && (errors.Is(err, vault.ErrConflict) || errors.Is(err, vault.ErrExists)); n++ {
		w, e := v.FindWebhook(ctx, vault.DefaultProject, name)
		if e != nil && !errors.Is(e, vault.ErrNotFound) {
			return vault.Webhook{}, e
		}
		if !change(&w) {
			return w, nil
		}
		if err = v.PutWebhook(ctx, &w); err == nil {
			return w, nil
		}
	}
	return vault.Webhook{}, err
}
