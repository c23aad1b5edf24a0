//go:build pages

package pages

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/internal/fakeprovider"
)

const (
	startTime = 30 * time.Second
	stopTime  = 15 * time.Second
)

// connectors are those of the tests, all at the fake provider: what they have beside connectorHead and tokenPart.
// BASE is where it is.
var connectors = map[string]string{
	"mail": webParts, "device": "mode: device\ndevice: {url: BASE/device_authorization}\n",
	"sites":  webParts + "discover: [{path: /sites, id: id, label: name, into: site}]\n",
	"strict": strings.Replace(webParts, "scope: {", "scope: {required: [mail.send], ", 1),
	"market": webParts + "callback: {state: install}\ninstall: {inbound: true}\n",
	"keyed": "mode: static\naccount:\n" +
		"  - {name: region, title: Region, description: Where your data is., enum: [eu, us], default: eu}\n" +
		"  - {name: site, title: Site, description: The first part of your address., pattern: '[a-z]+', example: acme, suffix: .postbox.example.com}\n" +
		"  - {name: key, title: API key, description: Under Settings., help: 'https://docs.example.com/keys', secret: true}\n" +
		"  - {name: cert, title: Certificate, description: For partners., secret: true, multiline: true, optional: true}\n" +
		"inject: [{in: header, name: Authorization, template: 'Bearer {account.key}'}]\n",
	"old": "mode: oauth1\nauthorize: {url: BASE/old/authorize, request_url: BASE/old/request}\n" +
		"token: {url: BASE/old/token, ttl: never}\nsigner: {kind: oauth1}\n",
}

const (
	connectorHead = `schema: 1
name: NAME
title: Postbox
api: {base_url: BASE}
identity: {path: /api/me, id: id, name: name, email: email}
`
	webParts  = "authorize: {url: BASE/authorize, issuer: BASE, scope: {default: [openid, profile, email, offline_access, mail.read]}}\n"
	tokenPart = "token: {url: BASE/oauth/token, client_auth: basic}\nrevoke: {url: BASE/revoke}\n"
)

// world is the binary at work, with a provider beside it.
type world struct {
	t           *testing.T
	dir         string
	port, admin int
	provider    *fakeprovider.Server
	api         *client.Client
	out         *output
}

func startWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), port: freePort(t), admin: freePort(t), out: new(output)}
	var redirects []string
	for name := range connectors {
		redirects = append(redirects, w.at("/oauth/callback/"+name))
	}
	var err error
	w.provider, err = fakeprovider.Start(context.Background(), fakeprovider.Config{
		RedirectURIs: redirects, ClientName: "Example App", DeviceInterval: time.Second,
		Scopes: []string{"openid", "profile", "email", "offline_access", "mail.read"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.provider.Close() })
	for name, parts := range connectors {
		if name != "old" && name != "keyed" {
			parts += tokenPart
		}
		text := strings.NewReplacer("NAME", name, "BASE", w.provider.URL()).Replace(connectorHead + parts)
		w.write("connectors/"+name+".yaml", text)
	}
	if w.api, err = client.New(client.Options{Base: w.adminURL()}); err != nil {
		t.Fatal(err)
	}
	w.launch()
	return w
}

func (w *world) at(path string) string { return fmt.Sprintf("http://127.0.0.1:%d%s", w.port, path) }
func (w *world) adminURL() string      { return fmt.Sprintf("http://127.0.0.1:%d", w.admin) }

func (w *world) write(name, text string) string {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return path
}

// caddyfile is the pages alone, with a link's time to live.
func (w *world) caddyfile(linkTTL time.Duration) string {
	var list strings.Builder
	for _, name := range slices.Sorted(maps.Keys(connectors)) {
		if name == "keyed" {
			list.WriteString("\t\tconnection keyed\n")
			continue
		}
		fmt.Fprintf(&list, "\t\tconnection %s {\n\t\t\tclient_id {env.CLIENT_ID}\n\t\t\tclient_secret {env.CLIENT_SECRET}\n\t\t}\n", name)
	}
	return fmt.Sprintf(`{
	admin 127.0.0.1:%[1]d
	persist_config off
	claviger {
		vault badger %[2]s/vault
		key file %[2]s/key
		connectors %[2]s/connectors
		callback http://127.0.0.1:%[3]d/oauth/callback
		return_urls http://127.0.0.1:%[6]d/
		app_name "Example App"
		link_ttl %[4]s
%[5]s	}
}
http://:%[3]d {
	bind 127.0.0.1
	claviger_consent
	claviger_health
}
`, w.admin, w.dir, w.port, linkTTL, list.String(), w.provider.Port())
}

// launch runs the binary until the test ends, when it must stop with exit status 0.
func (w *world) launch() {
	w.t.Helper()
	cmd := exec.Command(tools.claviger, "run", "--config", w.write("Caddyfile", w.caddyfile(time.Hour)))
	cmd.Env = append(os.Environ(), "HOME="+w.dir, "XDG_CONFIG_HOME="+w.dir, "XDG_DATA_HOME="+w.dir,
		"CLIENT_ID="+w.provider.ClientID(), "CLIENT_SECRET="+w.provider.ClientSecret())
	cmd.Stdout, cmd.Stderr = w.out, w.out
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	done := make(chan struct{}) // closed when it has ended
	go func() {
		cmd.Wait()
		close(done)
	}()
	w.t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-done:
		case <-time.After(stopTime):
			cmd.Process.Kill()
			<-done
		}
		if !cmd.ProcessState.Success() {
			w.t.Errorf("claviger: %s", cmd.ProcessState)
		}
		if w.t.Failed() {
			w.t.Logf("its output:\n%s", w.out)
		}
	})
	await(w.t, "claviger is ready", func() bool {
		select {
		case <-done:
			w.t.Fatal("claviger has ended at once")
		default:
		}
		ready, err := w.api.Ready(context.Background())
		return err == nil && ready.Status == "ok"
	})
}

// links changes how long the links live that are made from now on.
func (w *world) links(t *testing.T, ttl time.Duration) {
	t.Helper()
	resp, err := http.Post(w.adminURL()+"/load", "text/caddyfile", strings.NewReader(w.caddyfile(ttl)))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("reloading: %s", resp.Status)
	}
}

// await polls until ok.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(startTime); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// output collects what a process writes; it may be read while the process runs.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	text := o.buf.String()
	return text[max(0, len(text)-6000):]
}

// freePort returns a port that nobody listens on. It is below those that the system gives to clients, and no other
// package of tests takes from the same range.
func freePort(t *testing.T) int {
	t.Helper()
	for {
		port := 20000 + rand.IntN(2000)
		l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
		if err != nil {
			continue // somebody has it
		}
		l.Close()
		return port
	}
}
