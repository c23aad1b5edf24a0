package integration

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/internal/fakeprovider"
)

// lock is the file that the vault's database creates when it is opened and removes when it is
// closed; two different ones mean that it was opened twice.
func (s *sidecar) lock() os.FileInfo {
	info, err := os.Stat(filepath.Join(s.dir, "vault", "LOCK"))
	if err != nil {
		return nil
	}
	return info
}

// openedOnce fails unless the vault is open, and has been ever since before.
func (s *sidecar) openedOnce(before os.FileInfo) {
	s.t.Helper()
	now := s.lock()
	if before == nil || now == nil || !os.SameFile(before, now) || !before.ModTime().Equal(now.ModTime()) {
		s.t.Errorf("the vault was closed or opened again: its lock was %v and is %v", before, now)
	}
}

// post loads a Caddyfile through the admin endpoint, as `caddy reload` does. The endpoint itself is
// opened anew by every load, and the first connection may come too early.
func (s *sidecar) post(caddyfile string) (err error) {
	for range 3 {
		var refused bool
		if refused, err = s.postOnce(caddyfile); err == nil || refused {
			return err
		}
	}
	return err
}

// postOnce tells an answer that is no success from none.
func (s *sidecar) postOnce(caddyfile string) (refused bool, err error) {
	req, err := http.NewRequest("POST", s.admin()+"/load", strings.NewReader(caddyfile))
	if err != nil {
		return false, err
	}
	req.Header.Set("Content-Type", "text/caddyfile")
	req.Header.Set("Cache-Control", "must-revalidate")
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	a, err := send(c, req)
	if err == nil && a.StatusCode != http.StatusOK {
		return true, errors.New(a.body)
	}
	return false, err
}

// traffic sends requests until stop is called, which returns how many there were. No answer may be
// anything but a success.
func (s *sidecar) traffic(workers int) (stop func() int64) {
	s.t.Helper()
	return s.trafficOf("demo/user_1", workers)
}

// trafficOf is traffic of another account.
func (s *sidecar) trafficOf(account string, workers int) (stop func() int64) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	var all sync.WaitGroup
	var count atomic.Int64
	for i := range workers {
		c := newClient(s.t, func(tr *http.Transport) { tr.DisableKeepAlives = i%2 == 0 })
		req := s.request("GET", "/api/echo", nil, "Connected-Account: "+account)
		all.Go(func() { // ends with cancel
			for ctx.Err() == nil {
				a, err := persist(c, req)
				if err != nil || a.StatusCode != 200 {
					s.t.Errorf("worker %d: %v %s", i, err, a.body)
					return
				}
				count.Add(1)
			}
		})
	}
	return func() int64 {
		cancel()
		all.Wait()
		return count.Load()
	}
}

// Twenty reloads under traffic, an event stream and a slow upload: nothing fails, and the vault stays
// open.
func TestReloadUnderTraffic(t *testing.T) {
	s := start(t, options{})
	s.connect("alice", "user_1")
	lock := s.lock()
	next, release := s.provider.HoldEvents()
	defer release()
	stream := bufio.NewReader(s.open(noRedirects, s.request("GET", "/api/stream?n=100&ms=0", nil, "Connected-Account: demo/user_1")).Body)
	body, up := io.Pipe()
	uploaded := make(chan answer, 1)
	req := s.request("POST", "/api/echo/upload", body, "Connected-Account: demo/user_1")
	upload := newClient(t, nil)
	go func() { // ends with the answer
		a, err := send(upload, req)
		if err != nil {
			t.Error(err)
		}
		uploaded <- a
	}()
	var sent bytes.Buffer
	fmt.Fprint(io.MultiWriter(up, &sent), "begin;")
	await(t, "the upload is at the provider", func() bool { return s.provider.Requests("/api/echo/upload") == 1 })
	stop := s.traffic(4)
	for i := range 20 {
		if i == 10 {
			s.provider.ExpireAccess("alice") // once, the traffic needs a new token in the middle
		}
		s.options.global = fmt.Sprintf("grace_period %ds", 60+i)
		if i%2 == 0 {
			s.load(s.caddyfile())
		} else if err := s.post(s.caddyfile()); err != nil {
			t.Fatalf("reload %d: %v", i, err)
		}
		next()
		event(t, stream)
		fmt.Fprintf(io.MultiWriter(up, &sent), "part %d;", i)
	}
	up.Close()
	if a := <-uploaded; a.Response == nil || a.StatusCode != 200 || a.body != sent.String() {
		t.Errorf("the upload came back as %q, want %q", a.body, sent.String())
	}
	if n := stop(); n < 20 {
		t.Errorf("only %d requests between the reloads", n)
	}
	s.openedOnce(lock)
	if n := s.refreshes(); n != 1 {
		t.Errorf("got %d refreshes, want 1", n)
	}
	release()
	io.Copy(io.Discard, stream)
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	await(t, "the vault is closed", func() bool { return s.lock() == nil })
	s.load(s.caddyfile())
	s.get("/api/me", "Connected-Account: demo/user_1").wantOK(t)
}

