// Package integration is the one place that starts Caddy in tests: a Caddyfile in, HTTP out.
package integration

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/claviger-proxy/claviger/caddymodule"
	_ "github.com/claviger-proxy/claviger/caddymodule/keytransit"
	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/internal/fakeprovider"
)

// sidecar is Claviger running in this process, with a provider beside it. Only one can run at a
// time, because Caddy's configuration is global.
type sidecar struct {
	t        *testing.T
	provider *fakeprovider.Server
	dir      string
	ports    ports
	options  options
}

type ports struct{ proxy, callback, admin int }

// options change the standard Caddyfile. In every text, @dir@ stands for the test's directory and
// @port@ for the provider's port.
type options struct {
	provider fakeprovider.Config
	// proxy are lines inside claviger_proxy, site lines beside it, claviger lines in the app's
	// block, global lines in the global options, sites further sites.
	proxy, site, claviger, global, sites string
	// vault replaces the vault's line; empty means Badger in the test's directory.
	vault string
	// connectors are the api parts of further connectors by name, each with a connection of the
	// same name; see connectorYAML.
	connectors map[string]string
	// keepProvider is used instead of a new one.
	keepProvider *fakeprovider.Server
	// without removes the claviger app and its handlers.
	without bool
}

// start runs a sidecar until the test ends.
func start(t *testing.T, o options) *sidecar {
	t.Helper()
	s := prepare(t, o)
	s.load(s.caddyfile())
	return s
}

// prepare is start without loading the configuration.
func prepare(t *testing.T, o options) *sidecar {
	t.Helper()
	s := &sidecar{t: t, options: o, dir: t.TempDir(), ports: ports{freePort(t), freePort(t), freePort(t)}}
	if s.provider = o.keepProvider; s.provider == nil {
		var err error
		if s.provider, err = fakeprovider.Start(context.Background(), o.provider); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.provider.Close() })
	}
	redirects := []string{s.callback() + "/demo"}
	for name, api := range o.connectors {
		redirects = append(redirects, s.callback()+"/"+name)
		s.write("connectors/"+name+".yaml", connectorYAML(name, api))
	}
	s.provider.SetRedirectURIs(redirects...)
	watch(s.provider)
	t.Setenv("CLAVIGER_TEST_CLIENT", s.provider.ClientID())
	s.write("client_secret", s.provider.ClientSecret()+"\n")
	t.Cleanup(func() {
		if err := caddy.Stop(); err != nil {
			t.Errorf("stopping: %v", err)
		}
	})
	return s
}

// in is the sidecar as a subtest uses it.
func (s *sidecar) in(t *testing.T) *sidecar {
	c := *s
	c.t = t
	return &c
}

// write puts a file into the test's directory, and returns its path.
func (s *sidecar) write(name, text string) string {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(s.fill(text)), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

func (s *sidecar) fill(text string) string {
	return strings.NewReplacer("@dir@", s.dir, "@port@", strconv.Itoa(s.provider.Port())).Replace(text)
}

// connectorYAML is a connector to the fake provider's OAuth server with an API of its own.
func connectorYAML(name, api string) string {
	return fmt.Sprintf(`schema: 1
name: %s
title: %s
app:
  - name: port
    pattern: ^[0-9]{2,5}$
authorize:
  url: http://127.0.0.1:{app.port}/authorize
  issuer: http://127.0.0.1:{app.port}
  scope:
    default: [openid, offline_access, mail.read]
token:
  url: http://127.0.0.1:{app.port}/oauth/token
  client_auth: basic
%s
`, name, name, api)
}

func (s *sidecar) callback() string {
	return fmt.Sprintf("http://127.0.0.1:%d/oauth/callback", s.ports.callback)
}
func (s *sidecar) proxy() string { return fmt.Sprintf("http://127.0.0.1:%d", s.ports.proxy) }
func (s *sidecar) admin() string { return fmt.Sprintf("http://127.0.0.1:%d", s.ports.admin) }

// caddyfile is the sidecar of the README with a log of everything that Caddy can log.
func (s *sidecar) caddyfile() string {
	o := s.options
	if o.without {
		return s.fill(fmt.Sprintf("{\n%s\n}\nhttp://:%d {\n\tbind 127.0.0.1\n\trespond ok\n}\n", s.global(), s.ports.proxy))
	}
	vault := o.vault
	if vault == "" {
		vault = "vault badger @dir@/vault"
	}
	connections := connection("demo")
	if len(o.connectors) > 0 {
		connections += "connectors @dir@/connectors\n"
	}
	for _, name := range slices.Sorted(maps.Keys(o.connectors)) {
		connections += connection(name)
	}
	return s.fill(fmt.Sprintf(`{
	%s
	%s
	claviger {
		%s
		key file @dir@/key
		%s
		callback %s
		return_urls https://app.example.com
		app_name "Example App"
		%s
	}
}
http://:%d {
	bind 127.0.0.1
	log
	%s
	claviger_proxy {
		%s
	}
}
http://:%d {
	bind 127.0.0.1
	log
	claviger_consent
	claviger_health
	respond 404
}
%s
`, s.global(), o.global, vault, connections, s.callback(), o.claviger,
		s.ports.proxy, o.site, o.proxy, s.ports.callback, o.sites))
}

func (s *sidecar) global() string {
	return fmt.Sprintf(`admin 127.0.0.1:%d
	persist_config off
	log {
		level DEBUG
		output file %s
	}
	metrics
	servers {
		protocols h1 h2 h2c
		log_credentials
	}`, s.ports.admin, logFile())
}

// connection is a connection whose secrets come from outside the configuration.
func connection(name string) string {
	return "connection " + name + ` {
			client_id     {env.CLAVIGER_TEST_CLIENT}
			client_secret {file.@dir@/client_secret}
			param port @port@
		}
		`
}

// load adapts and loads a Caddyfile.
func (s *sidecar) load(caddyfile string) {
	s.t.Helper()
	if err := load(caddyfile); err != nil {
		s.t.Fatal(err)
	}
}

func adapt(caddyfile string) ([]byte, error) {
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(caddyfile), map[string]any{"filename": "Caddyfile"})
	return config, err
}

