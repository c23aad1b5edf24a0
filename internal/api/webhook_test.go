package api_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/internal/api"
	"github.com/claviger-proxy/claviger/vault"
)

// canaryWebhook is a secret of a webhook that its owner has chosen.
var canaryWebhook = "whsec_" + base64.StdEncoding.EncodeToString([]byte("canary-webhook-secret-of-the-app"))

func newWebhook(name string) client.NewWebhook {
	return client.NewWebhook{Name: name, URL: "https://app.example.com/hook?key=of-the-receiver"}
}

// webhook makes one through the API.
func (k *kit) webhook(name string, events ...string) client.WebhookWithSecret {
	k.t.Helper()
	n := newWebhook(name)
	n.Events = events
	made, err := k.CreateWebhook(k.t.Context(), n)
	if err != nil {
		k.t.Fatal(err)
	}
	return made
}

// configured records a webhook as the configuration would.
func (k *kit) configured(name string, change func(*vault.Webhook)) vault.Webhook {
	k.t.Helper()
	w := vault.Webhook{Name: name, Origin: vault.OriginConfig, URL: "https://app.example.com/" + name}
	if change != nil {
		change(&w)
	}
	if err := k.vault.PutWebhook(k.t.Context(), &w); err != nil {
		k.t.Fatal(err)
	}
	return w
}

func TestWebhookLife(t *testing.T) {
	k := setup(t, nil)
	made := k.webhook("app", "connected_account.status_updated", "connected_account.created", "connected_account.created")
	want := client.Webhook{
		ID: made.ID, Name: "app", Origin: client.OriginAPI, URL: "https://app.example.com/hook?key=of-the-receiver",
		Events:    []string{"connected_account.created", "connected_account.status_updated"},
		CreatedAt: made.CreatedAt, UpdatedAt: made.UpdatedAt,
	}
	if diff := cmp.Diff(want, made.Webhook); diff != "" || !vault.IsWebhookID(made.ID) || made.CreatedAt.IsZero() {
		t.Errorf("made (-want +got):\n%s", diff)
	}
	if !strings.HasPrefix(made.Secret, "whsec_") || len(made.Secret) < 40 {
		t.Errorf("a secret of %d characters", len(made.Secret))
	}
	if got, err := k.vault.FindWebhook(t.Context(), "", "app"); err != nil || !got.Secret.Equal(vault.NewSecret(made.Secret)) {
		t.Errorf("the secret of the answer is not the one in force, %v", err)
	}
	if got, err := k.Webhook(t.Context(), "app"); err != nil || !cmp.Equal(got, want) {
		t.Errorf("read again: %+v, %v", got, err)
	}

	url := "http://127.0.0.1:8080/hook"
	got, err := k.ChangeWebhook(t.Context(), "app", client.WebhookChange{URL: &url})
	if err != nil || got.URL != url || len(got.Events) != 2 || got.ID != made.ID {
		t.Errorf("with another URL: %+v, %v", got, err)
	}
	got, err = k.ChangeWebhook(t.Context(), "app", client.WebhookChange{Events: &[]string{}})
	if err != nil || got.URL != url || got.Events != nil {
		t.Errorf("with all events: %+v, %v", got, err)
	}

	rotated, err := k.RotateWebhookSecret(t.Context(), "app")
	if err != nil || rotated.Secret == made.Secret || !strings.HasPrefix(rotated.Secret, "whsec_") {
		t.Errorf("rotated: %v, the secret is another one: %t", err, rotated.Secret != made.Secret)
	}
	if left := time.Until(rotated.EarlierSecretUntil); left < 23*time.Hour || left > 24*time.Hour {
		t.Errorf("the earlier secret signs for %s", left)
	}

	if got, err = k.DisableWebhook(t.Context(), "app"); err != nil || !got.Disabled || got.DisabledReason != "operator" || got.DisabledAt.IsZero() {
		t.Errorf("disabled: %+v, %v", got, err)
	}
	if got, err = k.EnableWebhook(t.Context(), "app"); err != nil || got.Disabled || got.DisabledReason != "" || !got.DisabledAt.IsZero() {
		t.Errorf("enabled: %+v, %v", got, err)
	}
	if err := k.DeleteWebhook(t.Context(), "app"); err != nil {
		t.Fatal(err)
	}
	_, err = k.Webhook(t.Context(), "app")
	refused(t, err, 404, "webhook_not_found")
	refused(t, k.DeleteWebhook(t.Context(), "app"), 404, "webhook_not_found")
}

