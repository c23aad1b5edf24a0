package cli

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/netguard"
	"github.com/claviger-proxy/claviger/internal/problem"
)

// dialTime is how long an address may take to answer.
const dialTime = 5 * time.Second

// earliest is a time that has passed: a clock before it has never been set.
var earliest = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// checkPorts looks whether our sites' addresses are served, or free when no server runs. It only
// connects: listening, even for a moment, could keep a server from starting.
func (d *doctor) checkPorts(ctx context.Context) {
	servers := d.config.Apps.HTTP.Servers
	proxies, pages := listeners(servers, proxyHandler), listeners(servers, consentHandler)
	if len(proxies) == 0 {
		d.fail("proxy", "no site has claviger_proxy, so requests for accounts have nowhere to go", "add a site with `claviger_proxy`")
	}
	for _, l := range proxies {
		d.checkPort(ctx, "proxy", l)
	}
	for _, l := range pages {
		d.checkPort(ctx, "consent", l)
	}
}

func (d *doctor) checkPort(ctx context.Context, check string, l listener) {
	err := dial(ctx, l)
	address := strings.TrimPrefix(strings.TrimPrefix(l.url(), "http://"), "https://")
	switch {
	case err == nil && d.server != nil:
		d.ok(check, "%s is served", address)
	case err == nil:
		d.fail(check, address+" is taken by another program", "stop that program, or choose another port in the configuration")
	case d.server != nil:
		d.fail(check, address+" is not served, although a server runs: "+reach(err), "reload the configuration, or correct the address")
	default:
		d.ok(check, "%s is free", address)
	}
}

func dial(ctx context.Context, l listener) error {
	network, address := "tcp", l.address.JoinHostPort(0)
	if l.address.IsUnixNetwork() {
		network = "unix"
		address, _, _ = strings.Cut(l.address.Host, "|")
	}
	conn, err := (&net.Dialer{Timeout: dialTime}).DialContext(ctx, network, address)
	if err != nil {
		return err
	}
	return conn.Close()
}

// checkCallback asks the callback URL for a link that does not exist, and looks who answers.
func (d *doctor) checkCallback(ctx context.Context) {
	text := fill(d.config.Apps.Claviger.Callback)
	if text == "" {
		d.warn("callback", "there is no callback, so no user can connect an account",
			"add `callback https://…/oauth/callback` to the claviger options, and a site with claviger_consent")
		return
	}
	u, err := url.Parse(text)
	if err != nil {
		return // checkConfig has said it
	}
	pages := listeners(d.config.Apps.HTTP.Servers, consentHandler)
	if len(pages) == 0 {
		d.fail("callback", "no site has claviger_consent, so nobody answers at "+text, "add `claviger_consent` to the site of that name")
		return
	}
	if local(u) && !slices.ContainsFunc(pages, func(l listener) bool { return fmt.Sprint(l.address.StartPort) == port(u) }) {
		d.fail("callback", text+" is not where the site with claviger_consent listens: "+pages[0].url(),
			"give callback and site the same address; the provider sends users to the callback exactly as it is written")
		return
	}
	if d.server == nil {
		d.ok("callback", "%s; whether it answers, a running server will show", text)
		return
	}
	d.probeCallback(ctx, u)
}

func (d *doctor) probeCallback(ctx context.Context, u *url.URL) {
	probe := *u
	probe.Path = path.Join(path.Dir(strings.TrimSuffix(u.Path, "/")), "link", "doctor")
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, probe.String(), nil)
	if err != nil {
		return
	}
	res, err := (&http.Client{Timeout: dialTime, Transport: transportTo("")}).Do(r)
	if err != nil {
		next := "check the site's address, DNS and certificate"
		if local(u) {
			d.fail("callback", u.String()+" cannot be reached: "+reach(err), next)
			return
		}
		d.warn("callback", u.String()+" cannot be reached from this machine: "+reach(err), next+"; users' browsers must reach it")
		return
	}
	_ = res.Body.Close()
	switch code := res.Header.Get(problem.Header); code {
	case "link_not_found":
		d.ok("callback", "%s is reachable and answered by Claviger", u)
	case "":
		d.fail("callback", u.String()+" is answered by somebody else ("+res.Status+")",
			"point that name at the site with claviger_consent, or correct `callback`")
	default:
		d.fail("callback", u.String()+" is answered by Claviger, but with "+code,
			"give callback and site the same address, as users' browsers see it")
	}
}

