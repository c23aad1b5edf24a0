// Package examples runs what users copy: the examples of this folder, Caddyfile.example, and the blocks
// of the documentation.
package examples

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
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

// sidecar is the example of that name, running in this process: its files and ports are the test's,
// and its Gmail is the fake provider's.
type sidecar struct {
	t        *testing.T
	dir      string
	provider *fakeprovider.Server
	// ports maps those of the example to free ones.
	ports map[int]int
	api   *client.Client
}

// subjects are the unread mails of the user, newest first. There is one more than the examples ask for.
var subjects = []string{"Six", "Five", "Four", "Three", "Two", "One"}

func users() []fakeprovider.User {
	alice := fakeprovider.User{ID: "alice", Name: "Alice Moreau", Email: "alice@postbox.example"}
	now := time.Now()
	alice.Messages = append(alice.Messages, fakeprovider.Message{ID: "read", Subject: "Read already", Date: now})
	for i, subject := range subjects {
		alice.Messages = append(alice.Messages, fakeprovider.Message{
			ID: fmt.Sprintf("m%d", i), Subject: subject, Unread: true, Date: now.Add(-time.Duration(i+1) * time.Hour),
		})
	}
	return append(fakeprovider.DefaultUsers(now)[1:], alice)
}

// start loads the sidecar's Caddyfile and connects alice as gmail/user_123.
func start(t *testing.T) *sidecar {
	t.Helper()
	s := &sidecar{t: t, dir: t.TempDir(), ports: map[int]int{8090: freePort(t), 8091: freePort(t), 8092: freePort(t)}}
	var err error
	s.provider, err = fakeprovider.Start(context.Background(), fakeprovider.Config{
		RedirectURIs: []string{s.url(8091) + "/oauth/callback/gmail"}, Users: users(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.provider.Close() })
	t.Setenv("GMAIL_CLIENT_ID", s.provider.ClientID())
	s.write("gmail", s.provider.ClientSecret()+"\n")
	s.write("connectors/gmail.yaml", fmt.Sprintf(connector, s.provider.URL(), newGmail(t, s.provider).URL))
	makeKey(t, s.dir)

	config, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(s.caddyfile()), map[string]any{"filename": "Caddyfile"})
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	if err := caddy.Load(config, true); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := caddy.Stop(); err != nil {
			t.Errorf("stopping: %v", err)
		}
		s.searchLog()
	})
	if s.api, err = client.New(client.Options{Base: "unix/" + s.path("admin.sock")}); err != nil {
		t.Fatal(err)
	}
	s.connect("user_123")
	return s
}

// connector is Gmail's, as far as the examples use it, at the fake provider.
const connector = `schema: 1
name: gmail
title: Gmail
authorize:
  url: %[1]s/authorize
  issuer: %[1]s
  scope:
    default: [openid, offline_access, mail.read]
token:
  url: %[1]s/oauth/token
  client_auth: basic
api:
  base_url: %[2]s
`

// caddyfile is the example's with the test's files, ports and addresses.
func (s *sidecar) caddyfile() string {
	text := readFile(s.t, "sidecar/Caddyfile")
	for _, change := range [][2]string{
		{"persist_config off", "persist_config off\n\tlog {\n\t\toutput file " + s.path("log") + "\n\t\tlevel DEBUG\n\t}"},
		{"\tclaviger {", "\tclaviger {\n\t\tconnectors " + s.path("connectors")},
		{"/run/claviger/admin.sock", s.path("admin.sock")},
		{"/run/secrets/claviger/", s.path("") + "/"},
		{"/var/lib/claviger/", s.path("") + "/"},
		{"https://accounts.example.com", s.url(8091)},
		{"0.0.0.0", "127.0.0.1"},
	} {
		if !strings.Contains(text, change[0]) {
			s.t.Fatalf("the Caddyfile has no %q", change[0])
		}
		text = strings.ReplaceAll(text, change[0], change[1])
	}
	for from, to := range s.ports {
		text = strings.ReplaceAll(text, fmt.Sprintf(":%d", from), fmt.Sprintf(":%d", to))
	}
	return text
}

func (s *sidecar) path(name string) string { return filepath.Join(s.dir, name) }

// url is where the site at a port of the example is.
func (s *sidecar) url(port int) string { return fmt.Sprintf("http://127.0.0.1:%d", s.ports[port]) }

func (s *sidecar) write(name, text string) {
	s.t.Helper()
	if err := os.MkdirAll(filepath.Dir(s.path(name)), 0o700); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(s.path(name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *sidecar) connect(identifier string) {
	s.t.Helper()
	link, err := s.api.CreateLink(s.t.Context(), client.NewLink{Connection: "gmail", Identifier: identifier})
	if err != nil {
		s.t.Fatal(err)
	}
	page, err := fakeprovider.NewBrowser().Consent(link.URL, "alice", true)
	if err != nil || page.Status != http.StatusOK {
		s.t.Fatalf("consent ended with status %d, %v", page.Status, err)
	}
}

// unread runs an example and checks that it prints the last five unread mails.
func (s *sidecar) unread(dir, name string, args ...string) {
	s.t.Helper()
	out, err := s.run("gmail/user_123", dir, name, args...)
	if want := strings.Join(subjects[:5], "\n") + "\n"; err != nil || out != want {
		s.t.Errorf("%s %v: %v, got\n%s\nwant\n%s", name, args, err, out, want)
	}
}

// run runs an example for an account and returns what it prints.
func (s *sidecar) run(account, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(s.t.Context(), name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CLAVIGER_URL="+s.url(8090), "ACCOUNT="+account)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// searchLog looks for secrets in what the server has logged.
func (s *sidecar) searchLog() {
	log := readFile(s.t, s.path("log"))
	if len(log) == 0 {
		s.t.Error("there is no log to search")
	}
	for _, secret := range s.provider.Secrets() {
		if len(secret) >= 8 && strings.Contains(log, secret) {
			s.t.Error("the log holds a secret")
		}
	}
}

// makeKey makes a key with the command of the sidecar's README.
func makeKey(t *testing.T, dir string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		return // the server makes one
	}
	for _, b := range blocks(t, "sidecar/README.md") {
		if b.language == "sh" && strings.Contains(b.text, "claviger-key-1:") {
			cmd := exec.CommandContext(t.Context(), "sh", "-c", b.text)
			cmd.Dir = dir
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("making the key: %v: %s", err, out)
			}
			return
		}
	}
	t.Fatal("README.md does not say how to make a key")
}

// freePort returns a port that nobody listens on. It is below those that the system gives to clients,
// and no other package of tests takes from the same range.
func freePort(t *testing.T) int {
	t.Helper()
	for range 1000 {
		port := 15000 + rand.IntN(3000)
		if l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port)); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
