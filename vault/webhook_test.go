package vault_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

// newWebhook stores a webhook that gets events of those types.
func newWebhook(t *testing.T, v *vault.Vault, name string, types ...vault.EventType) vault.Webhook {
	t.Helper()
	w := vault.Webhook{Name: name, Origin: vault.OriginAPI, URL: "https://hooks.test/" + name, Types: types}
	wantNil(t, v.PutWebhook(t.Context(), &w))
	return w
}

func secretOf(length int) vault.Secret {
	return vault.NewSecret("whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", length))))
}

func TestWebhook(t *testing.T) {
	c := newClock()
	v := vaulttest.NewAt(t, c.now)
	w := newWebhook(t, v, "app", vault.EventCreated)
	want := vault.Webhook{
		ID: w.ID, Project: "default", Name: "app", Origin: vault.OriginAPI, URL: "https://hooks.test/app", Types: []vault.EventType{vault.EventCreated},
		Secret: w.Secret, CreatedAt: epoch, UpdatedAt: epoch, Version: 1,
	}
	if d := cmp.Diff(want, w); d != "" || !vault.IsWebhookID(string(w.ID)) || w.Secret.Len() != len("whsec_")+44 {
		t.Errorf("got a secret of %d bytes (-want +got):\n%s", w.Secret.Len(), d)
	}
	reads := map[string]func() (vault.Webhook, error){
		"by ID":   func() (vault.Webhook, error) { return v.Webhook(t.Context(), w.ID) },
		"by name": func() (vault.Webhook, error) { return v.FindWebhook(t.Context(), "", "app") },
		"in the list": func() (vault.Webhook, error) {
			page, err := v.Webhooks(t.Context(), "", vault.PageQuery{})
			if err == nil && len(page.Items) != 1 {
				err = fmt.Errorf("got %d webhooks", len(page.Items))
			}
			return append(page.Items, vault.Webhook{})[0], err
		},
	}
	for name, read := range reads {
		got, err := read()
		wantNil(t, err)
		if d := cmp.Diff(w, got); d != "" || !got.Secret.Equal(w.Secret) {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
	c.add(time.Hour)
	w.URL, w.Types, w.Secret = "http://localhost:8080/", nil, vault.Secret{}
	wantNil(t, v.PutWebhook(t.Context(), &w))
	got, err := v.Webhook(t.Context(), w.ID)
	wantNil(t, err)
	want.URL, want.Types, want.UpdatedAt, want.Version = w.URL, nil, c.now(), 2
	if d := cmp.Diff(want, got); d != "" || !got.Secret.Equal(want.Secret) {
		t.Errorf("changed (-want +got):\n%s", d)
	}
	w.Version = 1
	wantErr(t, v.PutWebhook(t.Context(), &w), vault.ErrConflict)
	wantErr(t, v.PutWebhook(t.Context(), &vault.Webhook{Name: "app", URL: "https://a.test"}), vault.ErrExists)
	wantNil(t, v.PutWebhook(t.Context(), &vault.Webhook{Name: "app", URL: "https://a.test", Project: "other"}))
	wantNil(t, v.DeleteWebhook(t.Context(), w.ID))
	wantErr(t, v.DeleteWebhook(t.Context(), w.ID), vault.ErrNotFound)
	for name, read := range reads {
		got, err := read()
		if d := cmp.Diff(vault.Webhook{}, got); d != "" || err == nil && name != "in the list" {
			t.Errorf("%s of a deleted one: got error %v and %s", name, err, d)
		}
	}
	w.Version = 2
	wantErr(t, v.PutWebhook(t.Context(), &w), vault.ErrNotFound)
}

func TestWebhookRefuses(t *testing.T) {
	v := vaulttest.New(t)
	url := func(u string) func(*vault.Webhook) { return func(w *vault.Webhook) { w.URL = u } }
	tests := []struct {
		name   string
		change func(*vault.Webhook)
		ok     bool
	}{
		{"good", func(*vault.Webhook) {}, true},
		{"no name", func(w *vault.Webhook) { w.Name = "" }, false},
		{"strange project", func(w *vault.Webhook) { w.Project = "a/b" }, false},
		{"strange ID", func(w *vault.Webhook) { w.ID = "whk_1" }, false},
		{"unknown type", func(w *vault.Webhook) { w.Types = []vault.EventType{"connected_account.exploded"} }, false},
		{"short secret", func(w *vault.Webhook) { w.Secret = secretOf(23) }, false},
		{"shortest secret", func(w *vault.Webhook) { w.Secret = secretOf(24) }, true},
		{"longest secret", func(w *vault.Webhook) { w.Secret = secretOf(64) }, true},
		{"long secret", func(w *vault.Webhook) { w.Secret = secretOf(65) }, false},
		{"secret without prefix", func(w *vault.Webhook) { w.Secret = vault.NewSecret(secretOf(32).Reveal()[6:]) }, false},
		{"secret that is no base64", func(w *vault.Webhook) { w.Secret = vault.NewSecret("whsec_" + strings.Repeat("!", 44)) }, false},
		{"no URL", url(""), false},
		{"path alone", url("/x"), false},
		{"host alone", url("hooks.test"), false},
		{"no host", url("https:///x"), false},
		{"another scheme", url("ftp://hooks.test"), false},
		{"http", url("http://hooks.test"), false},
		{"http on localhost", url("http://localhost:8080/x?y"), true},
		{"http on a host like localhost", url("http://localhost.hooks.test"), false},
		{"http on 127.0.0.2", url("http://127.0.0.2/"), true},
		{"http on ::1", url("http://[::1]:80/"), true},
		{"http on 10.0.0.1", url("http://10.0.0.1/"), false},
		{"user", url("https://me:hush@hooks.test"), false},
		{"fragment", url("https://hooks.test/#x"), false},
		{"opaque", url("https:hooks.test"), false},
		{"not a URL", url("https://hooks.test/%zz-hush"), false},
		{"too long", url("https://hooks.test/" + strings.Repeat("x", 2000)), false},
	}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := vault.Webhook{Name: fmt.Sprint("w-", i), URL: "https://hooks.test/"}
			tt.change(&w)
			before := w
			err := v.PutWebhook(t.Context(), &w)
			if tt.ok {
				wantNil(t, err)
				return
			}
			wantErr(t, err, vault.ErrInvalid)
			if d := cmp.Diff(before, w); d != "" || strings.Contains(err.Error(), "hush") {
				t.Errorf("got error %v and a change:\n%s", err, d)
			}
		})
	}
}