// The secret is in the two answers that give one, and in no other.
func TestWebhookSecret(t *testing.T) {
	k := setup(t, nil)
	n := newWebhook("app")
	n.Secret = canaryWebhook
	made, err := k.CreateWebhook(t.Context(), n)
	if err != nil || made.Secret != canaryWebhook {
		t.Fatalf("%v, the secret is the given one: %t", err, made.Secret == canaryWebhook)
	}
	rotated, err := k.RotateWebhookSecret(t.Context(), "app")
	if err != nil {
		t.Fatal(err)
	}
	stored, err := k.vault.FindWebhook(t.Context(), "", "app")
	if err != nil || !stored.Secret.Equal(vault.NewSecret(rotated.Secret)) || !stored.Earlier.Equal(vault.NewSecret(canaryWebhook)) {
		t.Errorf("the secrets of the answers are not those in force, %v", err)
	}
	k.configured("config", nil)
	var answers strings.Builder
	for _, request := range []string{
		"GET /webhooks", "GET /webhooks/app", "PATCH /webhooks/app {}", "POST /webhooks/app/disable", "POST /webhooks/app/enable",
		"GET /webhooks/app/deliveries", `POST /webhooks/app/replay {"since":"1h"}`,
		`POST /webhooks {"name":"app","url":"https://x","secret":"` + canaryWebhook + `"}`,
		`POST /webhooks {"name":"app","url":"https://x","secret":"` + canaryWebhook + `x"}`,
		`POST /webhooks {"name":"app","url":"` + canaryWebhook + `"}`, "GET /webhooks/config", "POST /webhooks/config/secret",
		"GET /vault", "POST /vault/verify", "DELETE /webhooks/app",
	} {
		parts := append(strings.SplitN(request, " ", 3), "")
		got := k.send(parts[0], "/claviger"+parts[1], parts[2])
		fmt.Fprintln(&answers, got.text, got.header)
	}
	for what, text := range map[string]string{"an answer": answers.String(), "the log": k.log.String()} {
		for _, secret := range []string{made.Secret, rotated.Secret, "whsec_"} {
			if strings.Contains(strings.ReplaceAll(text, "whsec_ and", ""), secret) {
				t.Errorf("%s has a secret: %s", what, text)
			}
		}
	}
	if strings.Contains(k.log.String(), "of-the-receiver") {
		t.Error("the log has the URL")
	}
}

func TestWebhookAnswers(t *testing.T) {
	k := setup(t, nil)
	got := k.send("POST", "/claviger/webhooks", `{"name":"app","url":"https://app.example.com"}`)
	if got.status != 201 || got.header.Get("Location") != "/claviger/webhooks/app" || got.header.Get("Cache-Control") != "no-store" {
		t.Errorf("got %d %v", got.status, got.header)
	}
	if got := k.send("DELETE", "/claviger/webhooks/app", ""); got.status != 204 || got.text != "" {
		t.Errorf("got %d %q", got.status, got.text)
	}
}

func TestWebhooks(t *testing.T) {
	k := setup(t, nil)
	for _, name := range []string{"b", "c", "a"} {
		k.webhook(name)
	}
	page, err := k.Webhooks(t.Context(), client.PageQuery{Limit: 2})
	if err != nil || len(page.Items) != 2 || page.Items[0].Name != "a" || page.Next == "" {
		t.Errorf("got %+v, %v", page, err)
	}
	names := ""
	for w, err := range k.AllWebhooks(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		names += w.Name
	}
	if names != "abc" {
		t.Errorf("got %q", names)
	}
}

