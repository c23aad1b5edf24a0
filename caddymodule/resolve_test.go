package caddymodule

import (
	"strings"
	"testing"
)

// An error about a secret names the placeholder that gives nothing, and never what was written beside it.
func TestSecretErrors(t *testing.T) {
	t.Setenv("CLAVIGER_TEST_EMPTY", "")
	const hint = "use {env.NAME} or {file.PATH}"
	for _, tt := range []struct{ value, says string }{
		{"", "is missing"},
		{"{env.CLAVIGER_TEST_EMPTY}", "{env.CLAVIGER_TEST_EMPTY} gives nothing"},
		{"{file./no/such/file}", "{file./no/such/file} gives nothing"},
		{"{env.CLAVIGER_TEST_EMPTY}/hook?key=canary", hint},
		{"{env.CLAVIGER_TEST_EMPTY}/hook?key={canary}", hint},
		{"https://canary.example.com/{env.CLAVIGER_TEST_EMPTY}", hint},
		{"{canary}", hint},
		{"{env.CLAVIGER_TEST_{canary}}", hint},
		{" ", hint},
	} {
		t.Run(tt.value, func(t *testing.T) {
			webhook := (&App{Webhooks: map[string]*WebhookConfig{"app": {URL: tt.value}}}).loadWebhooks()
			_, secret := resolveSecret("secret", tt.value)
			for what, err := range map[string]error{"URL of a webhook": webhook, "secret": secret} {
				if err == nil || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "canary") {
					t.Errorf("%s: got %v, want an error with %q", what, err, tt.says)
				}
			}
		})
	}
}
