package connectors_test

import (
	"maps"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/google/go-cmp/cmp"
)

func builtin(t testing.TB) *connectors.Catalog {
	t.Helper()
	c, err := connectors.Builtin()
	if err != nil {
		t.Fatalf("Builtin: %v", err)
	}
	return c
}

func lookup(t testing.TB, name string) *connectors.Connector {
	t.Helper()
	c, ok := builtin(t).Lookup(name)
	if !ok {
		t.Fatalf("Lookup(%q): not found", name)
	}
	return c
}

func TestBuiltin(t *testing.T) {
	all := builtin(t).All()
	for _, c := range all {
		t.Run(c.Name, func(t *testing.T) { testComplete(t, c) })
	}
	if len(all) < 400 {
		t.Errorf("there are %d connectors", len(all))
	}
}

// testComplete checks what we want of our own files beyond what the format demands.
func testComplete(t *testing.T, c *connectors.Connector) {
	for name, missing := range map[string]bool{
		"docs":        c.Docs == "" && c.Name != "none",
		"description": c.Description == "",
		"categories":  len(c.Categories) == 0,
		"tested":      c.Tested.How == "" && c.Name != "demo",
	} {
		if missing {
			t.Errorf("%s is missing", name)
		}
	}
	ways := []string{""}
	for _, w := range c.Ways {
		ways = append(ways, w.ID)
	}
	for _, id := range ways {
		way, ok := c.Way(id)
		if !ok {
			t.Fatalf("there is no way %q", id)
		}
		testWay(t, way)
	}
}

func testWay(t *testing.T, c *connectors.Connector) {
	if c.Mode.Consents() && c.Mode != connectors.ModeOAuth1 && c.Authorize.PKCE == "" {
		t.Error("authorize.pkce is missing: it is to be said, also when it is the default")
	}
	if c.Verify == nil && c.Identity == nil && len(c.Notes) == 0 {
		t.Error("neither verify nor identity is there, and no note says why")
	}
	example := func(inputs []connectors.Input) map[string]string {
		values := map[string]string{}
		for _, in := range inputs {
			if values[in.Name] = in.Example; in.Default == "" && in.Example == "" && in.Secret {
				values[in.Name] = "secret"
			}
		}
		return values
	}
	values, err := c.AppValues(example(c.App))
	if err != nil {
		return // it has an input without an example
	}
	own, err := c.AccountValues(example(c.Account))
	if err != nil {
		return
	}
	maps.Copy(values, own)
	e, err := c.Endpoints(values)
	if err != nil {
		t.Fatalf("Endpoints: %v", err)
	}
	for _, raw := range []string{e.Authorize, e.Token, e.Refresh} {
		if raw == "" {
			continue
		}
		u, err := url.Parse(raw)
		if err != nil || u.Host == "" || strings.ContainsAny(raw, "{}") {
			t.Errorf("endpoint %q is not a plain URL", raw)
		}
		if u.Scheme != "https" && c.Name != "demo" {
			t.Errorf("endpoint %q is not https", raw)
		}
	}
}

func TestCatalogEndpoints(t *testing.T) {
	tests := []struct {
		name   string
		params map[string]string
		want   connectors.Endpoints
		bases  map[string]string
		revoke string
	}{
		{
			name: "gmail",
			want: connectors.Endpoints{
				Authorize: "https://accounts.google.com/o/oauth2/v2/auth",
				Issuer:    "https://accounts.google.com",
				Token:     "https://oauth2.googleapis.com/token",
				Refresh:   "https://oauth2.googleapis.com/token",
				Hosts:     map[string]bool{"gmail.googleapis.com": true, "openidconnect.googleapis.com": true},
			},
			bases:  map[string]string{"": "https://gmail.googleapis.com", "openid": "https://openidconnect.googleapis.com"},
			revoke: "https://oauth2.googleapis.com/revoke",
		},
		{
			name: "github",
			want: connectors.Endpoints{
				Authorize: "https://github.com/login/oauth/authorize",
				Device:    "https://github.com/login/device/code",
				Token:     "https://github.com/login/oauth/access_token",
				Refresh:   "https://github.com/login/oauth/access_token",
				Hosts:     map[string]bool{"api.github.com": true, "uploads.github.com": true},
			},
			bases:  map[string]string{"": "https://api.github.com", "uploads": "https://uploads.github.com"},
			revoke: "https://api.github.com/applications/Ov23abc/grant",
		},
		{
			name:   "demo",
			params: map[string]string{"port": "9090"},
			want: connectors.Endpoints{
				Authorize: "http://127.0.0.1:9090/authorize",
				Issuer:    "http://127.0.0.1:9090",
				Token:     "http://127.0.0.1:9090/oauth/token",
				Refresh:   "http://127.0.0.1:9090/oauth/token",
				Hosts:     map[string]bool{"127.0.0.1:9090": true},
			},
			bases:  map[string]string{"": "http://127.0.0.1:9090"},
			revoke: "http://127.0.0.1:9090/revoke",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := endpoints(lookup(t, tt.name), tt.params)
			if err != nil {
				t.Fatalf("Endpoints: %v", err)
			}
			checkEndpoints(t, got, tt.want, tt.bases)
			revoke, err := got.RevokeURL("Ov23abc")
			if err != nil || revoke != tt.revoke {
				t.Errorf("RevokeURL = %q, %v; want %q", revoke, err, tt.revoke)
			}
		})
	}
}