func TestWebhookRefused(t *testing.T) {
	k := setup(t, nil)
	k.webhook("taken")
	tests := []struct {
		name   string
		change func(*client.NewWebhook)
		status int
		code   string
		says   string
	}{
		{"taken", func(n *client.NewWebhook) { n.Name = "taken" }, 409, "webhook_exists", "taken"},
		{"no name", func(n *client.NewWebhook) { n.Name = "" }, 400, "field_invalid", "field name must be lower-case"},
		{"name", func(n *client.NewWebhook) { n.Name = "My App" }, 400, "field_invalid", "field name must be lower-case"},
		{"no URL", func(n *client.NewWebhook) { n.URL = "" }, 400, "field_invalid", "field url must be"},
		{"plain http", func(n *client.NewWebhook) { n.URL = "http://canary.example.com/hook" }, 400, "field_invalid", "field url must be of the form https://"},
		{"user in it", func(n *client.NewWebhook) { n.URL = "https://canary:x@example.com/" }, 400, "field_invalid", "neither a user"},
		{"events", func(n *client.NewWebhook) { n.Events = []string{"created"} }, 400, "field_invalid", "connected_account.created, connected_account.updated"},
		{"secret without prefix", func(n *client.NewWebhook) { n.Secret = canaryWebhook[6:] }, 400, "field_invalid", "field secret must be whsec_"},
		{"short secret", func(n *client.NewWebhook) { n.Secret = "whsec_Y2FuYXJ5" }, 400, "field_invalid", "24 to 64 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := newWebhook("app")
			tt.change(&n)
			made, err := k.CreateWebhook(t.Context(), n)
			e := refused(t, err, tt.status, tt.code)
			if !strings.Contains(e.Detail, tt.says) || strings.Contains(fmt.Sprintf("%+v", e), "canary") || made.ID != "" {
				t.Errorf("got %+v and %+v, want %q", e, made, tt.says)
			}
		})
	}
	for _, body := range []string{`{"url":"http://x"}`, `{"events":["x"]}`, `{"name":"x"}`, `{"url":1}`, `{"url":"https://x","url":"https://y"}`} {
		got := k.send("PATCH", "/claviger/webhooks/taken", body)
		if got.status != 400 || !strings.Contains("field_invalid field_unknown body_invalid", got.problem.Code) {
			t.Errorf("%s: got %d %s", body, got.status, got.text)
		}
	}
	k.send("PATCH", "/claviger/webhooks/nobody", `{}`).wants(t, 404, "webhook_not_found")
	for _, route := range []string{"secret", "enable", "disable"} {
		k.send("POST", "/claviger/webhooks/taken/"+route, `{"x":1}`).wants(t, 400, "field_unknown")
		k.send("POST", "/claviger/webhooks/nobody/"+route, "").wants(t, 404, "webhook_not_found")
	}
}

// A webhook of the configuration can be enabled when it has failed, and nothing else.
func TestWebhookReadOnly(t *testing.T) {
	k := setup(t, nil)
	k.configured("app", nil)
	url := "https://other.example.com"
	_, changed := k.ChangeWebhook(t.Context(), "app", client.WebhookChange{URL: &url})
	_, rotated := k.RotateWebhookSecret(t.Context(), "app")
	_, disabled := k.DisableWebhook(t.Context(), "app")
	for _, err := range []error{changed, rotated, disabled, k.DeleteWebhook(t.Context(), "app")} {
		if e := refused(t, err, 409, "webhook_read_only"); e.Next == "" {
			t.Error("it does not say what to do")
		}
	}
	if w, err := k.Webhook(t.Context(), "app"); err != nil || w.Origin != client.OriginConfig || w.URL != "https://app.example.com/app" {
		t.Errorf("got %+v, %v", w, err)
	}
	k.configured("gone", func(w *vault.Webhook) { w.Disabled, w.DisabledReason = true, "gone" })
	if w, err := k.EnableWebhook(t.Context(), "gone"); err != nil || w.Disabled {
		t.Errorf("got %+v, %v", w, err)
	}
	k.configured("left", func(w *vault.Webhook) { w.Disabled, w.DisabledReason = true, api.ReasonNotConfigured })
	_, err := k.EnableWebhook(t.Context(), "left")
	refused(t, err, 409, "webhook_read_only")
	if err := k.DeleteWebhook(t.Context(), "left"); err != nil {
		t.Errorf("one that has left the configuration cannot be removed: %v", err)
	}
}
