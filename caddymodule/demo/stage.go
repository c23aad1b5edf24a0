package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"

	_ "github.com/claviger-proxy/claviger/caddymodule" // the modules that the configuration names
	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/internal/fakeprovider"
)

const (
	connection = "postbox"
	identifier = "user_123"
	// accessTTL is how long the provider's tokens live: long enough for a slow machine to send 20
	// requests within it, and short enough to wait for.
	accessTTL = 3 * time.Second
	// startTries is how often free ports are looked for, since others may take them meanwhile.
	startTries = 3
)

// stage is a running provider and a running Claviger.
type stage struct {
	dir      string
	provider *fakeprovider.Server
	admin    *client.Client
	adminAt  string // as --admin takes it
	proxy    string // URL
	callback string // URL
	http     *http.Client
	loaded   bool
}

// start brings everything up in a temporary directory.
func start(ctx context.Context) (_ *stage, err error) {
	s := &stage{http: &http.Client{
		Timeout:   30 * time.Second,
		Transport: &http.Transport{MaxIdleConnsPerHost: parallel}, // and no proxy from the environment
	}}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if s.dir, err = os.MkdirTemp("", "claviger-demo-"); err != nil {
		return nil, fmt.Errorf("making a temporary directory: %w", err)
	}
	s.provider, err = fakeprovider.Start(ctx, fakeprovider.Config{AccessTTL: accessTTL, Users: users(time.Now())})
	if err != nil {
		return nil, err
	}
	// Until the configuration has said where logs go, they wait.
	_, _, _ = caddy.BufferedLog()
	for try := 1; ; try++ {
		if err = s.load(); err == nil || try == startTries || !strings.Contains(err.Error(), "in use") {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("starting Claviger: %w", err)
	}
	s.admin, err = client.New(client.Options{Base: s.adminAt})
	return s, err
}

// load runs Claviger with a configuration like anybody's.
func (s *stage) load() error {
	ports, err := freePorts(3)
	if err != nil {
		return err
	}
	s.proxy = "http://127.0.0.1:" + ports[0]
	s.callback = "http://127.0.0.1:" + ports[1] + "/oauth/callback"
	s.adminAt = "unix/" + s.path("admin.sock")
	listen := s.adminAt + "|0600"
	if runtime.GOOS == "windows" || len(s.path("admin.sock")) > 100 {
		s.adminAt = "http://127.0.0.1:" + ports[2]
		listen = "127.0.0.1:" + ports[2]
	}
	s.provider.SetRedirectURIs(s.callback + "/" + connection)
	if err := os.WriteFile(s.path("client-secret"), []byte(s.provider.ClientSecret()), 0o600); err != nil {
		return err
	}
	text := strings.NewReplacer(
		"ADMIN", listen, "PROXY_PORT", ports[0], "CALLBACK_PORT", ports[1], "CALLBACK", s.callback, "DIR", filepath.ToSlash(s.dir),
		"CLIENT_ID", s.provider.ClientID(), "PROVIDER_PORT", fmt.Sprint(s.provider.Port()),
	).Replace(caddyfile)
	adapted, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), nil)
	if err != nil {
		return err
	}
	s.loaded = true
	return caddy.Load(adapted, true)
}

// caddyfile is the configuration. Both sites have an access log, and everything is logged that can
// be, so that the search at the end means something.
const caddyfile = `{
	admin "ADMIN"
	persist_config off
	storage file_system "DIR/caddy"
	default_bind 127.0.0.1
	log {
		output file "DIR/claviger.log"
		level DEBUG
	}
	claviger {
		vault badger "DIR/vault"
		key file "DIR/key"
		app_name "The demo app"
		callback CALLBACK
		connection postbox {
			connector demo
			client_id CLIENT_ID
			client_secret "{file.DIR/client-secret}"
			param port PROVIDER_PORT
		}
	}
}
http://:PROXY_PORT {
	log
	claviger_proxy
}
http://:CALLBACK_PORT {
	log
	claviger_consent
	respond 404
}
`

func (s *stage) path(name string) string { return filepath.Join(s.dir, name) }

// close stops what was started and removes the directory.
func (s *stage) close() error {
	var errs []error
	if s.loaded {
		errs = append(errs, caddy.Stop())
	}
	if s.provider != nil {
		errs = append(errs, s.provider.Close())
	}
	s.http.CloseIdleConnections()
	if s.dir != "" {
		errs = append(errs, os.RemoveAll(s.dir))
	}
	return errors.Join(errs...)
}

// freePorts returns ports of the loopback address that nobody listens at.
func freePorts(n int) ([]string, error) {
	ports := make([]string, n)
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("looking for a free port: %w", err)
		}
		defer l.Close() // not before all are found, or one would be found twice
		_, ports[i], _ = net.SplitHostPort(l.Addr().String())
	}
	return ports, nil
}

// users are the provider's, with enough unread mail for five.
func users(now time.Time) []fakeprovider.User {
	all := fakeprovider.DefaultUsers(now)
	for u := range all {
		for m := range all[u].Messages {
			all[u].Messages[m].Unread = true
		}
	}
	return all
}
