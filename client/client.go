// Package client talks to the management API of a running Claviger: connections, authorization
// links, connected accounts, events, webhooks, the vault.
//
// Begin with [New], which takes the admin endpoint's URL or the path of its unix socket:
//
//	c, err := client.New(client.Options{Base: "unix//run/claviger/admin.sock"})
//	link, err := c.CreateLink(ctx, client.NewLink{Connection: "github", Identifier: "ada"})
//	// send the user's browser to link.URL
//
// The types of this package are the documents that go over the wire. None of them holds a token or
// a secret, except [NewConnection], [NewLink], [NewAccount], [NewWebhook] and [Import] on their way in, and
// [Token] and [WebhookWithSecret]. What the server refuses comes back as an [*Error], whose Code is stable.
// Requests go to the provider not through this package but through the proxy.
package client

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// maxAnswer bounds an answer; a page of 200 accounts is far below.
const maxAnswer = 8 << 20

// Options say where the management API is.
type Options struct {
	// Base is where the server listens: an http or https URL, or a unix socket as unix//path, in
	// the form that Caddy's admin address has. A path in the URL is put before Prefix.
	Base string
	// Prefix is the path of the API at the server; empty means /claviger.
	Prefix string
	// HTTP does the requests; nil means a client with a timeout of 60 seconds that uses no proxy
	// and follows no redirect. It cannot be given together with a unix socket.
	HTTP *http.Client
	// Retries is how often a request is sent again after the server could not be reached, was not ready or
	// had too much to do: [DefaultRetries] when zero, never when negative. It waits a little longer each
	// time. A change comes with an Idempotency-Key, so that it is done once.
	Retries int
}

// Client calls the management API of one server. It is safe for concurrent use.
type Client struct {
	base    string
	http    *http.Client
	retries int
}

// New returns a client. It does not connect. An error means that the options are not valid.
func New(o Options) (*Client, error) {
	retries := max(cmp.Or(o.Retries, DefaultRetries), 0)
	prefix := o.Prefix
	if prefix == "" {
		prefix = "/claviger"
	}
	if socket, ok := socketPath(o.Base); ok {
		if socket == "" {
			return nil, fmt.Errorf("base %q names no socket; write unix//path", o.Base)
		}
		if o.HTTP != nil {
			return nil, errors.New("a unix socket comes with its own HTTP client; leave HTTP empty")
		}
		dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		}
		// The host is never resolved; Caddy's admin endpoint accepts this one on a unix socket.
		return &Client{base: "http://127.0.0.1" + prefix, http: newHTTP(dial), retries: retries}, nil
	}
	u, err := url.Parse(o.Base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("base %q is neither an http(s) URL nor unix//path", o.Base)
	}
	c := &Client{base: strings.TrimSuffix(u.String(), "/") + prefix, http: o.HTTP, retries: retries}
	if c.http == nil {
		c.http = newHTTP(nil)
	}
	return c, nil
}

func newHTTP(dial func(ctx context.Context, network, addr string) (net.Conn, error)) *http.Client {
	return &http.Client{
		Timeout: time.Minute,
		// No proxy from the environment: it may be Claviger itself.
		Transport: &http.Transport{DialContext: dial, IdleConnTimeout: 30 * time.Second},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}
}

// socketPath takes the path out of unix//path and cuts off the |mode that a listener's address may
// end with.
func socketPath(base string) (string, bool) {
	path, ok := strings.CutPrefix(base, "unix/")
	path, _, _ = strings.Cut(path, "|")
	return path, ok
}

// call sends in as JSON, unless it is nil, and reads the answer. With an error the answer is zero.
func call[T any](ctx context.Context, c *Client, method, path string, in any) (T, error) {
	return callIf[T](ctx, c, method, path, in, 0)
}

// callIf is call for a record that has that version, unless it is zero.
func callIf[T any](ctx context.Context, c *Client, method, path string, in any, version uint64) (T, error) {
	var out, zero T
	status, body, err := c.send(ctx, method, path, in, version)
	if err != nil {
		return zero, err
	}
	if status < 200 || status > 299 {
		return zero, problemOf(status, body)
	}
	if status == http.StatusNoContent {
		return zero, nil
	}
	if err := json.Unmarshal(body, &out); err != nil {
		return zero, fmt.Errorf("%s %s: the answer is not what the management API sends", method, path)
	}
	return out, nil
}

// get asks for a document.
func get[T any](ctx context.Context, c *Client, path string, query url.Values) (T, error) {
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return call[T](ctx, c, http.MethodGet, path, nil)
}

// send does a request, and does it again as the options say. An error is that of the last attempt.
func (c *Client) send(ctx context.Context, method, path string, in any, version uint64) (int, []byte, error) {
	var data []byte
	if in != nil {
		var err error
		if data, err = json.Marshal(in); err != nil {
			return 0, nil, fmt.Errorf("encoding the request: %w", err)
		}
	}
	h := http.Header{"Accept": {"application/json"}}
	if in != nil {
		h.Set("Content-Type", "application/json")
	}
	if version != 0 {
		h.Set("If-Match", strconv.Quote(strconv.FormatUint(version, 10)))
	}
	if key := c.newKey(method); key != "" {
		h.Set("Idempotency-Key", key)
	}
	for attempt := 0; ; attempt++ {
		got, err := c.attempt(ctx, method, path, h, data)
		wait, again := c.pause(attempt, got, err)
		if !again || ctx.Err() != nil {
			return got.status, got.body, err
		}
		if sleep(ctx, wait) != nil {
			return got.status, got.body, err
		}
	}
}

func (c *Client) attempt(ctx context.Context, method, path string, h http.Header, data []byte) (reply, error) {
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(data))
	if err != nil {
		return reply{}, fmt.Errorf("building the request: %w", err)
	}
	r.Header = h.Clone()
	res, err := c.http.Do(r)
	if err != nil {
		return reply{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil {
		return reply{}, fmt.Errorf("reading the answer: %w", err)
	}
	if len(body) > maxAnswer {
		return reply{}, errTooLong
	}
	return reply{res.StatusCode, res.Header, body}, nil
}

var errTooLong = errors.New("the answer is larger than 8 MiB")