// Pitfall 19: WebSockets outlive reloads.
func TestReloadWithWebSocket(t *testing.T) {
	s := start(t, options{})
	s.connect("alice", "user_1")
	ws := s.websocket("/@demo/user_1/api/ws")
	for i := range 20 {
		s.options.global = fmt.Sprintf("grace_period %ds", 60+i)
		s.load(s.caddyfile())
		s.echoes(ws, fmt.Sprint("reload ", i))
	}
	ws.CloseNow()
}

// Pitfalls 1 and 3: a configuration that is refused changes nothing, and the admin endpoint goes on
// to speak of the one that runs.
func TestReloadRefused(t *testing.T) {
	s := start(t, options{})
	s.connect("alice", "user_1")
	lock := s.lock()
	s.write("bad/ghost.yaml", "schema: 1\nname: ghost\nunknown_key: 1\n")
	loose := filepath.Join(s.dir, "loose")
	os.MkdirAll(loose, 0o700)
	s.write("loose/file", "")
	os.Chmod(loose, 0o755)
	ghost := s.options
	ghost.connectors = map[string]string{"ghost": "api:\n  base_url: http://127.0.0.1:{app.port}"}
	s.write("connectors/ghost.yaml", connectorYAML("ghost", ghost.connectors["ghost"]))
	for _, c := range []struct {
		name string
		edit func(*options)
		want string
	}{
		{"Caddyfile", func(o *options) { o.claviger = "no_such_option 1" }, "no_such_option"},
		{"Provision, bad connector", func(o *options) { o.claviger = "connectors @dir@/bad" }, "unknown_key"},
		{"Provision, other app", func(o *options) {
			o.sites = "http://:1 {\n\ttls internal\n\trespond {file./nowhere}\n\treverse_proxy {\n\t\tdynamic no_such\n\t}\n}"
		}, "no_such"},
		{"Start, other vault", func(o *options) { o.vault = "vault badger @dir@/loose" }, "loose"},
		{"Start, port taken", func(o *options) {
			o.sites = "http://:" + fmt.Sprint(s.provider.Port()) + " {\n\tbind 127.0.0.1\n\trespond ok\n}"
		}, "address already in use"},
	} {
		t.Run(c.name, func(t *testing.T) {
			stop := s.in(t).traffic(2)
			bad := *s.in(t)
			bad.options = ghost
			c.edit(&bad.options)
			for name, try := range map[string]func(string) error{"load": load, "post": s.post} {
				if err := try(bad.caddyfile()); err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%s: got error %v, want one with %q", name, err, c.want)
				}
			}
			s.in(t).get("/api/me", "Connected-Account: demo/user_1").wantOK(t)
			page, err := s.api().Connections(t.Context(), client.PageQuery{})
			if err != nil || len(page.Items) == 0 || page.Items[0].Name != "demo" || page.Items[0].Broken != "" {
				t.Errorf("the admin endpoint lists %v, %v; want demo", page.Items, err)
			}
			for _, c := range page.Items {
				if c.Name == "ghost" && c.Broken == "" {
					t.Error("the admin endpoint offers a connection of the refused configuration")
				}
			}
			if status, err := s.api().Status(t.Context()); err != nil || status.Accounts["ACTIVE"] != 1 {
				t.Errorf("the admin endpoint says %+v, %v", status, err)
			}
			stop()
			s.in(t).openedOnce(lock)
		})
	}
	s.load(s.caddyfile())
	s.openedOnce(lock)
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	await(t, "nothing holds the vault any more", func() bool { return s.lock() == nil })
}

// Pitfall 2: options of the vault may change on reload, because only the directory is its identity.
func TestReloadChangesOptions(t *testing.T) {
	s := start(t, options{})
	s.connect("alice", "user_1")
	lock := s.lock()
	for _, o := range []options{
		{claviger: "cache_size 1MiB"},
		{vault: "vault badger @dir@/../" + filepath.Base(s.dir) + "/vault"},
		{claviger: "link_ttl 1m", proxy: "replay_limit off"},
	} {
		s.options = o
		s.load(s.caddyfile())
		s.get("/api/me", "Connected-Account: demo/user_1").wantOK(t)
		s.openedOnce(lock)
	}
}

