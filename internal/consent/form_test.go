package consent_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/internal/consent"
	"github.com/claviger-proxy/claviger/internal/fakeprovider"
	"github.com/claviger-proxy/claviger/vault"
)

func TestForm(t *testing.T) {
	privateKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.TrimSpace(string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(privateKey)})))
	tests := []struct {
		name, connection string
		given, typed     map[string]string
		kept             map[string]string
		sent             string
	}{
		{"key", "key", nil, map[string]string{"key": " " + canaryKey + "\t"}, map[string]string{"key": canaryKey}, "X-Key: " + canaryKey},
		{"basic", "basic", nil, map[string]string{"user": "ada", "password": canaryKey}, map[string]string{"user": "ada", "password": canaryKey}, "Authorization: Basic " + basic("ada", canaryKey)},
		{"client of its own", "client", map[string]string{"id": "ada"}, map[string]string{"secret": canaryKey}, map[string]string{"id": "ada", "secret": canaryKey}, "Authorization: Bearer " + canaryToken + "-ada"},
		{"login", "password", nil, map[string]string{"username": "grace", "password": canaryKey}, map[string]string{"username": "grace", "password": canaryKey}, "Authorization: Bearer " + canaryToken + "-ada"},
		{"lines", "pem", nil, map[string]string{"key": strings.ReplaceAll(lines, "\n", "\r\n") + "\r\n"}, map[string]string{"key": lines}, "*"},
		{"nothing to type in", "open", nil, nil, map[string]string{}, ""},
		{"all given", "key", map[string]string{"key": canaryKey}, nil, map[string]string{"key": canaryKey}, "X-Key: " + canaryKey},
		{"one kind", "kinds", nil, map[string]string{"kind": "key", "key": canaryKey}, map[string]string{"kind": "key", "key": canaryKey}, "X-Key: " + canaryKey},
		{"the other kind, and more", "kinds", nil, map[string]string{"kind": "guest", "nick": "ada", "key": "canary-left"}, map[string]string{"kind": "guest", "nick": "ada"}, ""},
		{"a kind that is given", "kinds", map[string]string{"kind": "guest"}, map[string]string{"nick": "ada"}, map[string]string{"kind": "guest", "nick": "ada"}, ""},
		{"defaults", "desk", nil, map[string]string{"site": "https://desk-acme.desk.example/x", "key": canaryKey}, map[string]string{"site": "https://desk-acme.desk.example/x", "key": canaryKey, "zone": "us"}, "X-Key: " + canaryKey},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w, b := openWindow(t), fakeprovider.NewBrowser()
			issued := w.link(consent.Request{Connection: tt.connection, Inputs: tt.given, ReturnURL: w.app.URL + "/done", State: "x"})
			w.toForm(b, issued)
			if l := w.stored(issued); l.Status != vault.LinkStarted || w.told() != "consent_started" {
				t.Errorf("the link is %s, events are %q", l.Status, w.told())
			}
			page := w.see(b.Fill(tt.typed))
			back := mustParse(t, page.URL).Query()
			if page.Body != "back at the app" || back.Get("status") != "connected" || back.Get("state") != "x" || back.Get("connected_account_id") != string(issued.Link.AccountID) {
				t.Fatalf("the form leads to %s: %s", page.URL, page.Body)
			}
			a := w.account(tt.connection)
			g := w.grant(a)
			if a.Status != vault.StatusActive || a.Identity.Name != "Ada" || len(g.Inputs) != len(tt.kept) {
				t.Errorf("the account is %+v with %d inputs", a, len(g.Inputs))
			}
			for name, value := range tt.kept {
				if !g.Inputs[name].Equal(vault.NewSecret(value)) {
					t.Errorf("the input %s is not kept", name)
				}
			}
			if got := w.last("/me"); got != tt.sent && tt.sent != "*" {
				t.Errorf("the credential came as %q", got)
			}
			if l := w.stored(issued); l.Status != vault.LinkUsed || len(l.Inputs) != 0 || !l.Held.IsZero() || len(w.connected) != 1 {
				t.Errorf("the link is %s, told of %v", l.Status, w.connected)
			}
			of(w.see(b.Get(issued.URL))).want(t, http.StatusGone, "link_used")
			if page := w.see(b.Get(w.form(issued))); page.Body != "back at the app" {
				t.Errorf("the form of a used link leads to %s", page.URL)
			}
		})
	}
}