func load(caddyfile string) error {
	config, err := adapt(caddyfile)
	if err != nil {
		return err
	}
	return caddy.Load(config, true)
}

// api is the management API's client.
func (s *sidecar) api() *client.Client {
	s.t.Helper()
	c, err := client.New(client.Options{Base: s.admin(), HTTP: &http.Client{Transport: adminTransport{}}})
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// adminTransport sends a request again that was never answered: at each reload, a refused one too, Caddy
// replaces the server of its admin endpoint, and what is just coming to the old one is reset or hung up on.
type adminTransport struct{}

func (adminTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	for try := 1; ; try++ {
		once := r.Clone(r.Context())
		if r.GetBody != nil {
			var err error
			if once.Body, err = r.GetBody(); err != nil {
				return nil, err
			}
		}
		resp, err := http.DefaultTransport.RoundTrip(once)
		unanswered := errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF)
		if !unanswered || try == 5 || r.Body != nil && r.GetBody == nil {
			return resp, err
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// connect sends a user of the provider through consent and returns the account.
func (s *sidecar) connect(user, identifier string) client.Account {
	s.t.Helper()
	return s.connectAt("demo", user, identifier)
}

func (s *sidecar) connectAt(connection, user, identifier string) client.Account {
	s.t.Helper()
	link, err := s.api().CreateLink(s.t.Context(), client.NewLink{Connection: connection, Identifier: identifier})
	if err != nil {
		s.t.Fatal(err)
	}
	s.consent(link.URL, user)
	a := s.account(connection, identifier)
	if a.Status != client.StatusActive {
		s.t.Fatalf("the account is %s after consent, want ACTIVE", a.Status)
	}
	return a
}

// consent walks through a link as a user of the provider who agrees.
func (s *sidecar) consent(link, user string) {
	s.t.Helper()
	page, err := fakeprovider.NewBrowser().Consent(link, user, true)
	if err != nil || page.Status != http.StatusOK {
		s.t.Fatalf("consent ended with status %d, %v: %s", page.Status, err, page.Body)
	}
}

func (s *sidecar) account(connection, identifier string) client.Account {
	s.t.Helper()
	a, err := s.api().FindAccount(s.t.Context(), connection, identifier)
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

// refreshes counts the calls of the token endpoint that were refreshes.
func (s *sidecar) refreshes() int { return s.provider.TokenCalls("refresh_token") }

var (
	usedPorts   = map[int]bool{}
	usedPortsMu sync.Mutex
)

// freePort returns a port that nobody listens on, and never the same twice. It is below those that
// the system gives to clients, and no other package of tests takes from the same range.
func freePort(t *testing.T) int {
	t.Helper()
	usedPortsMu.Lock()
	defer usedPortsMu.Unlock()
	for {
		port := 10000 + rand.IntN(5000)
		if usedPorts[port] {
			continue
		}
		l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
		if err != nil {
			continue // somebody has it
		}
		l.Close()
		usedPorts[port] = true
		return port
	}
}

func itoa(n int) string { return strconv.Itoa(n) }

// outward is an address of this machine that is not loopback.
func outward(t *testing.T) string {
	t.Helper()
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && !n.IP.IsLoopback() {
			return n.IP.String()
		}
	}
	return "127.0.0.2"
}

// await polls until ok.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
