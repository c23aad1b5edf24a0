//go:build peers

package peers

import (
	"encoding/json"
	"html"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// landing is where a consent ended.
type landing struct {
	URL     string   `json:"url"`
	Status  int      `json:"status"`
	HTML    string   `json:"html"`
	Cookies []string `json:"cookies"`
	Title   string   `json:"title"`
	Text    string   `json:"text"`
	Refused []string `json:"refused"`
}

// consent goes through a link with the form filler, as a user of the provider.
func (c *claviger) consent(link, login string, more ...string) (at landing) {
	c.t.Helper()
	out, err := script(c.t.Context(), c.t, nil, append([]string{"browser/headless.mjs", link, c.pages(), login}, more...)...)
	if err != nil {
		c.t.Fatalf("consent: %v", err)
	}
	if err := json.Unmarshal(out, &at); err != nil {
		c.t.Fatal(err)
	}
	addSecrets(at.Cookies...)
	at.Text = html.UnescapeString(tags.ReplaceAllString(at.HTML, " "))
	c.wantCleanPage(at)
	return at
}

var tags = regexp.MustCompile(`(?s)<style.*?</style>|<[^>]+>`)

// wantCleanPage fails if the address of the last page still holds what the provider has sent.
func (c *claviger) wantCleanPage(at landing) {
	c.t.Helper()
	for _, bad := range []string{"code=", "state=", "iss="} {
		if strings.Contains(at.URL, bad) {
			c.t.Errorf("the last page's address has %q", bad)
		}
	}
}

// connect consents and expects an ACTIVE account.
func (c *claviger) connect(connection, identifier, login string) {
	c.t.Helper()
	at := c.consent(c.link(connection, identifier), login)
	if at.Status != http.StatusOK || !strings.Contains(at.Text, "You are connected") {
		c.t.Fatalf("consent ended with status %d: %s", at.Status, strings.Join(strings.Fields(at.Text), " "))
	}
	c.account(connection, identifier, "ACTIVE")
}

// startOIDC runs oidc-provider and Claviger with two connections to it, and further lines of the global
// option.
func startOIDC(t *testing.T, ttl int, options ...string) (*provider, *claviger) {
	t.Helper()
	return startOIDCWith(t, []string{"ACCESS_TTL=" + strconv.Itoa(ttl)}, strings.Join(options, ""),
		connection{name: "oidc", connector: "oidc", id: "proxy-basic", secret: "proxy-basic-secret"},
		connection{name: "odd", connector: "oidc", id: "proxy:odd id", secret: "p%c s+e&c:r=t/~"},
	)
}

// startOIDCWith is startOIDC with other connections, and an environment for oidc-provider.
func startOIDCWith(t *testing.T, env []string, options string, connections ...connection) (*provider, *claviger) {
	t.Helper()
	port := freePort(t)
	var callbacks []string
	for _, k := range connections {
		callbacks = append(callbacks, callbackOf(port, k.name))
	}
	p := startProvider(t, "oidc-provider", append(env, "REDIRECT_URIS="+strings.Join(callbacks, ","))...)
	for i := range connections {
		connections[i].port = p.port
	}
	return p, startClavigerWith(t, port, options, connections...)
}

// The form filler presses the one button of the link's page, logs in, and consents or declines.
func TestConsentHeadless(t *testing.T) {
	_, c := startOIDC(t, 3600)
	for _, name := range []string{"oidc", "odd"} {
		t.Run(name, func(t *testing.T) {
			c.connect(name, "u-alice", "alice")
			a := c.account(name, "u-alice", "ACTIVE")
			if a.Identity.ID != "alice" || a.Identity.Email != "alice@example.test" {
				t.Errorf("the account is %+v, want alice", a.Identity)
			}
			got, err := c.get("/me", name+"/u-alice")
			if err != nil || got.status != http.StatusOK || !strings.Contains(got.body, `"sub":"alice"`) {
				t.Errorf("GET /me: %d %s, %v", got.status, got.body, err)
			}
		})
	}
	t.Run("denied", func(t *testing.T) {
		at := c.consent(c.link("oidc", "u-denied"), "alice", "deny")
		if at.Status != http.StatusForbidden || !strings.Contains(at.Text, "You declined at Peer Accounts") {
			t.Errorf("got %d: %s", at.Status, at.Text)
		}
		c.wantNoAccount("oidc", "u-denied")
	})
}

// A real browser, which holds every page to its policies, does the same.
func TestConsentChromium(t *testing.T) {
	_, c := startOIDC(t, 3600)
	visit := func(t *testing.T, identifier string, more ...string) (at landing) {
		t.Helper()
		out, err := script(t.Context(), t, []string{"CHROMIUM=" + tools.chromium, "SHOTS=" + t.TempDir()},
			append([]string{"browser/chromium.mjs", c.link("oidc", identifier), c.pages(), "bob"}, more...)...)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(out, &at); err != nil {
			t.Fatal(err)
		}
		c.wantCleanPage(at)
		if len(at.Refused) > 0 {
			t.Errorf("the browser has refused parts of our pages: %q", at.Refused)
		}
		return at
	}
	t.Run("consented", func(t *testing.T) {
		at := visit(t, "u-bob")
		if at.Title != "You are connected" || !strings.Contains(at.Text, "Example App can now use your Peer Accounts account") ||
			!strings.Contains(at.Text, "bob@example.test") {
			t.Errorf("the last page is %q: %s", at.Title, at.Text)
		}
		c.account("oidc", "u-bob", "ACTIVE")
	})
	t.Run("denied", func(t *testing.T) {
		at := visit(t, "u-denied", "deny")
		if at.Title != "Not connected" || !strings.Contains(at.Text, "You declined at Peer Accounts") {
			t.Errorf("the last page is %q: %s", at.Title, at.Text)
		}
		c.wantNoAccount("oidc", "u-denied")
	})
}