// What the provider refuses is not kept, and can be typed in anew, up to ten times.
func TestFormRefused(t *testing.T) {
	w, b := openWindow(t), fakeprovider.NewBrowser()
	issued := w.link(consent.Request{Connection: "desk", ReturnURL: w.app.URL})
	w.toForm(b, issued)
	typed := map[string]string{"site": "acme<x", "key": "canary-wrong", "note": `"><i>`}
	page := w.see(b.Fill(typed))
	of(page).want(t, http.StatusUnprocessableEntity, "account_inputs_invalid")
	wants(t, page.Body, `value="acme&lt;x"`, `value="&#34;&gt;&lt;i&gt;"`, `aria-invalid="true"`, `href="#f-site"`, "An example: acme", "<title>Error: ")
	if w.last("/me") != "" || strings.Count(page.Body, `aria-invalid="true"`) != 1 {
		t.Errorf("the provider was asked, or another field is marked: %s", page.Body)
	}
	typed["site"], typed["zone"] = "acme", "eu"
	page = w.see(b.Fill(typed))
	of(page).want(t, http.StatusOK, "credential_refused")
	wants(t, page.Body, "Counter does not accept this", `value="acme"`, "<option selected>eu</option>", `name="key" type="password" placeholder`)
	if l := w.stored(issued); l.Status != vault.LinkStarted || len(l.Inputs) != 0 {
		t.Errorf("the link is %s with %d inputs", l.Status, len(l.Inputs))
	}
	w.wantNothing(vault.ConnectedAccount{})
	of(w.see(b.Get(page.URL))).want(t, http.StatusOK, "credential_refused")
	for try := 2; try < 10; try++ {
		of(w.see(b.Fill(typed))).want(t, http.StatusOK, "credential_refused")
	}
	w.see(b.Get(issued.URL)) // starting anew gives no more tries
	w.see(b.Submit())
	page = w.see(b.Fill(typed))
	if back := mustParse(t, page.URL).Query(); page.Body != "back at the app" || back.Get("error") != "too_many_tries" || back.Get("status") != "failed" {
		t.Errorf("the last try leads to %s", page.URL)
	}
	if l := w.stored(issued); l.Status != vault.LinkFailed || l.Outcome != "too_many_tries" || !strings.HasSuffix(w.told(), " consent_failed:too_many_tries") {
		t.Errorf("the link is %s %s, events are %q", l.Status, l.Outcome, w.told())
	}
	w.wantNothing(vault.ConnectedAccount{})
}

func TestFormThenGood(t *testing.T) {
	for _, tt := range []struct {
		name, connection string
		bad              map[string]string
		break_           func(*window)
		code             string
	}{
		{"unreachable", "key", map[string]string{"key": canaryKey}, func(w *window) { w.trouble.Store(true) }, "provider_unavailable"},
		{"unreachable token endpoint", "client", map[string]string{"id": "late", "secret": canaryKey}, nil, "provider_unavailable"},
		{"no token", "client", map[string]string{"id": "mute", "secret": canaryKey}, nil, "exchange_failed"},
		{"not to be sent", "key", map[string]string{"key": "canary-ключ"}, nil, "credential_unfit"},
		{"login", "password", map[string]string{"username": "grace", "password": "canary-wrong"}, nil, "credential_refused"},
		{"nothing there", "sites", map[string]string{"key": canaryKey + "-0"}, nil, "nothing_to_use"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w, b := openWindow(t), fakeprovider.NewBrowser()
			issued := w.link(consent.Request{Connection: tt.connection})
			w.toForm(b, issued)
			if tt.break_ != nil {
				tt.break_(w)
			}
			of(w.see(b.Fill(tt.bad))).want(t, http.StatusOK, tt.code)
			w.wantNothing(vault.ConnectedAccount{})
			w.trouble.Store(false)
			good := map[string]string{}
			for name := range tt.bad {
				good[name] = map[string]string{"id": "ada", "username": "grace"}[name]
				if good[name] == "" {
					good[name] = canaryKey
				}
			}
			page := w.see(b.Fill(good))
			of(page).want(t, http.StatusOK, "")
			wants(t, page.Body, "You are connected", "Ada")
		})
	}
}

