package sign

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/claviger-proxy/claviger/connectors"
)

// The headers of AWS Signature Version 4.
const (
	amzDate    = "X-Amz-Date"
	amzHash    = "X-Amz-Content-Sha256"
	amzSession = "X-Amz-Security-Token"
)

// perHop are headers that HTTP/2 does not carry, and others may change on the way. They are not signed.
var perHop = []string{"Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Upgrade"}

// sigV4 is AWS Signature Version 4. The hash of the body goes in a header as well, which some services
// demand and the others accept.
type sigV4 struct{ declared connectors.Signer }

func (*sigV4) headers() []string { return []string{"Authorization", amzDate, amzHash, amzSession} }

func (*sigV4) needsBody() bool { return true }

func (s *sigV4) sign(c *call) (map[string]string, error) {
	var text [4]string
	for i, of := range []struct {
		what string
		t    connectors.Template
	}{{"key_id", s.declared.KeyID}, {"key", s.declared.Key}, {"service", s.declared.Service}, {"region", s.declared.Region}} {
		var err error
		if text[i], err = c.expand(of.what, of.t); err != nil {
			return nil, err
		}
	}
	session, err := c.optional("session", s.declared.Session)
	if err != nil {
		return nil, err
	}
	body, err := c.read()
	if err != nil {
		return nil, err
	}
	r := c.request
	if _, err := url.ParseQuery(r.URL.RawQuery); err != nil {
		return nil, ErrQuery
	}
	service := text[2]
	s3 := strings.HasPrefix(service, "s3")
	hash := sha256.Sum256(body)
	payload := hex.EncodeToString(hash[:])

	copied := &http.Request{Method: c.method(), URL: amzURL(r.URL, s3), Host: c.host(), Header: r.Header.Clone(), ContentLength: r.ContentLength}
	if copied.Header == nil {
		copied.Header = http.Header{}
	}
	for _, name := range append(s.headers(), perHop...) {
		copied.Header.Del(name)
	}
	copied.Header.Set(amzHash, payload)
	// The library's signer keeps derived keys by the ID alone, so that one that lives on would sign for
	// whoever names that ID, and go on with a secret that has been replaced.
	err = v4.NewSigner().SignHTTP(r.Context(),
		aws.Credentials{AccessKeyID: text[0], SecretAccessKey: text[1], SessionToken: session},
		copied, payload, service, text[3], c.now,
		func(o *v4.SignerOptions) { o.DisableURIPathEscaping = s3 })
	if err != nil {
		return nil, err
	}
	c.then = func(r *http.Request) { amzFinal(r, copied.Host) }
	headers := map[string]string{}
	for _, name := range s.headers() {
		if value := copied.Header.Get(name); value != "" {
			headers[name] = value
		}
	}
	return headers, nil
}

// amzURL is a copy of the URL to sign. The library encodes the path once more; S3 wants it encoded once, and
// strictly, whatever the caller has left as it is.
func amzURL(u *url.URL, s3 bool) *url.URL {
	copied := *u
	if !s3 {
		return &copied
	}
	segments := strings.Split(u.EscapedPath(), "/")
	for i, segment := range segments {
		if plain, err := url.PathUnescape(segment); err == nil {
			segments[i] = strings.ReplaceAll(url.QueryEscape(plain), "+", "%20")
		}
	}
	copied.RawPath = strings.Join(segments, "/")
	return &copied
}

// amzFinal gives the request the one spelling that was signed: a host without the default port, and a
// space in the query that is no plus sign.
func amzFinal(r *http.Request, host string) {
	if r.Host != "" {
		r.Host = host
	}
	if strings.Contains(r.URL.RawQuery, "+") {
		u := *r.URL
		u.RawQuery = strings.ReplaceAll(u.RawQuery, "+", "%20")
		r.URL = &u
	}
}
