package oauth

import (
	"net/http"
	"strings"

	"github.com/claviger-proxy/claviger/connectors"
)

// The values of [connectors.TokenResponse].Format; empty is formatJSON.
const (
	formatJSON   = "json"
	formatForm   = "form"
	formatText   = "text"
	formatHeader = "header"
	formatCookie = "cookie"
)

// reading is how one answer is read. The zero reading is that of a JSON answer without a token.
//
// Tokens, their lives and scopes stand under the root of the response. Errors, conditions and what is
// captured stand there or, if they do not, where the path leads from the top: providers put their status
// beside the payload as often as into it, and a refusal has no payload.
type reading struct {
	connectors.TokenResponse
	capture map[string]string
	// token tells that there is to be a token. With maybe there need not be.
	token, maybe bool
	// never and defaultTTL are what the connector knows about the token's life.
	never      bool
	defaultTTL connectors.Duration
}

func tokenReading(k *connectors.Connector) reading {
	t := k.Token
	return reading{
		TokenResponse: t.Response, capture: t.Capture, token: true,
		never: t.TTL == connectors.TTLNever, defaultTTL: t.DefaultTTL,
	}
}

// stepReading is that of a step. One that declares when it is a success, and nothing of a token, may be
// without one.
func stepReading(s connectors.Step) reading {
	r := reading{capture: s.Capture, defaultTTL: s.DefaultTTL}
	if s.Response != nil {
		r.TokenResponse, r.token = *s.Response, true
		r.maybe = r.inBody() && (r.SuccessWhen != nil || r.ErrorPath != "") && r.Access+r.RefreshToken+r.IDToken+r.Scope == "" &&
			r.Expires.Path+r.RefreshExpires.Path == "" && len(r.Slots) == 0
	}
	return r
}

// inBody tells whether the token is a member of the body.
func (r reading) inBody() bool {
	return r.Format == "" || r.Format == formatJSON || r.Format == formatForm
}

// needsBody tells whether nothing can be read without the body's members.
func (r reading) needsBody() bool {
	return r.inBody() && (r.token || len(r.capture) > 0)
}

// accept is the Accept header: a provider that has a choice makes it by this.
func (r reading) accept() string {
	if r.Format == "" || r.Format == formatJSON {
		return "application/json"
	}
	return "*/*"
}

// document returns the members of the answer's body, nil if it has none. What it is called in Content-Type
// does not matter: providers label JSON as text. Refusals may be JSON whatever the format is.
func (r reading) document(a answer) document {
	if a.tooLarge || a.encoded() {
		return nil
	}
	if r.Format != formatForm || !a.ok() {
		if doc, err := parseDocument(a.body); err == nil {
			return doc
		}
	}
	if r.Format == formatForm {
		return parseForm(a.body)
	}
	return nil
}

// payload is the document at the root.
func (r reading) payload(doc document) document {
	if r.Root == "" {
		return doc
	}
	root, _ := doc.find(r.Root).(document)
	return root
}

// find returns a member under the root, or else the one that the path leads to from the top.
func (r reading) find(doc document, path string) any {
	if v := r.payload(doc).find(path); v != nil {
		return v
	}
	return doc.find(path)
}

// access returns where the main token stands: a value as in a document.
func (r reading) access(a answer, payload document) any {
	switch r.Format {
	case formatText:
		if a.encoded() {
			return nil
		}
		return strings.TrimSpace(string(a.body))
	case formatHeader:
		return only(a.header.Values(r.Access))
	case formatCookie:
		var values []string
		for _, c := range (&http.Response{Header: a.header}).Cookies() {
			if c.Name == r.Access {
				values = append(values, c.Value)
			}
		}
		return only(values)
	}
	return payload.find(or(r.Access, "access_token"))
}

// only is the one value. Of several it is unclear which one counts.
func only(values []string) any {
	if len(values) != 1 {
		return nil
	}
	return values[0]
}
