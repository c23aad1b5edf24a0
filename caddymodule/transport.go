package caddymodule

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	"github.com/dustin/go-humanize"
	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/internal/broker"
	"github.com/claviger-proxy/claviger/internal/policy"
	"github.com/claviger-proxy/claviger/internal/problem"
	"github.com/claviger-proxy/claviger/internal/replay"
)

func init() {
	caddy.RegisterModule(new(Transport))
}

// codeRefreshedRetry is on a refusal of the provider that could not be answered with a second request,
// although there is a new credential now. docs/reference/errors.md explains it.
const codeRefreshedRetry = "token_refreshed_retry"

// defaultReplayLimit is how much of a request's body is kept for a second attempt.
const defaultReplayLimit = 1 << 20

// Transport puts the account's credential on a private copy of the request and sends it to the
// connection's base, with the client certificate that the connector declares. When the provider
// refuses the credential, with 401 or as its connector declares, it is renewed and the request sent
// once more; if that is not possible, the provider's own answer is passed on. It needs
// connected_account before it. All options of reverse_proxy's http transport are options of this one
// too. Caddyfile:
//
//	transport credential {
//		replay_limit 1MiB
//		<options of transport http>
//	}
type Transport struct {
	// HTTPTransport sends the requests. Unlike in reverse_proxy, no proxy of the environment is
	// used, 256 idle connections are kept for each API host, and bodies are never decompressed.
	reverseproxy.HTTPTransport
	// ReplayLimit is the largest body, in bytes, that is kept in memory for a second attempt: 1 MiB
	// when zero, none when negative.
	ReplayLimit int64 `json:"replay_limit,omitempty"`

	log       *zap.Logger
	certified certified
}

// CaddyModule returns the Caddy module information.
func (*Transport) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.reverse_proxy.transport.credential", New: func() caddy.Module { return new(Transport) }}
}

// Provision sets the defaults.
func (t *Transport) Provision(ctx caddy.Context) error {
	t.log = ctx.Logger()
	if t.ReplayLimit == 0 {
		t.ReplayLimit = defaultReplayLimit
	}
	if t.KeepAlive == nil {
		t.KeepAlive = new(reverseproxy.KeepAlive)
	}
	if t.KeepAlive.MaxIdleConnsPerHost == 0 {
		t.KeepAlive.MaxIdleConnsPerHost = 256
	}
	if t.DialTimeout == 0 {
		t.DialTimeout = caddy.Duration(10 * time.Second)
	}
	if t.Compression == nil {
		t.Compression = new(bool)
	}
	if len(t.NetworkProxyRaw) == 0 && t.ForwardProxyURL == "" {
		t.NetworkProxyRaw = json.RawMessage(noProxy)
	}
	app, err := findApp(ctx)
	if err != nil {
		return err
	}
	direct := t.direct()
	if err := t.HTTPTransport.Provision(ctx); err != nil || !direct {
		return err // a proxy of the operator's looks names up and dials by itself
	}
	return t.guardDials(app.guard)
}

// Cleanup closes idle connections.
func (t *Transport) Cleanup() error {
	t.certified.close()
	return t.HTTPTransport.Cleanup()
}

// RoundTrip sends r with the credential of its account. It does not change r.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	h := hopOf(r.Context())
	if h == nil {
		return nil, errNoHop
	}
	a := attempt{r: r, h: h, stop: func() {}}
	first := r.Body
	if r.Body != nil && r.Body != http.NoBody {
		a.body = replay.New(r.Body, t.ReplayLimit)
		first = a.body.First()
		// Closing the answer of a request that is still being sent waits for the client over
		// HTTP/2, unless the request is cancelled first. Otherwise this ends with r's context.
		ctx, stop := context.WithCancel(r.Context())
		a.r, a.stop = r.WithContext(ctx), stop
	}
	resp, err := t.send(a.r, h, h.credential, first)
	if err == nil && expired(resp, h.target.Connection.Connector()) {
		resp, err = t.again(a, r, resp)
	} else if a.body != nil {
		a.body.Release()
	}
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusSwitchingProtocols && !switched(r, resp) {
		_ = resp.Body.Close()
		return nil, errSwitched
	}
	h.answered = true
	noteLimit(resp, h)
	if h.upload != nil {
		h.upload.answering()
	}
	cleanAnswer(resp, h)
	if h.outcome == outcomeTooLarge {
		resp.Header.Set(problem.Header, codeRefreshedRetry)
	}
	return resp, nil
}

var errSwitched = errors.New("the provider switched to a protocol that it was not asked for")

// switched tells whether a 101 is for the protocol that the request asked for.
func switched(r *http.Request, resp *http.Response) bool {
	asked := r.Header.Get("Upgrade")
	return asked != "" && strings.EqualFold(asked, resp.Header.Get("Upgrade"))
}

// attempt is the first sending of a request, as far as the second needs it.
type attempt struct {
	r    *http.Request
	h    *hop
	body *replay.Body // nil when there is none
	stop func()
}