func TestFormOtherIdentity(t *testing.T) {
	w, b := openWindow(t), fakeprovider.NewBrowser()
	a := w.connect("client", "user_1", map[string]string{"id": "ada", "secret": canaryKey})
	w.later()
	w.toForm(b, w.link(consent.Request{Connection: "client"}))
	page := w.see(b.Fill(map[string]string{"id": "bob", "secret": canaryKey}))
	of(page).want(t, http.StatusOK, "identity_mismatch")
	if !w.grant(a).Inputs["id"].Equal(vault.NewSecret("ada")) {
		t.Error("the account has the inputs of another one")
	}
	if got := w.last("/revoke"); got != canaryToken+"-bob" {
		t.Errorf("revoked is %q", got)
	}
	of(w.see(b.Fill(map[string]string{"id": "ada", "secret": canaryKey}))).want(t, http.StatusOK, "")
	if again := w.account("client"); again.ID != a.ID || again.Generation != a.Generation+1 {
		t.Errorf("the account is %s of generation %d", again.ID, again.Generation)
	}
}

// The user chooses among the sites of the key.
func TestFormChoice(t *testing.T) {
	for _, wanted := range []string{"", "site-2"} {
		w, b := openWindow(t), fakeprovider.NewBrowser()
		r := consent.Request{Connection: "sites"}
		if wanted != "" {
			r.Choice = map[string]string{"site": wanted}
		}
		w.toForm(b, w.link(r))
		page := w.see(b.Fill(map[string]string{"key": canaryKey + "-2"}))
		if wanted == "" {
			if !strings.Contains(page.URL, "/oauth/choice") || !strings.Contains(page.Body, "radio") {
				t.Fatalf("the form leads to %s", page.URL)
			}
			w.wantNothing(vault.ConnectedAccount{})
			page = of2(w.post(page.URL, b, sent("entry", "0", "item", "site-2")))
		}
		g := w.grant(w.account("sites"))
		if g.Captured["site"] != "site-2" || !g.Inputs["key"].Equal(vault.NewSecret(canaryKey+"-2")) {
			t.Errorf("the site is %q, and the key may be another one", g.Captured["site"])
		}
	}
}

// What was not tried out before the choice is tried out after it.
func TestFormChoiceTriedOut(t *testing.T) {
	w, b := openWindow(t), fakeprovider.NewBrowser()
	issued := w.link(consent.Request{Connection: "sites"})
	w.toForm(b, issued)
	page := w.see(b.Fill(map[string]string{"key": canaryKey + "-2"}))
	w.trouble.Store(true)
	w.post(page.URL, b, sent("entry", "0", "item", "site-2"))
	if l := w.stored(issued); l.Outcome != "provider_unavailable" {
		t.Errorf("the link is %s %s", l.Status, l.Outcome)
	}
	w.wantNothing(vault.ConnectedAccount{})
}

func of2(a answer) fakeprovider.Page {
	return fakeprovider.Page{Status: a.status, Header: a.header, Body: a.body}
}

