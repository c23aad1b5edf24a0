package caddymodule

import (
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/claviger-proxy/claviger/internal/api"
	"github.com/claviger-proxy/claviger/internal/webhook"
	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

// configuring is a configuration with these webhooks, and its log.
func configuring(webhooks ...vault.Webhook) (*App, *observer.ObservedLogs) {
	core, logs := observer.New(zap.InfoLevel)
	a := &App{Webhooks: map[string]*WebhookConfig{}, log: zap.New(core)}
	for _, w := range webhooks {
		w.Project, w.Origin = vault.DefaultProject, vault.OriginConfig
		a.Webhooks[w.Name] = &WebhookConfig{}
		a.webhooks = append(a.webhooks, w)
	}
	return a, logs
}

// A webhook that has failed gets events again when the configuration has mended it, by another URL or
// another secret, and when it comes back. Until then each load says so.
func TestRecordWebhooks(t *testing.T) {
	one := vault.Webhook{Name: "app", URL: "https://app.example.com/hook?key=canary", Secret: vault.NewSecret(vault.NewWebhookSecret())}
	moved, resigned, narrowed := one, one, one
	moved.URL = "https://app.example.com/new?key=canary"
	resigned.Secret = vault.NewSecret(vault.NewWebhookSecret())
	narrowed.Types = []vault.EventType{vault.EventDeleted}
	for _, tt := range []struct {
		name   string
		loads  [][]vault.Webhook
		reason string // at the end
	}{
		{"the same", [][]vault.Webhook{{one}}, webhook.ReasonFailing},
		{"other events", [][]vault.Webhook{{narrowed}}, webhook.ReasonFailing},
		{"another URL", [][]vault.Webhook{{moved}}, ""},
		{"another secret", [][]vault.Webhook{{resigned}}, ""},
		{"out", [][]vault.Webhook{nil}, api.ReasonNotConfigured},
		{"out and in", [][]vault.Webhook{nil, {one}}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := vaulttest.New(t)
			first, _ := configuring(one)
			if err := first.recordWebhooks(t.Context(), v); err != nil {
				t.Fatal(err)
			}
			w, err := v.FindWebhook(t.Context(), vault.DefaultProject, one.Name)
			if err != nil {
				t.Fatal(err)
			}
			w.Disabled, w.DisabledReason = true, webhook.ReasonFailing
			if err := v.PutWebhook(t.Context(), &w); err != nil {
				t.Fatal(err)
			}
			var logs *observer.ObservedLogs
			for _, webhooks := range tt.loads {
				var a *App
				a, logs = configuring(webhooks...)
				if err := a.recordWebhooks(t.Context(), v); err != nil {
					t.Fatal(err)
				}
			}
			got, err := v.Webhook(t.Context(), w.ID)
			if err != nil || got.DisabledReason != tt.reason || got.Disabled != (tt.reason != "") {
				t.Errorf("it is disabled: %t, for %q, %v, want %q", got.Disabled, got.DisabledReason, err, tt.reason)
			}
			lines := logs.All()
			if tt.reason != webhook.ReasonFailing {
				if len(lines) != 0 {
					t.Errorf("the log has %v", lines)
				}
				return
			}
			if len(lines) != 1 || lines[0].Level != zap.WarnLevel {
				t.Fatalf("the log has %v, want one warning", lines)
			}
			if f := lines[0].ContextMap(); len(f) != 2 || f["webhook"] != "app" || f["reason"] != tt.reason || strings.Contains(lines[0].Message, "canary") {
				t.Errorf("the log says %q with %v", lines[0].Message, f)
			}
		})
	}
}