// wantSigned fails unless what the webhook signs at that time is taken by whoever has one of those
// secrets, and by nobody else.
func wantSigned(t *testing.T, w vault.Webhook, at time.Time, secrets ...vault.Secret) {
	t.Helper()
	body := []byte(`{"a": 1}`)
	signature, err := w.Sign("evt_1", at, body)
	wantNil(t, err)
	if n := len(strings.Fields(signature)); n != len(secrets) {
		t.Errorf("got %d signatures, want %d", n, len(secrets))
	}
	header := map[string][]string{
		"Webhook-Id": {"evt_1"}, "Webhook-Timestamp": {fmt.Sprint(at.Unix())}, "Webhook-Signature": {signature},
	}
	for i, s := range append(slices.Clone(secrets), secretOf(30)) {
		receiver, err := standardwebhooks.NewWebhook(s.Reveal())
		wantNil(t, err)
		if err := receiver.VerifyIgnoringTimestamp(body, header); (err == nil) != (i < len(secrets)) {
			t.Errorf("receiver %d of %d: got error %v", i, len(secrets), err)
		}
		if receiver.VerifyIgnoringTimestamp([]byte(`{"a": 2}`), header) == nil {
			t.Errorf("receiver %d takes another body", i)
		}
	}
}

// For a day after a rotation, both secrets sign.
func TestWebhookSecretRotation(t *testing.T) {
	rotations := map[string]func(*vault.Vault, vault.Webhook) (vault.Webhook, error){
		"new one": func(v *vault.Vault, w vault.Webhook) (vault.Webhook, error) {
			w.Secret = vault.NewSecret(vault.NewWebhookSecret())
			return w, v.PutWebhook(t.Context(), &w)
		},
		"given one": func(v *vault.Vault, w vault.Webhook) (vault.Webhook, error) {
			w.Secret = secretOf(40)
			return w, v.PutWebhook(t.Context(), &w)
		},
	}
	for name, rotate := range rotations {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			v := vaulttest.NewAt(t, c.now)
			first := newWebhook(t, v, "app")
			wantSigned(t, first, c.now(), first.Secret)
			second, err := rotate(v, first)
			wantNil(t, err)
			if second.Secret.Equal(first.Secret) || !second.Earlier.Equal(first.Secret) || !second.EarlierUntil.Equal(epoch.Add(24*time.Hour)) {
				t.Errorf("got %+v", second)
			}
			wantNil(t, v.PutWebhook(t.Context(), &second)) // with nothing new
			stored, err := v.Webhook(t.Context(), first.ID)
			wantNil(t, err)
			wantSigned(t, stored, epoch.Add(24*time.Hour-1), second.Secret, first.Secret)
			wantSigned(t, stored, epoch.Add(24*time.Hour), second.Secret)
			third := stored
			third.Secret = secretOf(50)
			wantNil(t, v.PutWebhook(t.Context(), &third))
			wantSigned(t, third, epoch, third.Secret, second.Secret)
			c.add(24 * time.Hour)
			wantNil(t, v.PutWebhook(t.Context(), &third))
			if !third.Earlier.IsZero() || !third.EarlierUntil.IsZero() {
				t.Errorf("a day later: got %+v", third)
			}
		})
	}
}