// What an OAuth connector has to know of the account is asked for before its user goes to the provider.
func TestFormBeforeConsent(t *testing.T) {
	w, b := openWindow(t), fakeprovider.NewBrowser()
	issued := w.link(consent.Request{Connection: "sub"})
	intro := w.see(b.Get(issued.URL))
	wants(t, intro.Body, "sign in at Counter then", ">Continue</button>")
	page := w.toForm(b, issued)
	wants(t, page.Body, ".desk.example", "Continue to Counter")
	if policy := page.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "form-action 'self' https: http:;") {
		t.Errorf("the policy %q keeps the form from the provider", policy)
	}
	of(w.see(b.Fill(map[string]string{"site": "Nowhere!"}))).want(t, http.StatusUnprocessableEntity, "account_inputs_invalid")
	page = w.see(b.Fill(map[string]string{"site": "acem"}))
	at := mustParse(t, page.URL)
	if at.Path != "/acem/authorize" || at.Query().Get("state") == "" {
		t.Fatalf("the form leads to %s", page.URL)
	}
	// It was mistyped: back to the form, by its address or by the link's.
	dead := at.Query().Get("state")
	w.see(b.Get(issued.URL))
	page = w.see(b.Submit())
	wants(t, page.Body, `value="acem"`)
	callback := func(state string) fakeprovider.Page {
		return w.see(b.Get(w.site.URL + "/oauth/callback/sub?" + url.Values{"code": {"c"}, "state": {state}}.Encode()))
	}
	of(callback(dead)).want(t, http.StatusBadRequest, "state_unknown")
	w.see(b.Get(w.form(issued)))
	page = w.see(b.Fill(map[string]string{"site": "acme.desk.example"}))
	at = mustParse(t, page.URL)
	if at.Path != "/acme/authorize" || at.Query().Get("redirect_uri") != w.site.URL+"/oauth/callback/sub" {
		t.Fatalf("the form leads to %s", page.URL)
	}
	done := callback(at.Query().Get("state"))
	of(done).want(t, http.StatusOK, "")
	wants(t, done.Body, "You are connected")
	if g := w.grant(w.account("sub")); !g.Inputs["site"].Equal(vault.NewSecret("acme.desk.example")) || g.Access.IsZero() {
		t.Error("the site is not the account's")
	}
	if strings.Count(w.told(), "consent_started") != 2 {
		t.Errorf("events are %q", w.told())
	}

	// Given with the link there is nothing to ask, and an account that exists has it.
	for _, r := range []consent.Request{{Connection: "sub", Identifier: "user_2", Inputs: map[string]string{"site": "acme"}}, {Connection: "sub"}} {
		w.later()
		page := w.see(b.Get(w.link(r).URL))
		wants(t, page.Body, "Continue to Counter", "127.0.0.1")
		if page = w.see(b.Submit()); mustParse(t, page.URL).Path != "/acme/authorize" {
			t.Errorf("the link leads to %s", page.URL)
		}
	}
}

// What is wrong is refused early, and what is missing is not, but by a device, which has no page.
func TestFormInputsGiven(t *testing.T) {
	w := openWindow(t)
	for _, r := range []consent.Request{
		{Connection: "desk", Inputs: map[string]string{"site": "Not one!"}},
		{Connection: "desk", Inputs: map[string]string{"unknown": "x"}},
		{Connection: "kinds", Inputs: map[string]string{"kind": "guest", "key": canaryKey}},
		{Connection: "sub", Inputs: map[string]string{"zone": "asia"}},
	} {
		r.Identifier = "user_1"
		_, err := w.flow.Begin(t.Context(), r)
		wantInputsRefused(t, err)
		w.keep(err)
	}
	b := fakeprovider.NewBrowser()
	page := w.toForm(b, w.link(consent.Request{Connection: "desk", Inputs: map[string]string{"site": "acme", "key": canaryKey}}))
	wants(t, page.Body, "<dt>Site</dt><dd><bdi>desk-acme.desk.example</bdi></dd>", `name="zone"`)
	if strings.Contains(page.Body, `name="site"`) || strings.Contains(page.Body, `name="key"`) {
		t.Error("the form asks for what is given")
	}
}
