package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/spf13/pflag"

	"github.com/claviger-proxy/claviger/client"
)

// adminVariable names the admin endpoint in the environment.
const adminVariable = "CLAVIGER_ADMIN"

// settings are the flags that all commands have.
type settings struct {
	admin  string
	config string
	json   bool
}

func (s *settings) addFlags(f *pflag.FlagSet) {
	f.StringVar(&s.admin, "admin", "", "admin endpoint of the running server: host:port, URL, or unix//path ($"+adminVariable+")")
	f.StringVarP(&s.config, "config", "c", "", "configuration file that names the admin endpoint (default ./Caddyfile, then the default configuration)")
	f.BoolVar(&s.json, "json", false, "print JSON")
}

// endpoint is where a server's admin endpoint is.
type endpoint struct {
	// address is as people write it, base as package client takes it.
	address string
	base    string
	socket  string // empty unless it is a unix socket
}

// endpoint finds the admin endpoint: the flag, the environment, the configuration, and at last
// Caddy's default address.
func (s *settings) endpoint() (endpoint, error) {
	if address := cmp.Or(s.admin, os.Getenv(adminVariable)); address != "" {
		return newEndpoint(address)
	}
	c, err := s.findConfig()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return newEndpoint(caddy.DefaultAdminListen)
	case err != nil:
		return endpoint{}, err
	case c.Admin.Disabled:
		return endpoint{}, failed("admin_off", "the admin endpoint is turned off in "+c.Path,
			"remove `admin off` there; the commands have no other way to reach the server")
	}
	return newEndpoint(cmp.Or(c.Admin.Listen, caddy.DefaultAdminListen))
}

// newEndpoint reads an address in Caddy's form, or a URL.
func newEndpoint(address string) (endpoint, error) {
	bad := failed("admin_invalid", fmt.Sprintf("%q is not an admin endpoint", address), "write host:port, a URL, or unix//path")
	if strings.HasPrefix(address, "http://") || strings.HasPrefix(address, "https://") {
		u, err := url.Parse(address)
		if err != nil || u.Host == "" {
			return endpoint{}, bad
		}
		return endpoint{address: address, base: strings.TrimSuffix(address, "/")}, nil
	}
	a, err := caddy.ParseNetworkAddress(address)
	if err != nil || a.PortRangeSize() > 1 {
		return endpoint{}, bad
	}
	if a.IsUnixNetwork() {
		path, _, _ := strings.Cut(a.Host, "|")
		return endpoint{address: "unix/" + path, base: "unix/" + path, socket: path}, nil
	}
	if a.StartPort == 0 {
		return endpoint{}, bad
	}
	host := dialable(a).JoinHostPort(0)
	return endpoint{address: host, base: "http://" + host}, nil
}

// dialable is a listener's address as a client can use it: an unspecified host is this machine.
func dialable(a caddy.NetworkAddress) caddy.NetworkAddress {
	if ip := net.ParseIP(a.Host); a.Host == "" || ip != nil && ip.IsUnspecified() {
		a.Host = "127.0.0.1"
	}
	return a
}

// httpClient reaches an endpoint, by TCP or a unix socket, without a proxy.
func (e endpoint) httpClient(timeout time.Duration) *http.Client {
	return &http.Client{Timeout: timeout, Transport: transportTo(e.socket)}
}

// client returns a client of the management API. It does not connect.
func (s *settings) client() (*server, error) {
	e, err := s.endpoint()
	if err != nil {
		return nil, err
	}
	c, err := client.New(client.Options{Base: e.base, Retries: -1})
	if err != nil {
		return nil, failed("admin_invalid", err.Error(), "write host:port, a URL, or unix//path")
	}
	return &server{Client: c, endpoint: e}, nil
}

// server is the running server as the commands see it.
type server struct {
	*client.Client
	endpoint endpoint
}

// failure explains an error of the client: one without an answer means that nobody listens.
func (s *server) failure(err error) error {
	var refused *client.Error
	if err == nil || errors.As(err, &refused) {
		return err
	}
	op := dialError(err)
	switch {
	case op == nil:
		return err
	case errors.Is(op, fs.ErrPermission):
		return &failure{
			Code: "admin_unreachable", Detail: "this user may not use the admin endpoint " + s.endpoint.address, err: err,
			Next: "run the command as the user that runs the server",
		}
	}
	return &failure{
		Code: "admin_unreachable", Detail: "no server answers at " + s.endpoint.address, err: err,
		Next: fmt.Sprintf("start one with `%s run`, or name another admin endpoint with --admin", caddyProgram()),
	}
}

// absent tells whether an error of the client, or what failure made of it, means that no server runs, as
// far as can be told.
func absent(err error) bool {
	op := dialError(err)
	return op != nil && !errors.Is(op, fs.ErrPermission)
}

// dialError returns the error of a connection that could not be made, if err is one.
func dialError(err error) *net.OpError {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return op
	}
	return nil
}
