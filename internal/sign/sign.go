// Package sign signs what providers want signed: JWTs, and requests.
//
// [JWT] makes an assertion. For requests, compile a connector's signer once with [New]; for each request
// make a private copy, take [Signer.Headers] off what the caller sent, and let [Signer.Sign] set them.
// Signatures are those of libraries and of the standard library; no error shows a key or a value.
package sign

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
)

// ErrBody is returned for a request whose body is signed, but was not given because it is too long. Such a
// request never goes out with a signature over less.
var ErrBody = errors.New("the body is signed, and was not read")

// ErrQuery is returned for a query, or a form, that two readers may read differently, so that its
// signature cannot be trusted to hold.
var ErrQuery = errors.New("the parameters of the request cannot be signed")

// ErrOAuthParam is returned for a request with OAuth parameters of the caller's own, which would be a
// second credential (RFC 5849 section 3.1).
var ErrOAuthParam = errors.New("the request has oauth_ parameters of its own")

var errUnsendable = errors.New("the value has characters that cannot be sent in a header")

// Signer signs requests as a connector declares. It does not change and may be used by several goroutines.
type Signer struct{ scheme scheme }

// scheme is one kind of signature.
type scheme interface {
	// headers returns a list of its own.
	headers() []string
	needsBody() bool
	// sign returns the headers to set.
	sign(c *call) (map[string]string, error)
}

// New compiles a connector's signer. Beside what [connectors.Connector.Validate] refuses it refuses a
// template for a header with anything in braces but {signature}, {key_id}, {timestamp} and {nonce}, a hash
// for Ed25519, and one header for two things.
func New(s *connectors.Signer) (*Signer, error) {
	var made scheme
	var err error
	switch s.Kind {
	case connectors.SignerSigV4:
		made = &sigV4{*s}
	case connectors.SignerOAuth1:
		made, err = newOAuth1(s)
	case connectors.SignerHMAC, connectors.SignerEd25519:
		made, err = newParts(s)
	case connectors.SignerWSSE:
		made, err = newWSSE(s)
	default:
		err = errors.New("unknown kind")
	}
	if err != nil {
		return nil, fmt.Errorf("signer %s: %w", s.Kind, err)
	}
	return &Signer{made}, nil
}

// Headers returns the names of the headers that Sign sets, so that what a caller sent there is taken off
// first.
func (s *Signer) Headers() []string { return s.scheme.headers() }

// NeedsBody tells whether Sign may have to see the body. If it is too long to be kept, Sign gets nil, and
// knows whether that request can do without.
func (s *Signer) NeedsBody() bool { return s.scheme.needsBody() }

// Sign sets the signature's headers on r, which is a private copy of a request whose URL, Host and headers
// are final. The body is the whole one; nil means that there is none or that it was not read, in which case
// r.Body tells which, and it is [ErrBody] if it has to be signed. The time is now's.
//
// Values are those of the account. OAuth 1.0a takes from them client_id and client_secret, token and
// token.secret, which is [connectors.SlotSecret], unless the signer has templates of its own for them; without a
// token the request is signed for the client alone.
//
// For AWS, r.URL and r.Host may become equal ones that have one spelling only. With an error r is as it was.
func (s *Signer) Sign(r *http.Request, values connectors.Values, body []byte, now time.Time) error {
	c := &call{request: r, values: values, body: body, now: now}
	return c.finish(s.scheme.sign(c))
}

// call is a request that is being signed.
type call struct {
	request *http.Request
	values  connectors.Values
	body    []byte
	now     time.Time
	// then is done with the request once nothing can fail any more.
	then func(r *http.Request)
}

// finish sets the headers that a scheme has made.
func (c *call) finish(headers map[string]string, err error) error {
	if err != nil {
		return fmt.Errorf("signing the request: %w", err)
	}
	for name, value := range headers {
		if !printable(value) {
			return fmt.Errorf("signing the request: header %s: %w", name, errUnsendable)
		}
	}
	if c.request.Header == nil {
		c.request.Header = http.Header{}
	}
	for name, value := range headers {
		c.request.Header.Set(name, value)
	}
	if c.then != nil {
		c.then(c.request)
	}
	return nil
}

// expand fills a template; what names it in errors.
func (c *call) expand(what string, t connectors.Template) (string, error) {
	text, err := t.ExpandAt(c.values, c.now)
	if err != nil {
		return "", fmt.Errorf("%s: %w", what, err)
	}
	return text, nil
}

// optional is expand for a template that may be empty, or name an optional input without a value.
func (c *call) optional(what string, t connectors.Template) (string, error) {
	if leftOut(t, c.values) {
		return "", nil
	}
	return c.expand(what, t)
}

// leftOut tells whether a template names an input without a value. Only optional ones can have none.
func leftOut(t connectors.Template, values connectors.Values) bool {
	return slices.ContainsFunc(t.Names(), func(name string) bool {
		return values[name] == "" && (strings.HasPrefix(name, "app.") || strings.HasPrefix(name, "account."))
	})
}

// read is the body, which is signed.
func (c *call) read() ([]byte, error) {
	if b := c.request.Body; c.body == nil && (c.request.ContentLength != 0 || b != nil && b != http.NoBody) {
		return nil, ErrBody
	}
	return c.body, nil
}

// host is the host that the request names.
func (c *call) host() string {
	if c.request.Host != "" {
		return c.request.Host
	}
	return c.request.URL.Host
}

// method is the request's method; net/http takes an empty one for GET.
func (c *call) method() string {
	if c.request.Method == "" {
		return http.MethodGet
	}
	return c.request.Method
}

func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}
