package declared

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"

	"github.com/claviger-proxy/claviger/connectors"
)

// call is one request, read whole.
type call struct {
	*http.Request
	// path is the escaped path.
	path  string
	query url.Values
	body  []byte
	// certificate is what the client has presented, PEM.
	certificate string
}

func readCall(r *http.Request) (*call, error) {
	c := &call{Request: r.Clone(r.Context()), path: cmp.Or(r.URL.EscapedPath(), "/")}
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		_ = r.Body.Close() // it is read
		if err != nil {
			return nil, fmt.Errorf("reading the request: %w", err)
		}
		c.body = body
	}
	if r.ContentLength > 0 && int64(len(c.body)) != r.ContentLength {
		return nil, fmt.Errorf("the request says it has %d bytes, and has %d", r.ContentLength, len(c.body))
	}
	var err error
	if c.query, err = url.ParseQuery(r.URL.RawQuery); err != nil {
		return nil, fmt.Errorf("the query cannot be read: %w", err)
	}
	if c.Host == "" {
		c.Host = r.URL.Host
	}
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		c.certificate = encodeCertificate(r.TLS.PeerCertificates[0].Raw)
	}
	return c, nil
}

// origin is scheme and host of the request, in lower case.
func (c *call) origin() string {
	host := strings.ToLower(c.Host)
	if c.URL.Scheme == "https" {
		host = strings.TrimSuffix(host, ":443")
	}
	return strings.ToLower(c.URL.Scheme) + "://" + host
}

// form are the fields of a form.
func (c *call) form() (url.Values, error) {
	if !strings.HasPrefix(c.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		return nil, fmt.Errorf("the body is %q and not a form", c.Header.Get("Content-Type"))
	}
	fields, err := url.ParseQuery(string(c.body))
	if err != nil {
		return nil, fmt.Errorf("the form cannot be read: %w", err)
	}
	return fields, nil
}

// at tells whether a request is for a URL, and returns it without the parameters that the URL has itself.
func (p *Provider) at(t connectors.Template, c *call) (*call, bool) {
	before, after, queried := strings.Cut(t.String(), "?")
	before = strings.Replace(before, ":443/", "/", 1)
	if !p.fitsText(before, c.origin()+c.path, p.values) && !p.fitsText(before, c.origin()+strings.TrimSuffix(c.path, "/"), p.values) {
		return nil, false
	}
	if !queried {
		return c, true
	}
	return p.atQuery(after, c)
}

// atQuery takes the parameters of a URL off.
func (p *Provider) atQuery(query string, c *call) (*call, bool) {
	rest := *c
	rest.query = maps.Clone(c.query)
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		got := rest.query[name]
		plain, err := url.QueryUnescape(value)
		if len(got) != 1 || err != nil || !p.fitsText(plain, got[0], p.values) {
			return nil, false
		}
		delete(rest.query, name)
	}
	return &rest, true
}

// fitsText is fits for a part of a template.
func (p *Provider) fitsText(template, text string, values connectors.Values) bool {
	t, err := connectors.ParseTemplate(template)
	return err == nil && p.fits(t, text, values) == nil
}
