package consent_test

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/consent"
	"github.com/claviger-proxy/claviger/internal/fakeprovider"
)

func TestO18FewerScopes(t *testing.T) {
	d := open(t, func(_ *desk, s *settings) { s.provider.Scopes = []string{"openid", "profile", "email"} })
	of(d.consent(fakeprovider.NewBrowser(), d.begin(consent.Request{}).URL, "alice", true)).want(t, http.StatusOK, "")
	a, _ := d.account("user_1")
	if slices.Contains(a.GrantedScopes, "mail.read") || !slices.Contains(a.RequestedScopes, "mail.read") {
		t.Errorf("granted %q of %q", a.GrantedScopes, a.RequestedScopes)
	}
}

// O-18: a grant without a scope that the connector requires is given back.
func TestO18RequiredScopes(t *testing.T) {
	required, err := connectors.ParseTemplate("mail.read")
	if err != nil {
		t.Fatal(err)
	}
	d := open(t, func(_ *desk, s *settings) {
		s.provider.Scopes = []string{"openid", "profile", "email"}
		s.connector = func(c *connectors.Connector) { c.Authorize.Scope.Required = []connectors.Template{required} }
	})
	of(d.consent(fakeprovider.NewBrowser(), d.begin(consent.Request{}).URL, "alice", true)).want(t, http.StatusForbidden, "scopes_missing")
	d.wantAccounts(0)
	if got := d.provider.Requests("/revoke"); got == 0 {
		t.Error("the grant was not given back")
	}
}

func TestO19OtherIdentity(t *testing.T) {
	d := open(t)
	d.consent(fakeprovider.NewBrowser(), d.begin(consent.Request{}).URL, "alice", true)
	before, _ := d.account("user_1")
	old, err := d.vault.Grant(t.Context(), before.ID)
	if err != nil {
		t.Fatal(err)
	}
	page := d.consent(fakeprovider.NewBrowser(), d.begin(consent.Request{}).URL, "bob", true)
	of(page).want(t, http.StatusConflict, "identity_mismatch")
	told := d.consent(fakeprovider.NewBrowser(), d.begin(consent.Request{ReturnURL: d.app.URL}).URL, "bob", true)
	if got := mustParse(t, told.URL).Query().Get("error"); got != "identity_mismatch" {
		t.Errorf("the app is told %q", got)
	}
	after, _ := d.account("user_1")
	kept, err := d.vault.Grant(t.Context(), before.ID)
	if err != nil {
		t.Fatal(err)
	}
	if after.Identity != before.Identity || kept.Generation != old.Generation || !kept.Refresh.Equal(old.Refresh) {
		t.Error("the old grant was not kept")
	}
	if got := d.provider.Requests("/revoke"); got != 2 {
		t.Errorf("%d tokens were revoked, want 2", got)
	}
}

// When the provider does not say who consented, nobody's tokens get into a known account.
func TestO19UnknownIdentity(t *testing.T) {
	d := open(t)
	d.consent(fakeprovider.NewBrowser(), d.begin(consent.Request{}).URL, "alice", true)
	d.provider.SetFault("/api/me", fakeprovider.Fault{Status: http.StatusInternalServerError})
	page := d.consent(fakeprovider.NewBrowser(), d.begin(consent.Request{}).URL, "bob", true)
	of(page).want(t, http.StatusBadGateway, "identity_unconfirmed")
	if got := d.provider.Requests("/revoke"); got != 0 {
		t.Errorf("%d tokens were revoked, want none: it could end the working grant too", got)
	}
	if a, _ := d.account("user_1"); a.Identity.ID != "alice" {
		t.Errorf("the identity is %+v", a.Identity)
	}
}

