//go:build pages

package pages

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/internal/fakeprovider"
)

// entry is one page. To add one, add a line to entries.
type entry struct {
	// name is that of the pictures.
	name string
	// outcome is the code that the page shows; it knows the heading. Other pages have a template, and a heading.
	outcome, template, heading string
	// says is the code of a page that is no outcome, and goes on all the same.
	says string
	// reach brings the visitor to the page, and leaves the browser there.
	reach func(v *visitor)
}

// sitesJSON has names that are long, empty, written from right to left, and that look like a page's own.
const sitesJSON = `[{"id":"s-1","name":"North"},{"id":"s-2","name":"South of the river and everything that belongs to it, administratively"},` +
	`{"id":"00000000-aaaa-bbbb-cccc-0123456789ab-0123456789ab","name":""},{"id":"s-4","name":"\u05e9\u05dc\u05d5\u05dd"},{"id":"s-5","name":"<b>Connect</b>"}]`

var entries = []entry{
	// Pages on the way.
	{name: "start", template: "link.html", heading: "Connect your Postbox account", reach: func(v *visitor) { v.goTo(v.link("mail", nil).URL) }},
	{name: "start-long", template: "link.html", heading: "Connect your Postbox account", reach: func(v *visitor) {
		v.identifier += strings.Repeat("0123456789", 14)
		v.goTo(v.link("mail", func(n *client.NewLink) {
			n.Scopes = []string{"https://scopes.example.com/auth/" + strings.Repeat("read.", 20)}
		}).URL)
	}},
	{name: "start-again", template: "link.html", heading: "Reconnect your Postbox account", reach: func(v *visitor) {
		v.connect("mail", "alice")
		v.goTo(v.link("mail", nil).URL)
	}},
	{name: "choice", template: "choice.html", heading: "Choose what to connect", reach: func(v *visitor) { v.choose(sitesJSON) }},
	{name: "choice-many", template: "choice.html", heading: "Choose what to connect", reach: func(v *visitor) {
		v.choose(manySites(250))
	}},
	{name: "device", template: "device.html", heading: "Type in this code at Postbox", reach: func(v *visitor) { v.start("device") }},
	{name: "device-early", template: "device.html", heading: "Type in this code at Postbox", reach: func(v *visitor) {
		v.start("device")
		v.press("Continue")
	}},
	{name: "device-stored", template: "device.html", heading: "One moment", reach: func(v *visitor) {
		v.holds("/api/me")
		v.start("device")
		v.consentAtDevice("alice", "Allow")
		v.press("Continue")
	}},
	{name: "form", template: "form.html", heading: "Connect your Postbox account", reach: func(v *visitor) { v.form() }},
	{name: "form-mistakes", says: "account_inputs_invalid", template: "form.html", heading: "Connect your Postbox account", reach: func(v *visitor) {
		v.form()
		v.fill("site", "No site")
		v.fill("key", "k")
		v.press("Connect")
	}},
	{name: "form-unfit", says: "credential_unfit", template: "form.html", heading: "Connect your Postbox account", reach: func(v *visitor) {
		v.form()
		v.fill("site", "acme")
		v.fill("key", "\u043a\u043b\u044e\u0447") // no header can have it
		v.press("Connect")
	}},
	{name: "form-refused", says: "credential_refused", template: "form.html", heading: "Connect your Postbox account", reach: func(v *visitor) {
		v.form()
		v.tries(http.StatusUnauthorized)
	}},

	// Pages of the end.
	{name: "connected", outcome: "connected", reach: func(v *visitor) { v.connect("mail", "alice") }},
	{name: "connected-device", outcome: "connected", reach: func(v *visitor) {
		l := v.start("device")
		v.consentAtDevice("alice", "Allow")
		v.over(l)
		v.press("Continue")
	}},
	{name: "connected-choice", outcome: "connected", reach: func(v *visitor) {
		v.choose(sitesJSON)
		v.check("North")
		v.press("Connect")
	}},
	{name: "connected-form", outcome: "connected", reach: func(v *visitor) {
		v.form()
		v.tries(http.StatusOK)
	}},
	{name: "form-elsewhere", outcome: "nothing_to_fill_in", reach: func(v *visitor) { v.goTo(v.w.at("/oauth/form?link=lnk_nobody")) }},
	{name: "form-too-often", outcome: "too_many_tries", reach: func(v *visitor) {
		v.form()
		for range 10 {
			v.tries(http.StatusUnauthorized)
		}
	}},
	{name: "denied", outcome: "access_denied", reach: func(v *visitor) {
		v.start("mail")
		v.consent("alice", "Deny")
	}},
	{name: "denied-device", outcome: "access_denied", reach: func(v *visitor) {
		l := v.start("device")
		v.consentAtDevice("alice", "Deny")
		v.over(l)
		v.press("Continue")
	}},
	{name: "cancelled", outcome: "access_denied", reach: func(v *visitor) { // as providers say it whose users have cancelled
		v.fails("user_cancelled_authorize")
		v.start("mail")
	}},
	{name: "done-elsewhere", outcome: "nothing_to_show", reach: func(v *visitor) {
		l := v.connect("mail", "alice")
		o := v.other()
		o.goTo(v.w.at("/oauth/done?link=" + l.ID))
		*v = *o
	}},

	// Links.
	{name: "link-unknown", outcome: "link_not_found", reach: func(v *visitor) { v.goTo(v.w.at("/oauth/link/nobody-has-made-this")) }},
	{name: "link-expired", outcome: "link_expired", reach: func(v *visitor) {
		v.w.links(v.t, 100*time.Millisecond)
		defer v.w.links(v.t, time.Hour)
		l := v.link("mail", nil)
		time.Sleep(time.Until(l.ExpiresAt) + 10*time.Millisecond)
		v.goTo(l.URL)
	}},
	{name: "link-used", outcome: "link_used", reach: func(v *visitor) { v.goTo(v.connect("mail", "alice").URL) }},
	{name: "link-closed", outcome: "link_closed", reach: func(v *visitor) {
		v.fails("access_denied")
		v.goTo(v.start("mail").URL)
	}},
	{name: "link-revoked", outcome: "link_revoked", reach: func(v *visitor) {
		l := v.link("mail", nil)
		if err := v.w.api.RevokeLink(v.t.Context(), l.ID); err != nil {
			v.t.Fatal(err)
		}
		v.goTo(l.URL)
	}},
	{name: "link-origin", outcome: "origin_refused", reach: func(v *visitor) { v.presses(v.link("mail", nil).URL) }},

	// Callbacks.
	{name: "callback-unreadable", outcome: "callback_invalid", reach: func(v *visitor) { v.goTo(v.w.at("/oauth/callback/mail?code=x")) }},
	{name: "callback-unasked", outcome: "state_unknown", reach: func(v *visitor) { v.goTo(v.w.at("/oauth/callback/mail?code=x&state=y")) }},
	{name: "callback-other-browser", outcome: "wrong_browser", reach: func(v *visitor) {
		callback := v.waits()
		v.start("mail")
		o := v.other()
		o.goTo(callback(url.Values{"code": {"x"}}))
		*v = *o
	}},
	{name: "callback-again", outcome: "already_done", reach: func(v *visitor) {
		callback := v.waits()
		v.start("mail")
		to := callback(url.Values{"error": {"access_denied"}})
		v.goTo(to)
		v.goTo(to)
	}},
	{name: "callback-nobody", outcome: "callback_unknown", reach: func(v *visitor) { v.goTo(v.w.at("/oauth/callback/nobody?code=x&state=y")) }},
	{name: "callback-host", outcome: "callback_host", reach: func(v *visitor) {
		v.goTo(strings.Replace(v.w.at("/oauth/callback/mail?code=x&state=y"), "127.0.0.1", "localhost", 1))
	}},
	{name: "issuer", outcome: "issuer_mismatch", reach: func(v *visitor) {
		v.sends(url.Values{"code": {"x"}, "iss": {"https://id.example.com"}})
		v.start("mail")
	}},
	{name: "install-unasked", outcome: "install_not_begun_here", reach: func(v *visitor) { v.goTo(v.w.at("/oauth/callback/market")) }},
	{name: "install-several", outcome: "install_ambiguous", reach: func(v *visitor) {
		callback := v.waits()
		v.start("market")
		v.start("market")
		v.goTo(callback(url.Values{"code": {"x"}, "state": nil}))
	}},
	{name: "oauth1-other-token", outcome: "token_mismatch", reach: func(v *visitor) {
		v.answersOldWay("another token")
		v.start("old")
	}},

	// What providers say.
	{name: "scope-refused", outcome: "scope_refused", reach: func(v *visitor) { v.fails("invalid_scope"); v.start("mail") }},
	{name: "scopes-missing", outcome: "scopes_missing", reach: func(v *visitor) { v.connect("strict", "alice") }},
	{name: "provider-refused", outcome: "provider_refused", reach: func(v *visitor) { v.fails("weather"); v.start("mail") }},
	{name: "provider-unavailable", outcome: "provider_unavailable", reach: func(v *visitor) { v.fails("server_error"); v.start("mail") }},
	{name: "provider-limited", outcome: "provider_rate_limited", reach: func(v *visitor) { v.tokenFails(http.StatusTooManyRequests, "slow_down") }},
	{name: "client-rejected", outcome: "oauth_client_rejected", reach: func(v *visitor) { v.tokenFails(http.StatusUnauthorized, "invalid_client") }},
	{name: "exchange-failed", outcome: "exchange_failed", reach: func(v *visitor) { v.tokenFails(http.StatusBadRequest, "invalid_grant") }},
	{name: "other-account", outcome: "identity_mismatch", reach: func(v *visitor) {
		v.connect("mail", "alice")
		v.connect("mail", "bob")
	}},
	{name: "account-unknown", outcome: "identity_unconfirmed", reach: func(v *visitor) {
		v.connect("mail", "alice")
		v.answers("/api/me", fakeprovider.Fault{Status: http.StatusInternalServerError, Body: "{}"})
		v.connect("mail", "alice")
	}},
	{name: "disconnected", outcome: "account_disconnected", reach: func(v *visitor) {
		v.connect("mail", "alice")
		v.start("mail")
		if _, err := v.w.api.DisconnectNamed(v.t.Context(), "mail", v.identifier); err != nil {
			v.t.Fatal(err)
		}
		v.consent("alice", "Allow")
	}},
	{name: "discovery-failed", outcome: "discovery_failed", reach: func(v *visitor) {
		v.answers("/sites", fakeprovider.Fault{Status: http.StatusInternalServerError, Body: "{}"})
		v.connect("sites", "alice")
	}},
	{name: "nothing-found", outcome: "nothing_to_use", reach: func(v *visitor) { v.choose("[]") }},
	{name: "choice-not-offered", outcome: "choice_not_offered", reach: func(v *visitor) {
		v.answers("/sites", fakeprovider.Fault{Body: sitesJSON})
		v.begin(v.link("sites", func(n *client.NewLink) { n.Choice = client.Choice{"": "s-99"} }))
		v.consent("alice", "Allow")
	}},
	{name: "choice-elsewhere", outcome: "nothing_to_choose", reach: func(v *visitor) { v.goTo(v.w.at("/oauth/choice?link=lnk_nobody")) }},

	// What is not there.
	{name: "connection-gone", outcome: "connection_unusable", reach: func(v *visitor) { v.goTo(v.linkWithoutConnection()) }},
	{name: "no-page", outcome: "page_not_found", reach: func(v *visitor) { v.goTo(v.w.at("/oauth/link/")) }},
	{name: "no-method", outcome: "method_not_allowed", reach: func(v *visitor) { v.presses(v.w.at("/oauth/done")) }},
}
