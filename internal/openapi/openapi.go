// Package openapi makes connectors of OpenAPI documents: of the servers the base, of the security schemes the
// ways in. What such a document does not say is told as notes, because a connector never guesses in silence.
package openapi

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/claviger-proxy/claviger/connectors"
)

// MaxSize is how many bytes a document may have.
const MaxSize = 64 << 20

// Options say what the document does not.
type Options struct {
	// Name is the connector's; empty makes one of the document's title.
	Name string
	// BaseURL stands in place of the document's servers.
	BaseURL string
}

// Import makes a connector of a document: OpenAPI 3.x or Swagger 2.0, in JSON or YAML. Nothing is fetched.
// The notes say what has to be looked up, one sentence each.
func Import(data []byte, o Options) (c *connectors.Connector, notes []string, err error) {
	d, err := parse(data)
	if err != nil {
		return nil, nil, err
	}
	m := maker{document: d}
	c = &connectors.Connector{
		Schema: connectors.SchemaVersion, Name: o.Name, Title: clean(d.Info.Title, 80),
		Description: clean(sentenceOf(d.Info.Description), 200), Tested: connectors.Tested{How: connectors.Unverified},
	}
	if c.Name == "" {
		c.Name = slug(d.Info.Title)
	}
	if c.Name == "" {
		return nil, nil, errors.New("the document has no title to name the connector after: give it a name")
	}
	if c.Title == "" {
		c.Title = c.Name
	}
	if u, err := url.Parse(d.ExternalDocs.URL); err == nil && u.Scheme == "https" && u.Host != "" {
		c.Docs = d.ExternalDocs.URL
	}
	if err := m.base(c, o.BaseURL); err != nil {
		return nil, nil, err
	}
	if err := m.schemes(c); err != nil {
		return nil, nil, err
	}
	if c.Mode != connectors.ModeNone {
		m.note("verify and identity are missing: add a request that only a good credential can do, and one that says who the account is.")
	}
	return c, m.notes, checked(c)
}

// maker makes one connector.
type maker struct {
	*document
	// root is what the document's relative URLs are relative to; nil if that is not known.
	root  *url.URL
	notes []string
}

func (m *maker) note(format string, args ...any) {
	m.notes = append(m.notes, fmt.Sprintf(format, args...))
}

// checked tells what is wrong with what the document gave.
func checked(c *connectors.Connector) error {
	if err := c.Validate(); err != nil {
		return fmt.Errorf("the document says what a connector cannot have: %w", err)
	}
	return nil
}

var (
	humps       = regexp.MustCompile(`([a-z0-9])([A-Z])`)
	notInNames  = regexp.MustCompile(`[^a-z0-9]+`)
	apiAtTheEnd = regexp.MustCompile(`-(?:rest-)?api(?:-v?[0-9-]+)?\z`)
)

// slug is a name made of a title: "Acme Mail API" becomes acme-mail.
func slug(title string) string {
	name := strings.Trim(notInNames.ReplaceAllString(strings.ToLower(title), "-"), "-")
	if short := apiAtTheEnd.ReplaceAllString(name, ""); short != "" {
		name = short
	}
	return strings.Trim(name[:min(len(name), 63)], "-")
}

// wayOf is a name of a way made of what the document calls it: "apiKey" becomes api-key.
func wayOf(text string) string { return slug(humps.ReplaceAllString(text, "$1-$2")) }

// inputNameOf is a name of an input made of whatever the document calls it.
func inputNameOf(text string) string {
	name := strings.ReplaceAll(wayOf(text), "-", "_")
	if name == "" || name[0] < 'a' || name[0] > 'z' {
		name = "value_" + name
	}
	return strings.Trim(name[:min(len(name), 40)], "_")
}

// sentenceOf is the first sentence of a text, which may be Markdown.
func sentenceOf(text string) string {
	line := ""
	for l := range strings.SplitSeq(text, "\n") {
		if l = strings.TrimSpace(l); l != "" && !strings.ContainsAny(l[:1], "#<!|[-*`") {
			line = l
			break
		}
	}
	if end := strings.Index(line, ". "); end >= 0 {
		line = line[:end+1]
	}
	return line
}

// clean is a text on one line, without control characters, of at most that many letters.
func clean(text string, most int) string {
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f }), " ")
	if letters := []rune(text); len(letters) > most {
		text = string(letters[:most-1]) + "…"
	}
	return text
}
