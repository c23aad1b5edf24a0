package consent_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/internal/consent"
	"github.com/claviger-proxy/claviger/vault"
)

const unconfirmed = "identity_unconfirmed"

// choosy is an edit of the market's connector: with sites, of which one has to be chosen.
var choosy = []string{"identity:", "discover: [{path: /sites, id: id, label: name, into: site}]\nidentity:"}

// carry makes an account that works and of which nobody has said whose it is, as an import does.
func (d *desk) carry(identifier string) {
	d.t.Helper()
	c, err := d.set.ByName("demo")
	if err != nil {
		d.t.Fatal(err)
	}
	a := vault.ConnectedAccount{ConnectionID: c.ID, Connector: "demo", Identifier: identifier}
	if _, err := d.vault.Connect(d.t.Context(), vault.Link{}, a, vault.Grant{Access: vault.NewSecret("canary-carried"), ObtainedAt: d.now()}); err != nil {
		d.t.Fatal(err)
	}
}

// wantKept checks that an account has the first grant that it got, and is whose it was.
func (d *desk) wantKept(identifier, who string, s vault.Status) {
	d.t.Helper()
	if a, ok := d.account(identifier); !ok || a.Generation != 1 || a.Identity.ID != who || a.Status != s {
		d.t.Errorf("the account is %s of %q with grant %d, want %s of %q with the first", a.Status, a.Identity.ID, a.Generation, s, who)
	}
}

// An account that was connected without anybody saying whose it is cannot be known again: without a state nobody's
// installation takes its place, not even its own user's.
func TestInstallNamelessAccount(t *testing.T) {
	for _, tt := range []struct {
		name    string
		prepare func(d *desk, m *market)
		status  vault.Status
	}{
		{"imported", func(d *desk, _ *market) { d.carry("user_1") }, vault.StatusActive},
		{"the provider did not say", func(d *desk, m *market) {
			m.keeps = true
			m.hush(true)
			b, callback := d.travel(d.begin(consent.Request{}).URL, "", true)
			of(d.see(b.Get(callback))).want(d.t, http.StatusOK, "")
			m.hush(false)
			m.keeps = false
		}, vault.StatusActive},
		{"expired", func(d *desk, _ *market) {
			d.carry("user_1")
			a, _ := d.account("user_1")
			if _, err := d.vault.SetStatus(d.t.Context(), a.ID, 0, vault.StatusExpired, "invalid_grant"); err != nil {
				d.t.Fatal(err)
			}
		}, vault.StatusExpired},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, m := openMarket(t)
			tt.prepare(d, m)
			before := m.count()
			issued := d.begin(consent.Request{})
			victim, _ := d.travel(issued.URL, "", true)
			m.sign("mallory")
			_, attackers := d.travel(d.begin(consent.Request{Identifier: "mallory"}).URL, "", true)
			page := d.see(victim.Get(attackers))
			of(page).want(t, http.StatusBadGateway, unconfirmed)
			if strings.Contains(page.Body, "mallory") {
				t.Error("the page is about the attacker")
			}
			d.wantKept("user_1", "", tt.status)
			d.wantAccounts(1)
			if l, err := d.flow.Link(t.Context(), issued.Link.ID); err != nil || l.Status != vault.LinkFailed || l.Outcome != unconfirmed {
				t.Errorf("the link is %s %s, %v", l.Status, l.Outcome, err)
			}
			m.wantExchanged(t, before) // so that there is nothing to give back

			m.sign("alice")
			m.keeps = true // with a state it is the user who was sent there
			b, own := d.travel(d.begin(consent.Request{}).URL, "", true)
			of(d.see(b.Get(own))).want(t, http.StatusOK, "")
			if a, _ := d.account("user_1"); a.Identity.ID != "alice" || a.Status != vault.StatusActive {
				t.Errorf("with a state the account is %s of %q", a.Status, a.Identity.ID)
			}
			m.keeps = false
			b, own = d.travel(d.begin(consent.Request{}).URL, "", true)
			of(d.see(b.Get(own))).want(t, http.StatusOK, "") // and from then on it is known again
		})
	}
}

