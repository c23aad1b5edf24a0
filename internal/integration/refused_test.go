package integration

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/client"
)

func init() {
	caddy.RegisterModule(new(refuser))
	caddy.RegisterModule(new(lateRefuser))
}

var errRefuser = errors.New("the refuser has refused")

// beforeRefusal is called while the configuration is there that is refused in the next moment.
var beforeRefusal func()

// refuser is the app refuser, which fails at start when the claviger app of its configuration has
// started.
type refuser struct{ claviger caddy.App }

func (*refuser) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "refuser", New: func() caddy.Module { return new(refuser) }}
}

func (r *refuser) Provision(ctx caddy.Context) error {
	app, err := ctx.App("claviger")
	if err != nil {
		return err
	}
	r.claviger = app.(caddy.App)
	return nil
}

func (r *refuser) Start() error {
	if err := r.claviger.Start(); err != nil {
		return err
	}
	beforeRefusal()
	return errRefuser
}

func (*refuser) Stop() error { return nil }

// lateRefuser is the loader of configurations caddy.config_loaders.refuser, which fails when all apps
// have started.
type lateRefuser struct{}

func (*lateRefuser) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "caddy.config_loaders.refuser", New: func() caddy.Module { return new(lateRefuser) }}
}

func (*lateRefuser) LoadConfig(caddy.Context) ([]byte, error) {
	beforeRefusal()
	return nil, errRefuser
}

// refuse loads a Caddyfile that is refused at the last moment, after meanwhile.
func (s *sidecar) refuse(caddyfile string, late bool, meanwhile func()) {
	s.t.Helper()
	adapted, err := adapt(caddyfile)
	if err != nil {
		s.t.Fatal(err)
	}
	var config struct {
		Admin   map[string]any `json:"admin"`
		Logging map[string]any `json:"logging"`
		Apps    map[string]any `json:"apps"`
	}
	if err := json.Unmarshal(adapted, &config); err != nil {
		s.t.Fatal(err)
	}
	if late {
		delete(config.Apps, "http") // Caddy does not stop the apps of one that is refused so late
		config.Admin["config"] = map[string]any{"load": map[string]any{"module": "refuser"}}
	} else {
		config.Apps["refuser"] = struct{}{}
	}
	if adapted, err = json.Marshal(config); err != nil {
		s.t.Fatal(err)
	}
	beforeRefusal = meanwhile
	if err := caddy.Load(adapted, true); err == nil || !strings.Contains(err.Error(), errRefuser.Error()) {
		s.t.Fatalf("got %v, want %v", err, errRefuser)
	}
}

// What happens while a configuration is tried and refused is delivered to the webhooks of the one that
// runs, which are left as they are, with both their secrets. One that is disabled stays so.
func TestWebhooksOfRefused(t *testing.T) {
	s, r, earlier := hooked(t)
	r.up()
	other := webhookSecret()
	t.Setenv("CLAVIGER_TEST_GONE", other)
	r.verifies("gone", other)
	r.answers("gone", http.StatusGone)
	s.write("gone_url", r.url("gone"))
	const gone = "\nwebhook gone {\n\turl {file.@dir@/gone_url}\n\tsecret {env.CLAVIGER_TEST_GONE}\n}"
	secret := webhookSecret()
	t.Setenv("CLAVIGER_TEST_WEBHOOK", secret)
	s.options.claviger = appWebhook + gone
	s.load(s.caddyfile())
	var accounts []client.Account
	for _, user := range []string{"user_1", "user_2", "user_3"} {
		accounts = append(accounts, s.connect("alice", user))
	}
	// A load opens the admin endpoint anew, and the first connection may come too early.
	answered := func(t *testing.T, ask func() error) {
		t.Helper()
		await(t, "the API answers", func() bool { return ask() == nil })
	}
	state := func(t *testing.T) (all [2]client.Webhook) {
		t.Helper()
		for i, name := range []string{"app", "gone"} {
			answered(t, func() (err error) {
				all[i], err = s.api().Webhook(t.Context(), name)
				return err
			})
		}
		return all
	}
	settled := func() bool { return s.metrics()["caddy_claviger_webhook_backlog"] == 0 }
	await(t, "all is delivered", func() bool { return len(r.events("app")) == 9 })
	await(t, "that is noted", settled)
	before := state(t)
	if before[0].EarlierSecretUntil.IsZero() || before[1].DisabledReason != "gone" {
		t.Fatalf("got %+v", before)
	}

	for i, tt := range []struct {
		name, claviger string
		late           bool
	}{
		{"without them", "", false},
		{"with others", appWebhook, false},
		{"late", appWebhook, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("CLAVIGER_TEST_WEBHOOK", webhookSecret())
			s.write("hook_url", r.url("new"))
			bad := s.in(t)
			bad.options.claviger = tt.claviger
			bad.refuse(bad.caddyfile(), tt.late, func() {
				answered(t, func() error {
					_, err := s.api().Disconnect(t.Context(), accounts[i].ID)
					return err
				})
				await(t, "it is delivered", func() bool { return len(r.events("app")) == 10+i })
			})
			if diff := cmp.Diff(before, state(t)); diff != "" {
				t.Errorf("the webhooks were changed (-before +after):\n%s", diff)
			}
		})
	}
	for _, secret := range []string{earlier, secret} { // both sign still
		r.verifies("app", secret)
		n := len(r.events("app"))
		s.connect("alice", "user_1")
		await(t, "it is delivered", func() bool { return len(r.events("app")) >= n+2 })
		await(t, "that is noted", settled)
	}
	if n := len(r.events("new")); n != 0 {
		t.Errorf("%d events went to the URL of a refused configuration", n)
	}
}

// A reload to another vault has the webhooks there, too.
func TestWebhooksOfOtherVault(t *testing.T) {
	s, _, _ := hooked(t)
	first, err := s.api().Webhook(t.Context(), "app")
	if err != nil {
		t.Fatal(err)
	}
	s.options.vault = "vault badger @dir@/other"
	s.load(s.caddyfile())
	if w, err := s.api().Webhook(t.Context(), "app"); err != nil || w.ID == first.ID || w.Disabled {
		t.Errorf("got %+v, %v, want another one than %s", w, err, first.ID)
	}
}
