package oauth

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/claviger-proxy/claviger/internal/netguard"
	"github.com/claviger-proxy/claviger/vault"
)

// maxAnswer is how much of an answer is read.
const maxAnswer = 64 << 10

// answer is what an endpoint said, read to its end or to the limit.
type answer struct {
	status   int
	header   http.Header
	body     []byte
	tooLarge bool
}

// ok tells whether the status is 2xx.
func (a answer) ok() bool { return a.status >= 200 && a.status <= 299 }

// whole is the body, nil if it is too large.
func (a answer) whole() []byte { return a.body }

// encoded tells whether the body is compressed although we asked for identity.
func (a answer) encoded() bool {
	coding := a.header.Get("Content-Encoding")
	return coding != "" && !strings.EqualFold(coding, "identity")
}

// The values of message.body; those but bodyRaw are of [connectors.TokenCall].Body and [connectors.Revoke].Body.
const (
	bodyForm  = "form"
	bodyJSON  = "json"
	bodyQuery = "query"
	bodyNone  = "none"
	bodyRaw   = "raw"
)

// message is one request to an endpoint, before it is written.
type message struct {
	method  string
	url     string
	accept  string            // empty means JSON
	headers map[string]string // the connector's
	auth    string            // the Authorization header, or nothing
	form    url.Values
	body    string
	// content and contentType are for bodyRaw.
	content     []byte
	contentType string
}

// write returns the message's URL and body.
func (m message) write() (to string, content []byte, contentType string, err error) {
	switch m.body {
	case bodyNone:
		return m.url, nil, "", nil
	case bodyRaw:
		return m.url, m.content, m.contentType, nil
	case bodyQuery:
		to, err = withQuery(m.url, m.form)
		return to, nil, "", err
	case bodyJSON:
		members := make(map[string]string, len(m.form))
		for name := range m.form {
			members[name] = m.form.Get(name)
		}
		content, err = json.Marshal(members)
		return m.url, content, "application/json", err
	}
	return m.url, []byte(m.form.Encode()), "application/x-www-form-urlencoded", nil
}

// withQuery adds parameters to a URL.
func withQuery(to string, params url.Values) (string, error) {
	u, err := url.Parse(to)
	if err != nil || len(params) == 0 {
		return to, err
	}
	if u.RawQuery != "" {
		u.RawQuery += "&"
	}
	u.RawQuery += params.Encode()
	return u.String(), nil
}

// request writes the message. The result has no GetBody, so that net/http cannot send it again
// once a byte of the body has been read: it replays a request that met a dead connection only if
// it can get the body anew, or if nothing of it was touched.
func (m message) request(ctx context.Context) (*http.Request, error) {
	to, content, contentType, err := m.write()
	if err != nil {
		return nil, err
	}
	var body io.Reader
	if content != nil {
		body = bytes.NewReader(content)
	}
	r, err := http.NewRequestWithContext(ctx, m.method, to, body)
	if err != nil {
		return nil, err
	}
	r.GetBody = nil
	if r.Body == nil && m.method == http.MethodGet {
		// One without a body would be replayed. This one is empty, and not sent either.
		r.Body = io.NopCloser(strings.NewReader(""))
	}
	r.Header.Set("Accept", or(m.accept, "application/json"))
	r.Header.Set("User-Agent", userAgent)
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	if m.auth != "" {
		r.Header.Set("Authorization", m.auth)
	}
	for name, value := range m.headers {
		r.Header.Set(name, value)
	}
	r.Header.Set("Accept-Encoding", "identity")
	return r, nil
}

// send writes the message once and reads the answer. The transport is called directly and not
// through an http.Client, so nothing follows a redirect.
func (c *call) send(ctx context.Context, m message) (answer, error) {
	if _, credential, ok := strings.Cut(m.auth, " "); ok {
		c.sent = append(c.sent, vault.NewSecret(credential))
	}
	// The client's state of the connection tells whether the provider can have seen the request.
	var asked, connected atomic.Bool
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { asked.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	})
	r, err := m.request(traced)
	if err != nil {
		return answer{}, unsent(c.op, ClassOperator, CodeIncomplete)
	}
	if err := ctx.Err(); err != nil {
		return answer{}, interrupted(ctx, c.op, err, true)
	}
	resp, err := c.transport.RoundTrip(r)
	if err != nil {
		unsent := asked.Load() && !connected.Load()
		c.asked = c.asked || !unsent
		return answer{}, interrupted(ctx, c.op, err, unsent)
	}
	c.asked = true
	defer resp.Body.Close()
	a := answer{status: resp.StatusCode, header: resp.Header}
	if a.status < 200 { // 101: the body is the connection, and does not end with ctx
		return answer{}, &Error{Op: c.op, Class: ClassMalformed, Code: statusCode(a.status), Status: a.status}
	}
	if a.status >= 300 && a.status <= 399 {
		return answer{}, &Error{Op: c.op, Class: ClassMalformed, Code: CodeRedirectRefused, Status: a.status}
	}
	a.body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil && a.ok():
		return answer{}, interrupted(ctx, c.op, err, false)
	case err != nil:
		a.body = nil // the status says enough
	case len(a.body) > maxAnswer:
		a.body, a.tooLarge = nil, true
	}
	return a, nil
}

// interrupted translates an error of the transport. It is not wrapped: it may hold the URL.
func interrupted(ctx context.Context, op string, err error, unsent bool) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return fmt.Errorf("%s: %w", op, context.Canceled)
	}
	e := &Error{Op: op, Class: ClassTransient, Code: CodeAnswerLost, Unsent: unsent}
	var netErr net.Error
	var certErr *tls.CertificateVerificationError
	switch {
	case ctx.Err() != nil, errors.Is(err, context.DeadlineExceeded), errors.As(err, &netErr) && netErr.Timeout():
		e.Code = CodeTimeout
	case errors.Is(err, netguard.ErrForbidden):
		e.Code = CodeAddressRefused
	case errors.As(err, &certErr):
		e.Code = CodeTLS
	case unsent:
		e.Code = CodeUnreachable
	}
	return e
}