// The vault goes with the configuration that uses it; a request under way keeps what it has.
func TestReloadWithoutVault(t *testing.T) {
	s := start(t, options{})
	s.connect("alice", "user_1")
	next, release := s.provider.HoldEvents()
	defer release()
	stream := bufio.NewReader(s.open(noRedirects, s.request("GET", "/api/stream?n=2&ms=0", nil, "Connected-Account: demo/user_1")).Body)
	next()
	event(t, stream)
	held := make(chan struct{})
	s.provider.SetFault("/api/late", fakeprovider.Fault{Stream: func(w http.ResponseWriter, _ *http.Request) {
		<-held
		w.Header().Set("Www-Authenticate", "Bearer")
		w.WriteHeader(401)
		io.WriteString(w, "own words")
	}})
	late := make(chan answer, 1)
	req := s.request("GET", "/api/late", nil, "Connected-Account: demo/user_1")
	go func() { // ends with the answer
		a, err := send(noRedirects, req)
		if err != nil {
			t.Error(err)
		}
		late <- a
	}()
	await(t, "the request is at the provider", func() bool { return s.provider.Requests("/api/late") == 1 })
	old := s.options
	s.options.without = true
	s.load(s.caddyfile())
	await(t, "the vault is closed", func() bool { return s.lock() == nil })
	close(held)
	if a := <-late; a.Response == nil || a.StatusCode != 401 || a.body != "own words" || a.Header.Get("Claviger-Error") != "" {
		t.Errorf("got %+v %q, want the provider's own 401", a.Response, a.body)
	}
	next()
	event(t, stream)
	if _, err := s.api().Status(t.Context()); err == nil || !strings.Contains(err.Error(), "no claviger app") {
		t.Errorf("the admin endpoint says %v, want that there is no claviger app", err)
	}
	s.options = old
	s.load(s.caddyfile())
	s.get("/api/me", "Connected-Account: demo/user_1").wantOK(t)
}

// `caddy validate` beside a running server neither opens the vault nor needs it.
func TestValidateBeside(t *testing.T) {
	s := start(t, options{})
	s.connect("alice", "user_1")
	lock := s.lock()
	validate := func(vault string) {
		t.Helper()
		o := *s
		o.options.vault = vault
		config, err := adapt(o.caddyfile())
		if err != nil {
			t.Fatal(err)
		}
		var c caddy.Config
		if err := json.Unmarshal(config, &c); err != nil {
			t.Fatal(err)
		}
		if err := caddy.Validate(&c); err != nil {
			t.Errorf("validating: %v", err)
		}
	}
	validate("")
	validate("vault badger @dir@/other")
	if _, err := os.Stat(filepath.Join(s.dir, "other")); !os.IsNotExist(err) {
		t.Error("validating has created a vault")
	}
	s.openedOnce(lock)
	s.get("/api/me", "Connected-Account: demo/user_1").wantOK(t)
}

// Pitfall 7: a refresh that the old configuration has begun is the new one's as well, so that a
// rotating refresh token is spent once.
func TestReloadSharesRefresh(t *testing.T) {
	s := start(t, options{})
	s.connect("alice", "user_1")
	s.provider.ExpireAccess("alice")
	s.provider.ResetLog()
	release, waiting := s.provider.HoldToken()
	defer release()
	answers := make(chan answer, 2)
	ask := func() {
		req := s.request("GET", "/api/me", nil, "Connected-Account: demo/user_1")
		c := newClient(t, func(tr *http.Transport) { tr.DisableKeepAlives = true })
		go func() { // ends with the answer
			a, err := persist(c, req)
			if err != nil {
				t.Error(err)
			}
			answers <- a
		}()
	}
	ask()
	await(t, "the old configuration refreshes", func() bool { return waiting() == 1 })
	s.options.global = "grace_period 1m"
	s.load(s.caddyfile())
	ask()
	await(t, "the new configuration has asked as well", func() bool { return s.provider.Requests("/api/me") == 2 })
	release()
	for range 2 {
		select {
		case a := <-answers:
			a.wantOK(t)
		case <-time.After(20 * time.Second):
			t.Fatal("no answer")
		}
	}
	if n := s.refreshes(); n != 1 {
		t.Errorf("got %d refreshes, want 1", n)
	}
}