// A webhook says since when it is disabled, and why, and forgets that with its failures when it is
// enabled again.
func TestWebhookDisabled(t *testing.T) {
	c := newClock()
	v := vaulttest.NewAt(t, c.now)
	w := newWebhook(t, v, "app")
	d := delivered(t, v, w, "ada")
	_, _, err := v.NoteDelivery(t.Context(), d, vault.Attempt{Code: "status", HTTPStatus: 500})
	wantNil(t, err)
	w, err = v.Webhook(t.Context(), w.ID)
	wantNil(t, err)
	for range 2 {
		w.Disabled, w.DisabledReason, w.DisabledAt = true, "by_operator", time.Time{}
		wantNil(t, v.PutWebhook(t.Context(), &w))
		c.add(time.Hour)
	}
	if !w.DisabledAt.Equal(epoch) || w.DisabledReason != "by_operator" || !w.FailingSince.Equal(epoch) {
		t.Errorf("got %+v", w)
	}
	w.Disabled = false
	wantNil(t, v.PutWebhook(t.Context(), &w))
	got, err := v.Webhook(t.Context(), w.ID)
	wantNil(t, err)
	if !got.DisabledAt.IsZero() || got.DisabledReason != "" || !got.FailingSince.IsZero() {
		t.Errorf("got %+v", got)
	}
}

// A damaged webhook gets nothing, is told of once, and does not end the others.
func TestDamagedWebhook(t *testing.T) {
	store, keys := vaulttest.NewStore(t), vaulttest.NewKeys(t)
	v, logs := openLogged(t, store, keys, vault.Options{})
	bad, good := newWebhook(t, v, "bad"), newWebhook(t, v, "good")
	alter(t, store, vault.Key{Kind: vault.KindWebhook, ID: string(bad.ID)})
	for range 3 {
		wantNil(t, v.ReloadWebhooks(t.Context()))
	}
	delivered(t, v, good, "ada")
	if got := allDeliveries(t, v, vault.DeliveryQuery{WebhookID: bad.ID}); len(got) > 0 {
		t.Errorf("got %+v", got)
	}
	if n := strings.Count(text(logs), string(bad.ID)); n != 1 {
		t.Errorf("the log names it %d times, want once", n)
	}
}