func TestO20OneIdentityTwoUsers(t *testing.T) {
	d := open(t)
	for _, user := range []string{"user_1", "user_2"} {
		of(d.consent(fakeprovider.NewBrowser(), d.begin(consent.Request{Identifier: user}).URL, "alice", true)).want(t, http.StatusOK, "")
	}
	a, _ := d.account("user_1")
	b, _ := d.account("user_2")
	if a.ID == b.ID || a.Identity.ID != "alice" || b.Identity.ID != "alice" {
		t.Errorf("the accounts are %+v and %+v", a, b)
	}
}

func TestO22IdentityTexts(t *testing.T) {
	d := open(t)
	answer := func(name string) {
		body, err := json.Marshal(map[string]any{"id": 12345678901234567, "name": name, "email": "e"})
		if err != nil {
			t.Fatal(err)
		}
		d.provider.SetFault("/api/me", fakeprovider.Fault{Body: string(body)})
	}
	tests := []struct {
		name, sent, want, shown string
	}{
		{"markup", "<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)>", "&lt;img src=x onerror=alert(1)&gt;"},
		{"direction", "\u202egnp.\u2066exe\u061c", "gnp.exe", "gnp.exe"},
		{"control", "a\x00b\r\nc\u2028d", "a b c d", "a b c d"},
		{"long", strings.Repeat("ж", 5000), strings.Repeat("ж", 200), strings.Repeat("ж", 200)},
	}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			answer(tt.sent)
			user := "user_" + string(rune('a'+i))
			page := d.consent(fakeprovider.NewBrowser(), d.begin(consent.Request{Identifier: user}).URL, "alice", true)
			a, ok := d.account(user)
			if !ok || a.Identity.Name != tt.want || a.Identity.ID != "12345678901234567" {
				t.Errorf("the identity is %+v", a.Identity)
			}
			if !strings.Contains(page.Body, tt.shown) {
				t.Errorf("the page does not show %q", tt.shown)
			}
		})
	}
}

// A provider that does not say who the account is does not keep it from being connected.
func TestIdentityFails(t *testing.T) {
	d := open(t)
	d.options.API = hasty{}
	hasted, err := consent.New(d.options)
	if err != nil {
		t.Fatal(err)
	}
	patient := d.flow
	tests := []struct {
		name  string
		flow  *consent.Flow
		fault fakeprovider.Fault
		code  string
	}{
		{"status", patient, fakeprovider.Fault{Status: http.StatusForbidden}, "identity_status_403"},
		{"redirect", patient, fakeprovider.Fault{Status: http.StatusFound, Header: http.Header{"Location": {d.app.URL}}}, "identity_status_302"},
		{"no JSON", patient, fakeprovider.Fault{Body: "<html>"}, "identity_unreadable"},
		{"too large", patient, fakeprovider.Fault{Body: `{"id":"` + strings.Repeat("a", 1<<20) + `"}`}, "identity_unreadable"},
		{"no ID", patient, fakeprovider.Fault{Body: `{"name":"x"}`}, "identity_missing"},
		{"unfit ID", patient, fakeprovider.Fault{Body: `{"id":"a\u0000b"}`}, "identity_missing"},
		{"cut", patient, fakeprovider.Fault{Destroy: true}, "identity_unreachable"},
		{"slow", hasted, fakeprovider.Fault{Hang: true}, "identity_timeout"},
	}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d.flow = tt.flow
			d.provider.SetFault("/api/me", tt.fault)
			user := "user_" + string(rune('a'+i))
			of(d.consent(fakeprovider.NewBrowser(), d.begin(consent.Request{Identifier: user}).URL, "alice", true)).want(t, http.StatusOK, "")
			if a, ok := d.account(user); !ok || a.Identity.ID != "" {
				t.Errorf("the account is %+v", a)
			}
			if !strings.Contains(d.logs.String(), `"`+tt.code+`"`) {
				t.Errorf("the log does not say %s", tt.code)
			}
		})
	}
}

// hasty gives up after a moment.
type hasty struct{}

func (hasty) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(r.Context(), 50*time.Millisecond)
	defer cancel()
	return plainTransport.RoundTrip(r.WithContext(ctx))
}
