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

// document returns the answer's JSON object, or nil when the answer is something else. What it is
// called in Content-Type does not matter: providers label JSON as text.
func (a answer) document() document {
	if a.tooLarge || a.encoded() {
		return nil
	}
	doc, err := parseDocument(a.body)
	if err != nil {
		return nil
	}
	return doc
}

// encoded tells whether the body is compressed although we asked for identity.
func (a answer) encoded() bool {
	coding := a.header.Get("Content-Encoding")
	return coding != "" && !strings.EqualFold(coding, "identity")
}

// message is one request to an endpoint, before it is written.
type message struct {
	method  string
	url     string
	headers map[string]string // the connector's
	auth    string            // the Authorization header, or nothing
	form    url.Values
	body    string // "form", "json" or "none"
}

// request writes the message. The result has no GetBody, so that net/http cannot send it again
// once a byte of the body has been read: it replays a request that met a dead connection only if
// it can get the body anew, or if nothing of it was touched.
func (m message) request(ctx context.Context) (*http.Request, error) {
	var content []byte
	var contentType string
	switch m.body {
	case "none":
	case "json":
		members := make(map[string]string, len(m.form))
		for name := range m.form {
			members[name] = m.form.Get(name)
		}
		var err error
		if content, err = json.Marshal(members); err != nil {
			return nil, err
		}
		contentType = "application/json"
	default:
		content = []byte(m.form.Encode())
		contentType = "application/x-www-form-urlencoded"
	}
	var body io.Reader
	if content != nil {
		body = bytes.NewReader(content)
	}
	r, err := http.NewRequestWithContext(ctx, m.method, m.url, body)
	if err != nil {
		return nil, err
	}
	r.GetBody = nil
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", userAgent)
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for name, value := range m.headers {
		r.Header.Set(name, value)
	}
	r.Header.Set("Accept-Encoding", "identity")
	if m.auth != "" {
		r.Header.Set("Authorization", m.auth)
	}
	return r, nil
}

// send writes the message once and reads the answer. The transport is called directly and not
// through an http.Client, so nothing follows a redirect.
func (c *Client) send(ctx context.Context, op string, m message) (answer, error) {
	// The client's state of the connection tells whether the provider can have seen the request.
	var asked, connected atomic.Bool
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { asked.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	})
	r, err := m.request(traced)
	if err != nil {
		return answer{}, unsent(op, ClassOperator, CodeIncomplete)
	}
	if err := ctx.Err(); err != nil {
		return answer{}, interrupted(ctx, op, err, true)
	}
	resp, err := c.transport.RoundTrip(r)
	if err != nil {
		return answer{}, interrupted(ctx, op, err, asked.Load() && !connected.Load())
	}
	defer resp.Body.Close()
	a := answer{status: resp.StatusCode, header: resp.Header}
	if a.status < 200 { // 101: the body is the connection, and does not end with ctx
		return answer{}, &Error{Op: op, Class: ClassMalformed, Code: statusCode(a.status), Status: a.status}
	}
	if a.status >= 300 && a.status <= 399 {
		return answer{}, &Error{Op: op, Class: ClassMalformed, Code: CodeRedirectRefused, Status: a.status}
	}
	a.body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil && a.ok():
		return answer{}, interrupted(ctx, op, err, false)
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
	case errors.As(err, &certErr):
		e.Code = CodeTLS
	case unsent:
		e.Code = CodeUnreachable
	}
	return e
}