// What the providers say about the life of their tokens.
func TestCatalogLife(t *testing.T) {
	const halfYear = connectors.Duration(180 * 24 * time.Hour)
	for _, name := range []string{"github", "gmail", "googlecalendar", "googledrive"} {
		if k := lookup(t, name).Refresh.Keepalive; k <= 0 || k >= halfYear {
			t.Errorf("%s: keepalive is %s, want less than the six months after which refresh tokens die", name, k)
		}
	}
	for _, name := range []string{"github", "slack"} {
		if got := lookup(t, name).Token.TTL; got != connectors.TTLNever {
			t.Errorf("%s: ttl is %q, want never", name, got)
		}
	}
	for body, want := range map[string]bool{
		`{"ok":false,"error":"token_expired"}`:     true,
		`{"ok":false,"error":"invalid_auth"}`:      true,
		`{"ok":false,"error":"channel_not_found"}`: false,
		`{"ok":true,"text":"token_expired"}`:       false,
	} {
		if got := lookup(t, "slack").TokenExpired(200, nil, func() []byte { return []byte(body) }); got != want {
			t.Errorf("slack: %s is an expired token: %t, want %t", body, !want, want)
		}
	}
}

func TestCatalogWith(t *testing.T) {
	base := builtin(t)
	gmail := *lookup(t, "gmail")
	gmail.Title = "Our Gmail"
	own := *lookup(t, "demo")
	own.Name = "own"
	c := base.With(&gmail, &own)
	if got, _ := c.Lookup("gmail"); got == nil || got.Title != "Our Gmail" {
		t.Errorf("Lookup(gmail) = %v, want the later one", got)
	}
	if _, ok := c.Lookup("own"); !ok {
		t.Error("Lookup(own): not found")
	}
	if got := lookup(t, "gmail").Title; got != "Gmail" {
		t.Errorf("With changed its receiver: title of gmail is %q", got)
	}
	if got, want := len(c.All()), len(base.All())+1; got != want {
		t.Errorf("All has %d connectors, want %d", got, want)
	}
}

func TestCatalogSuggest(t *testing.T) {
	tests := []struct {
		name string
		in   string
		want []string
	}{
		{"typing error", "gmial", []string{"gmail"}},
		{"upper case", "GitHub", []string{"github", "github-app", "gitlab"}},
		{"longer and with an error", "googlecalender", []string{"googlecalendar", "google", "googleslides"}},
		{"the same beginning first", "zendex", []string{"zendesk", "render"}},
		{"longer", "slackbot", []string{"slack"}},
		{"nothing close", "qqqqqqqqqq", nil},
		{"empty", "", nil},
		{"too long", strings.Repeat("gmail", 100), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, builtin(t).Suggest(tt.in)); diff != "" {
				t.Errorf("Suggest(%q) (-want +got):\n%s", tt.in, diff)
			}
		})
	}
}

func TestInjections(t *testing.T) {
	for _, name := range []string{"github", "gmail", "notion", "slack"} {
		c := lookup(t, name)
		for _, in := range c.Injections() {
			got, err := in.Template.Expand(connectors.Values{"token": "s3cret"})
			if err != nil || in.Name != "Authorization" || got != "Bearer s3cret" {
				t.Errorf("%s: injection %s: %q, %v", c.Name, in.Name, got, err)
			}
		}
	}
	own := connectors.Connector{Scheme: connectors.Scheme{Inject: []connectors.Injection{{In: connectors.InQuery, Name: "key"}}}}
	if got := own.Injections(); len(got) != 1 || got[0].Name != "key" {
		t.Errorf("Injections = %v, want the connector's own", got)
	}
}

// A lookup costs nothing: it is done for each request.
func TestLookupAllocatesNothing(t *testing.T) {
	c := builtin(t)
	if n := testing.AllocsPerRun(100, func() {
		found, _ := c.Lookup("gmail")
		_, _ = found.Way("")
		_ = found.Injections()
	}); n != 0 {
		t.Errorf("a lookup allocates %v times", n)
	}
}

func BenchmarkLookup(b *testing.B) {
	c := builtin(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := c.Lookup("gmail"); !ok {
			b.Fatal("not found")
		}
	}
}
