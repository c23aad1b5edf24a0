package sign

import (
	"cmp"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // in an HMAC, where providers ask for it
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/claviger-proxy/claviger/connectors"
)

var hashes = map[string]func() hash.Hash{"": sha256.New, "sha256": sha256.New, "sha1": sha1.New, "sha512": sha512.New}

var encodings = map[string]func([]byte) string{
	"": hex.EncodeToString, "hex": hex.EncodeToString, "base64": base64.StdEncoding.EncodeToString, "base64url": base64.RawURLEncoding.EncodeToString,
}

// partNames are what can be signed of a request. Body_sha256 is hex, timestamp and nonce are as in their headers.
var partNames = []string{"method", "host", "path", "query", "path_and_query", "url", "body", "body_sha256", "timestamp", "nonce", "key_id"}

// braced is an expression of a template for a header, of which there are four.
var braced = regexp.MustCompile(`\{[^{}]*\}`)

var expressions = []string{"{signature}", "{key_id}", "{timestamp}", "{nonce}"}

// partsScheme is HMAC or Ed25519 over parts of the request.
type partsScheme struct {
	declared connectors.Signer
	hash     func() hash.Hash
	encode   func([]byte) string
	moment   connectors.Template
	keyID    bool
}

func newParts(s *connectors.Signer) (*partsScheme, error) {
	p := &partsScheme{declared: *s, hash: hashes[s.Hash], encode: encodings[s.Encoding]}
	d := &p.declared
	d.Parts = slices.Clone(d.Parts)
	d.Separator = cmp.Or(d.Separator, "\n")
	d.Template = cmp.Or(d.Template, "{signature}")
	switch {
	case p.hash == nil:
		return nil, errors.New("unknown hash")
	case d.Kind == connectors.SignerEd25519 && d.Hash != "":
		return nil, errors.New("ed25519 takes no hash")
	case p.encode == nil:
		return nil, errors.New("unknown encoding")
	case d.Header == "":
		return nil, errors.New("there is no header for the signature")
	case len(d.Parts) == 0:
		return nil, errors.New("there are no parts to sign")
	case !strings.Contains(d.Template, "{signature}"):
		return nil, errors.New("the template has no {signature}")
	}
	for _, part := range d.Parts {
		if !slices.Contains(partNames, part) {
			return nil, fmt.Errorf("unknown part %q", part)
		}
	}
	for _, e := range braced.FindAllString(d.Template, -1) {
		if !slices.Contains(expressions, e) {
			return nil, fmt.Errorf("the template has %s; there are %s", e, strings.Join(expressions, ", "))
		}
	}
	for name, header := range map[string]string{"timestamp": d.Timestamp, "nonce": d.Nonce} {
		if p.signs(name) && header == "" && !strings.Contains(d.Template, "{"+name+"}") {
			return nil, fmt.Errorf("the %s is signed but not sent", name)
		}
	}
	if names := p.headers(); len(names) != len(unique(names)) {
		return nil, errors.New("the signature, the timestamp and the nonce need a header each")
	}
	p.keyID = p.signs("key_id") || strings.Contains(d.Template, "{key_id}")
	if p.keyID && d.KeyID.IsZero() {
		return nil, errors.New("there is no key_id")
	}
	var err error
	p.moment, err = connectors.ParseTemplate(`{now("` + cmp.Or(d.TimestampAs, "unix") + `")}`)
	return p, err
}

// unique returns the headers that the names stand for, each once.
func unique(names []string) map[string]bool {
	set := map[string]bool{}
	for _, name := range names {
		set[http.CanonicalHeaderKey(name)] = true
	}
	return set
}

// signs tells whether a part is among those that are signed.
func (p *partsScheme) signs(part string) bool { return slices.Contains(p.declared.Parts, part) }

func (p *partsScheme) needsBody() bool { return p.signs("body") || p.signs("body_sha256") }

func (p *partsScheme) headers() []string {
	return slices.DeleteFunc([]string{p.declared.Header, p.declared.Timestamp, p.declared.Nonce}, func(name string) bool { return name == "" })
}

func (p *partsScheme) sign(c *call) (map[string]string, error) {
	d := &p.declared
	key, err := c.expand("key", d.Key)
	if err != nil {
		return nil, err
	}
	keyID := ""
	if p.keyID {
		if keyID, err = c.expand("key_id", d.KeyID); err != nil {
			return nil, err
		}
	}
	moment, err := p.moment.ExpandAt(nil, c.now)
	if err != nil {
		return nil, err
	}
	nonce := rand.Text()
	message, err := p.message(c, map[string]string{"timestamp": moment, "nonce": nonce, "key_id": keyID})
	if err != nil {
		return nil, err
	}
	raw, err := p.raw(key, message)
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	headers := map[string]string{}
	for name, value := range map[string]string{d.Timestamp: moment, d.Nonce: nonce} {
		if name != "" {
			headers[name] = value
		}
	}
	headers[d.Header] = strings.NewReplacer(
		"{signature}", p.encode(raw), "{key_id}", keyID, "{timestamp}", moment, "{nonce}", nonce,
	).Replace(d.Template)
	return headers, nil
}

// message is what is signed; made are the parts that are not in the request.
func (p *partsScheme) message(c *call, made map[string]string) ([]byte, error) {
	u := c.request.URL
	texts := make([]string, len(p.declared.Parts))
	for i, part := range p.declared.Parts {
		switch part {
		case "method":
			texts[i] = c.method()
		case "host":
			texts[i] = c.host()
		case "path":
			texts[i] = cmp.Or(u.EscapedPath(), "/")
		case "query":
			texts[i] = u.RawQuery
		case "path_and_query":
			texts[i] = u.RequestURI()
		case "url":
			texts[i] = u.Scheme + "://" + c.host() + u.RequestURI()
		case "body", "body_sha256":
			body, err := c.read()
			if err != nil {
				return nil, err
			}
			texts[i] = string(body)
			if part == "body_sha256" {
				sum := sha256.Sum256(body)
				texts[i] = hex.EncodeToString(sum[:])
			}
		default:
			texts[i] = made[part]
		}
	}
	return []byte(strings.Join(texts, p.declared.Separator)), nil
}

// raw is the signature.
func (p *partsScheme) raw(key string, message []byte) ([]byte, error) {
	if p.declared.Kind == connectors.SignerEd25519 {
		private, err := ed25519Key(key)
		if err != nil {
			return nil, err
		}
		return ed25519.Sign(private, message), nil
	}
	mac := hmac.New(p.hash, []byte(key))
	mac.Write(message)
	return mac.Sum(nil), nil
}