// One that was only made beforehand, and never connected, is as good as a new one.
func TestInstallAccountMadeBeforehand(t *testing.T) {
	d, _ := openMarket(t)
	c, err := d.set.ByName("demo")
	if err != nil {
		t.Fatal(err)
	}
	made := vault.ConnectedAccount{Project: c.Project, ConnectionID: c.ID, Connector: "demo", Identifier: "user_1"}
	if _, _, err := d.vault.EnsureAccount(t.Context(), made); err != nil {
		t.Fatal(err)
	}
	b, callback := d.travel(d.begin(consent.Request{}).URL, "", true)
	of(d.see(b.Get(callback))).want(t, http.StatusOK, "")
	d.wantKept("user_1", "alice", vault.StatusActive)
}

// Without a state nothing is connected of which the last page could not say whose it is. The token is given back,
// unless the account works with an earlier one that could end with it.
func TestInstallNobodyNamed(t *testing.T) {
	for _, tt := range []struct {
		name    string
		before  vault.Status // of an account of alice's; empty for none
		revoked int
	}{
		{"new", "", 1},
		{"active", vault.StatusActive, 0},
		{"expired", vault.StatusExpired, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, m := openMarket(t)
			if tt.before != "" {
				b, callback := d.travel(d.begin(consent.Request{}).URL, "", true)
				of(d.see(b.Get(callback))).want(t, http.StatusOK, "")
				a, _ := d.account("user_1")
				if _, err := d.vault.SetStatus(t.Context(), a.ID, 0, tt.before, ""); err != nil {
					t.Fatal(err)
				}
			}
			m.hush(true)
			b, callback := d.travel(d.begin(consent.Request{ReturnURL: d.app.URL}).URL, "", true)
			page := d.see(b.Get(callback))
			if got := mustParse(t, page.URL).Query().Get("error"); got != unconfirmed {
				t.Errorf("the app is told %q", got)
			}
			if tt.before == "" {
				d.wantAccounts(0)
			} else {
				d.wantKept("user_1", "alice", tt.before)
			}
			m.wantRevoked(t, tt.revoked)
		})
	}
	t.Run("with a state", func(t *testing.T) {
		d, m := openMarket(t)
		m.keeps = true
		m.hush(true)
		b, callback := d.travel(d.begin(consent.Request{}).URL, "", true)
		of(d.see(b.Get(callback))).want(t, http.StatusOK, "")
		d.wantKept("user_1", "", vault.StatusActive)
		m.wantRevoked(t, 0)
	})
}

// A choice in between does not make up for the state, nor does it take one away.
func TestInstallChoice(t *testing.T) {
	for _, tt := range []struct {
		name    string
		keeps   bool
		between func(d *desk, m *market)
		code    string
		revoked int
	}{
		{"named", false, func(*desk, *market) {}, "", 0},
		{"nobody named", false, func(_ *desk, m *market) { m.hush(true) }, unconfirmed, 1},
		{"nobody named, with a state", true, func(_ *desk, m *market) { m.hush(true) }, "", 0},
		{"imported meanwhile", false, func(d *desk, _ *market) { d.carry("user_1") }, unconfirmed, 0},
		{"imported meanwhile, with a state", true, func(d *desk, _ *market) { d.carry("user_1") }, "", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, m := openMarket(t, choosy...)
			m.keeps = tt.keeps
			issued := d.begin(consent.Request{})
			b, callback := d.travel(issued.URL, "", true)
			page := d.see(b.Get(callback))
			if !strings.Contains(page.Body, "radio") {
				t.Fatalf("there is nothing to choose: %d %s", page.Status, page.Header.Get("Claviger-Error"))
			}
			d.later(time.Second)
			tt.between(d, m)
			d.choose(b.Browser, page.URL, 0, "s-1").want(t, http.StatusSeeOther, "")
			status, link := http.StatusOK, vault.LinkUsed
			if tt.code != "" {
				status, link = http.StatusBadGateway, vault.LinkFailed
			}
			of(d.see(b.Get(d.site.URL+"/oauth/done?link="+string(issued.Link.ID)))).want(t, status, tt.code)
			if l, err := d.flow.Link(t.Context(), issued.Link.ID); err != nil || l.Status != link {
				t.Errorf("the link is %s %s, %v", l.Status, l.Outcome, err)
			}
			m.wantRevoked(t, tt.revoked)
		})
	}
}
