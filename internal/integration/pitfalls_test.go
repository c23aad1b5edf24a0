package integration

import (
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/internal/fakeprovider"
)

// L-07, L-11: secrets that are given as {env.X} or {file.X} are nowhere in what the admin endpoint
// says of a server that has used them; the answers are searched with everything else.
func TestAdminShowsNoSecret(t *testing.T) {
	s := start(t, options{})
	s.connect("alice", "user_1")
	s.provider.ExpireAccess("alice")
	s.get("/api/me", "Connected-Account: demo/user_1").wantOK(t)
	if _, err := s.api().CreateConnection(t.Context(), client.NewConnection{
		Name: "second", Connector: "demo", ClientID: "id", ClientSecret: s.provider.ClientSecret(),
		Params: map[string]string{"port": "1234"},
	}); err != nil {
		t.Fatal(err)
	}
	next, release := s.provider.HoldEvents()
	defer release()
	resp := s.open(noRedirects, s.request("GET", "/api/stream?n=1&ms=0", nil, "Connected-Account: demo/user_1"))
	for path, word := range map[string]string{
		"/config/": `{file.` + s.dir + `/client_secret}`, "/metrics": "caddy_", "/debug/pprof/goroutine?debug=2": "RoundTrip",
		"/debug/vars": "memstats", "/claviger/connections": "second", "/claviger/accounts": "user_1", "/claviger/status": "vault",
	} {
		req, err := http.NewRequestWithContext(t.Context(), "GET", s.admin()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		a, err := send(noRedirects, req)
		if err != nil || a.StatusCode != 200 || !strings.Contains(a.body, word) {
			t.Errorf("%s: got %v, %d bytes without %q", path, err, len(a.body), word)
		}
		for _, secret := range s.provider.Secrets() {
			if strings.Contains(a.body, secret) {
				t.Errorf("%s holds a secret", path)
			}
		}
	}
	next()
	io.Copy(io.Discard, resp.Body)
}

// What the leak check must find, in all the ways in which a secret may be written.
func TestLeakCheckFinds(t *testing.T) {
	const secret = "fpa_leaked+secret/in=a-log"
	for _, text := range []string{
		secret, url.QueryEscape(secret), base64.StdEncoding.EncodeToString([]byte("client:" + secret + "\n")),
		base64.StdEncoding.EncodeToString([]byte("clients:" + secret)), base64.URLEncoding.EncodeToString([]byte("client-:" + secret + "xx")),
	} {
		if _, _, found := findSecret("before "+text+" after", secret); !found {
			t.Errorf("the check does not find it in %s", text)
		}
	}
	if form, _, found := findSecret("fpa_another", secret); found {
		t.Errorf("the check finds a secret (%s) where none is", form)
	}
}

// Pitfall 6: a site address with a name listens on every interface, so callers of other machines are
// refused, whatever host they ask for.
func TestCallersFromElsewhere(t *testing.T) {
	ip := outward(t)
	port := freePort(t)
	site := "http://localhost:PORT, http://PUBLIC {\n\tclaviger_proxy\n}\n"
	s := start(t, options{sites: strings.NewReplacer("PORT", itoa(port), "PUBLIC", net.JoinHostPort(ip, itoa(port))).Replace(site)})
	s.connect("alice", "user_1")
	s.provider.ResetLog()
	c := newClient(t, nil)
	for _, host := range []string{"localhost", ip} {
		req := s.request("GET", "/api/me", nil, "Connected-Account: demo/user_1", "X-Forwarded-For: 127.0.0.1")
		req.URL.Host, req.Host = net.JoinHostPort(ip, itoa(port)), net.JoinHostPort(host, itoa(port))
		a, err := send(c, req)
		if err != nil {
			t.Fatal(err)
		}
		a.want(t, 403, "caller_not_local")
	}
	if n := len(s.provider.Log()); n != 0 {
		t.Errorf("the provider saw %d requests", n)
	}
	req := s.request("GET", "/api/me", nil, "Connected-Account: demo/user_1")
	req.URL.Host, req.Host = net.JoinHostPort("127.0.0.1", itoa(port)), net.JoinHostPort("localhost", itoa(port))
	a, err := send(c, req)
	if err != nil {
		t.Fatal(err)
	}
	a.wantOK(t)
}

// Pitfall 18: the environment's proxy is not used, neither for calls nor for tokens. It may be
// this very server.
func TestNoProxyFromEnvironment(t *testing.T) {
	e := newEvil(t)
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"} {
		t.Setenv(name, "http://"+e.addr)
	}
	t.Setenv("NO_PROXY", "")
	s := start(t, options{connectors: map[string]string{"elsewhere": "api:\n  base_url: https://no-such-host.invalid"}})
	s.connect("alice", "user_1")
	s.connectAt("elsewhere", "alice", "user_1")
	s.provider.ExpireAccess("alice")
	s.get("/api/me", "Connected-Account: demo/user_1").wantOK(t)
	s.get("/x", "Connected-Account: elsewhere/user_1").want(t, 502, "provider_unreachable")
	e.check(t)
}

// The credential is on no request but the provider's: a handler before or behind the proxy does not
// see it, and placeholders do not print it.
func TestCredentialStaysInTheTransport(t *testing.T) {
	s := start(t, options{
		site:  "log_append auth {http.request.header.Authorization}\n\tlog_append account {http.claviger.account}\n\tlog_append outcome {http.claviger.outcome}",
		proxy: "header_down X-Auth \"{http.request.header.Authorization}|{http.claviger.outcome}\"\n\t\tverbose_logs",
	})
	id := s.connect("alice", "user_1").ID
	s.provider.ExpireAccess("alice")
	s.provider.SetFault("/api/echoed", fakeprovider.Fault{Status: 404, Body: "{}"})
	a := s.get("/api/me", "Connected-Account: "+id)
	a.wantOK(t)
	if got := a.Header.Get("X-Auth"); got != "|renewed" {
		t.Errorf("got X-Auth %q, want no credential and the outcome", got)
	}
	await(t, "the access log is written", func() bool {
		text := readFile(t, logFile())
		return strings.Contains(text, `"account":"`+id+`"`) && strings.Contains(text, `"outcome":"renewed"`)
	})
}