// again renews the credential that the provider has refused, and repeats r once. While the new
// credential is being fetched the first upload goes on, so that the provider's own answer is still
// whole if it has to be passed on; a client that has sent more than the limit by then gets it.
func (t *Transport) again(a attempt, r *http.Request, refused *http.Response) (*http.Response, error) {
	h := a.h
	h.outcome = outcomeRefused
	renewed, err := h.broker.Renew(r.Context(), h.target, h.credential)
	if err != nil || renewed.Generation == h.credential.Generation || !h.staysAt(renewed) {
		if err != nil {
			t.log.Info("credential not renewed", zap.String("account", string(h.target.Account)), zap.Error(err))
		}
		if a.body != nil {
			a.body.Release()
		}
		return refused, nil
	}
	var second io.ReadCloser
	if a.body != nil {
		var ok bool
		if second, ok = a.body.Again(); !ok {
			h.outcome = outcomeTooLarge
			return refused, nil
		}
		a.stop()
	}
	go drain(refused) // ends with the answer's body or with the request, whichever is first
	h.credential, h.outcome = renewed, outcomeRenewed
	return t.send(r, h, renewed, second)
}

// staysAt tells whether a credential is for where the request goes. While it was under way, the account may have been
// connected again somewhere else: its new credential is nothing for the old host.
func (h *hop) staysAt(c broker.Credential) bool {
	base, ok := c.Connection.Base(h.base.Name)
	return ok && base.URL.String() == h.base.URL.String()
}

// send makes the private copy, puts the credential on it, and sends it.
func (t *Transport) send(r *http.Request, h *hop, c broker.Credential, body io.ReadCloser) (*http.Response, error) {
	out := *r // shallow, so that trailers which arrive after the body reach the copy as well
	plan := c.Connection.Inject
	if body != nil {
		out.Body = &trailerGuard{ReadCloser: body, trailer: r.Trailer, plan: plan}
	}
	out.Header = make(http.Header, len(r.Header)+2)
	for name, values := range r.Header {
		out.Header[name] = values
	}
	out.URL = h.url(r.URL)
	out.Host = h.base.URL.Host
	out.RequestURI = ""
	policy.DropSteering(out.Header)
	plan.Strip(&out)
	if err := t.inject(&out, h, c); err != nil {
		return nil, err
	}
	if c.Connection.Connector().ClientCert == nil {
		return t.HTTPTransport.RoundTrip(&out)
	}
	presenting, err := t.certified.transport(t.Transport, c.Connection)
	if err != nil {
		return nil, err
	}
	t.SetScheme(&out)
	return presenting.RoundTrip(&out)
}

// url is the provider's URL: the base and the caller's path, exactly as the caller escaped it.
func (h *hop) url(in *url.URL) *url.URL {
	u := *h.base.URL
	u.RawQuery, u.ForceQuery = in.RawQuery, in.ForceQuery
	if u.Path == "" && in.EscapedPath() == h.tag.rest {
		u.Path, u.RawPath = in.Path, in.RawPath
		return &u
	}
	raw := h.base.URL.EscapedPath() + h.tag.rest
	plain, err := url.PathUnescape(raw)
	if err != nil {
		plain = raw
	}
	u.Path, u.RawPath = plain, ""
	if u.EscapedPath() != raw {
		u.RawPath = raw
	}
	return &u
}

// drain reads the rest of a short answer, so that its connection can be used again, and closes it.
func drain(resp *http.Response) {
	if resp.ContentLength >= 0 && resp.ContentLength <= 64<<10 {
		_, _ = io.Copy(io.Discard, resp.Body)
	}
	_ = resp.Body.Close()
}

// UnmarshalCaddyfile reads the options; those it does not know are the http transport's.
func (t *Transport) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	rest := d.NewFromNextSegment()
	for rest.Next() {
		for rest.NextBlock(0) {
			if rest.Nesting() != 1 || rest.Val() != "replay_limit" {
				continue
			}
			limit, err := replayLimit(rest)
			if err != nil {
				return err
			}
			t.ReplayLimit = limit
			rest.DeleteN(2)
		}
	}
	rest.Reset()
	return t.HTTPTransport.UnmarshalCaddyfile(rest)
}

// replayLimit reads the size after replay_limit. "off" is none.
func replayLimit(d *caddyfile.Dispenser) (int64, error) {
	if !d.NextArg() {
		return 0, d.ArgErr()
	}
	if d.Val() == "off" {
		return -1, nil
	}
	n, err := humanize.ParseBytes(d.Val())
	if err != nil || n == 0 || n > 1<<30 {
		return 0, d.Errf("replay_limit %q is not a size from 1 to 1GiB, such as 1MiB, and not off", d.Val())
	}
	return int64(n), nil
}

// Interface guards
var (
	_ http.RoundTripper     = (*Transport)(nil)
	_ caddy.Provisioner     = (*Transport)(nil)
	_ caddy.CleanerUpper    = (*Transport)(nil)
	_ caddyfile.Unmarshaler = (*Transport)(nil)
)