func local(u *url.URL) bool {
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

func port(u *url.URL) string {
	if u.Scheme == "https" {
		return cmp.Or(u.Port(), "443")
	}
	return cmp.Or(u.Port(), "80")
}

// checkEndpoint is checkProvider for the connector's token endpoint, or for its API if it has none.
func (d *doctor) checkEndpoint(ctx context.Context, check, token, base string, values connectors.Values) {
	what, text := "token endpoint", token
	if token == "" {
		what, text = "API", base
	}
	t, err := connectors.ParseTemplate(text)
	if err != nil {
		return // whoever has loaded the connector has said it
	}
	own := func(name string) bool {
		return strings.HasPrefix(name, "account.") || strings.HasPrefix(name, "captured.")
	}
	if slices.ContainsFunc(t.Names(), own) {
		d.ok(check, "the %s is another one for each account, so it is not asked", what)
		return
	}
	// A value that cannot be had here, such as that of a variable of the server, is no mistake.
	if endpoint, err := t.Expand(values); err == nil {
		d.checkProvider(ctx, check, what, endpoint)
	}
}

// checkProvider resolves and connects to an endpoint of the provider, and compares clocks with it.
func (d *doctor) checkProvider(ctx context.Context, check, what, endpoint string) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" {
		d.fail(check, "the "+what+" "+endpoint+" is not a URL", "correct the connection's params")
		return
	}
	u.RawQuery = ""
	ctx, cancel := context.WithTimeout(ctx, 2*dialTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodHead, u.String(), nil)
	if err != nil {
		return
	}
	transport := transportTo("")
	if guard, err := netguard.New(d.config.Apps.Claviger.PrivateHosts); err == nil { // else checkConfig has said it
		transport.DialContext = guard.DialContext(net.Dialer{Timeout: dialTime})
	}
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(r)
	switch {
	case errors.Is(err, netguard.ErrForbidden):
		d.fail(check, "the "+what+" at "+u.Host+" has an address that is not on the internet, so nothing is sent there",
			"if that is right, add `private_hosts "+u.Hostname()+"` to the claviger options")
		return
	case err != nil:
		d.fail(check, "the "+what+" at "+u.Host+" cannot be reached: "+reach(err), "check DNS, egress and certificates of this host")
		return
	}
	_ = res.Body.Close()
	d.ok(check, "the %s at %s is reachable", what, u.Host)
	if at, err := http.ParseTime(res.Header.Get("Date")); err == nil {
		if off := time.Since(at); off.Abs() > time.Minute {
			d.fail("clock", fmt.Sprintf("it differs by %s from that of %s", span(off.Abs()), u.Host), "set the clock, by NTP if possible")
		}
	}
}

// checkClock finds a clock that was never set. With --online, checkProvider compares it.
func (d *doctor) checkClock() {
	now := time.Now()
	if now.Before(earliest) {
		d.fail("clock", "it says "+now.Format(time.DateOnly)+", which is in the past", "set the clock, by NTP if possible")
		return
	}
	d.ok("clock", "it says %s", now.UTC().Format(time.DateTime+" MST"))
}

// reach is why a connection failed, without addresses and URLs that were said already.
func reach(err error) string {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	var (
		dns  *net.DNSError
		op   *net.OpError
		cert *tls.CertificateVerificationError
	)
	switch {
	case errors.As(err, &dns):
		return "the name does not resolve"
	case errors.As(err, &cert):
		return "its certificate is not valid: " + cert.Err.Error()
	case errors.Is(err, context.DeadlineExceeded):
		return "it did not answer in time"
	case errors.As(err, &op):
		return op.Err.Error()
	}
	return err.Error()
}
