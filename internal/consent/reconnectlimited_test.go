package consent_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/consent"
	"github.com/claviger-proxy/claviger/internal/fakeprovider"
)

// limitedSites lists one site, or limits requests for it.
type limitedSites struct{ limited bool }

func (p *limitedSites) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(r.URL.Path, "/sites") {
		return plainTransport.RoundTrip(r)
	}
	status, body := 200, `[{"id":"s-1","name":"One"}]`
	if p.limited {
		status, body = 429, `{}`
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r, ProtoMajor: 1, ProtoMinor: 1}, nil
}

// A limit says nothing of the grant: as with identity, nothing is revoked of an account that works.
func TestReconnectWithLimitedDiscovery(t *testing.T) {
	p := &limitedSites{}
	d := open(t, func(d *desk, s *settings) {
		d.options.API = p
		s.connector = func(c *connectors.Connector) {
			c.Discover = []connectors.Discover{{Ask: at(t, "/sites"), ID: "id", Label: "name", Into: "site"}}
		}
	})
	consents := func() answer {
		d.later(time.Second)
		return of(d.consent(fakeprovider.NewBrowser(), d.begin(consent.Request{Identifier: "a"}).URL, "alice", true))
	}
	consents().want(t, http.StatusOK, "")
	d.provider.SetFault("/api/me", fakeprovider.Fault{Status: 429})
	consents().want(t, http.StatusServiceUnavailable, "provider_rate_limited")
	if n := d.provider.LiveGrants("alice"); n != 2 {
		t.Errorf("after a limited identity there are %d grants", n)
	}
	p.limited = true
	consents().want(t, http.StatusServiceUnavailable, "provider_rate_limited")
	if n := d.provider.LiveGrants("alice"); n != 3 {
		t.Errorf("after a limited discovery there are %d grants, so the new one was revoked", n)
	}
}
