package consent_test

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/consent"
	"github.com/claviger-proxy/claviger/internal/fakeprovider"
	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/internal/problem"
	"github.com/claviger-proxy/claviger/vault"
)

// declaredRate is what the connectors of these tests declare.
var declaredRate = connectors.Rate{
	Statuses: []int{http.StatusForbidden},
	Windows:  []connectors.Window{{Remaining: "X-Left", Reset: "X-Reset"}},
}

// limits answers requests for a path with a status, and says how many more there may be and when.
type limits struct {
	path        string
	status      int
	left, reset string
}

func (l *limits) RoundTrip(r *http.Request) (*http.Response, error) {
	if l.path != r.URL.Path {
		return plainTransport.RoundTrip(r)
	}
	return &http.Response{
		StatusCode: l.status, Header: http.Header{"X-Left": {l.left}, "X-Reset": {l.reset}}, Request: r,
		Body: io.NopCloser(strings.NewReader(`{"error":"no"}`)),
	}, nil
}

// openLimited opens a counter whose provider limits requests.
func openLimited(t *testing.T, l *limits) *counter {
	t.Helper()
	c := openCounter(t, func(o *consent.Options) { o.API, o.OAuth = l, oauth.New(oauth.Options{Transport: l}) })
	for name := range heads {
		one, err := c.set.ByName(name)
		if err != nil {
			t.Fatal(err)
		}
		one.Connector().Rate = declaredRate
	}
	return c
}

// wantLimited wants to be told that the provider limits requests, and for how long.
func (c *counter) wantLimited(err error, wait time.Duration) {
	c.t.Helper()
	wantCode(c.t, err, http.StatusServiceUnavailable, "provider_rate_limited")
	if p := (*problem.Problem)(nil); errors.As(err, &p) && p.RetryAfter != wait {
		c.t.Errorf("to be asked again after %s, want %s", p.RetryAfter, wait)
	}
	c.keep(err)
}

// A credential that cannot be tried out because of a limit is not refused, whatever the status; where there is no
// account without an answer, that is said, and how long it takes.
func TestConnectLimited(t *testing.T) {
	client := map[string]string{"id": "ada", "secret": canaryKey}
	for _, tt := range []struct {
		name       string
		limits     limits
		connection string
		inputs     map[string]string
		wait       time.Duration // -1 when the account is connected
	}{
		{"check", limits{"/me", 403, "0", "120"}, "key", map[string]string{"key": canaryKey}, -1},
		{"check with 429", limits{"/me", 429, "", ""}, "key", map[string]string{"key": canaryKey}, -1},
		{"sites", limits{"/sites", 403, "0", "120"}, "sites", map[string]string{"key": canaryKey}, 2 * time.Minute},
		{"sites with 429", limits{"/sites", 429, "0", "99999"}, "sites", map[string]string{"key": canaryKey}, time.Hour},
		{"token", limits{"/token", 403, "0", "120"}, "client", client, 2 * time.Minute},
		{"token with 429", limits{"/token", 429, "", ""}, "client", client, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := openLimited(t, &tt.limits)
			a, err := c.flow.Connect(t.Context(), consent.Direct{Connection: tt.connection, Identifier: "a", Inputs: tt.inputs})
			if tt.wait < 0 {
				if err != nil || a.Status != vault.StatusActive {
					t.Errorf("the account is %s, %v", a.Status, err)
				}
				return
			}
			c.wantLimited(err, tt.wait)
			c.wantNothing(a)
		})
	}
	t.Run("something left", func(t *testing.T) {
		c := openLimited(t, &limits{"/me", 403, "1", "120"})
		a, err := c.flow.Connect(t.Context(), consent.Direct{Connection: "key", Identifier: "a", Inputs: map[string]string{"key": canaryKey}})
		wantCode(t, err, http.StatusUnprocessableEntity, "credential_refused")
		c.wantNothing(a)
	})
}

// An account whose user is known is not given another credential while nobody tells whose that is.
func TestReconnectLimited(t *testing.T) {
	l := &limits{path: "/nowhere", status: 403, left: "0", reset: "120"}
	c := openLimited(t, l)
	before := c.connect("key", "a", map[string]string{"key": canaryKey})
	c.later()
	l.path = "/me"
	_, err := c.flow.Connect(t.Context(), consent.Direct{Connection: "key", Identifier: "a", Inputs: map[string]string{"key": canaryKey + "-2"}})
	c.wantLimited(err, 2*time.Minute)
	if g := c.grant(before); g.Inputs["key"].Reveal() != canaryKey {
		t.Error("the account has the other credential")
	}
}

// The pages of a consent say it as well, and an account that was connected goes on.
func TestConsentLimited(t *testing.T) {
	rate := func(_ *desk, s *settings) { s.connector = func(c *connectors.Connector) { c.Rate = declaredRate } }
	fault := fakeprovider.Fault{Status: 403, Body: `{"error":"invalid_client"}`, Header: http.Header{"X-Left": {"0"}, "X-Reset": {"120"}}}
	t.Run("token", func(t *testing.T) {
		d := open(t, rate)
		d.provider.SetFault("/oauth/token", fault)
		of(d.consent(fakeprovider.NewBrowser(), d.begin(consent.Request{Identifier: "a"}).URL, "alice", true)).
			want(t, http.StatusServiceUnavailable, "provider_rate_limited")
		d.wantAccounts(0)
	})
	t.Run("identity", func(t *testing.T) {
		d := open(t, rate)
		of(d.consent(fakeprovider.NewBrowser(), d.begin(consent.Request{Identifier: "a"}).URL, "alice", true)).want(t, http.StatusOK, "")
		before, _ := d.account("a")
		d.provider.SetFault("/api/me", fault)
		d.later(time.Second)
		of(d.consent(fakeprovider.NewBrowser(), d.begin(consent.Request{Identifier: "a"}).URL, "alice", true)).
			want(t, http.StatusServiceUnavailable, "provider_rate_limited")
		if a, _ := d.account("a"); a.Status != vault.StatusActive || a.Generation != before.Generation {
			t.Errorf("the account is %+v", a)
		}
		of(d.consent(fakeprovider.NewBrowser(), d.begin(consent.Request{Identifier: "b"}).URL, "alice", true)).want(t, http.StatusOK, "")
		if n := strings.Count(d.logs.String(), strconv.Quote("provider_rate_limited")); n < 2 {
			t.Errorf("the log says it %d times", n)
		}
	})
}
