package consent_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/consent"
	"github.com/claviger-proxy/claviger/internal/fakeprovider"
)

// A link that is over has no inputs any more. Its last page, and what comes too late, do without them.
func TestOverWithInputs(t *testing.T) {
	d := open(t, func(_ *desk, s *settings) {
		s.connector = func(c *connectors.Connector) { c.Account = []connectors.Input{{Name: "key", Secret: true}} }
	})
	tr, callback := d.travel(d.begin(consent.Request{Inputs: map[string]string{"key": "canary-key"}}).URL, "alice", true)
	page := d.see(tr.Get(callback))
	of(page).want(t, http.StatusOK, "")
	if !strings.Contains(page.Body, "You are connected") {
		t.Error("the last page does not say that the account is connected")
	}
	d.do(http.MethodGet, callback, tr.Browser).want(t, http.StatusConflict, "already_done")
	d.do(http.MethodGet, callback, nil).want(t, http.StatusForbidden, "wrong_browser")

	denied := d.consent(fakeprovider.NewBrowser(), d.begin(consent.Request{Inputs: map[string]string{"key": "canary-key"}}).URL, "alice", false)
	of(denied).want(t, http.StatusForbidden, "access_denied")
	if strings.Contains(d.logs.String()+page.Body+denied.Body, "canary-key") {
		t.Error("the input is shown")
	}
}
