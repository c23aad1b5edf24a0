package declared

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
)

// The namespaces of an assertion.
const (
	spaceSAML      = "urn:oasis:names:tc:SAML:2.0:assertion"
	spaceSignature = "http://www.w3.org/2000/09/xmldsig#"
	spaceInstance  = "http://www.w3.org/2001/XMLSchema-instance"
)

// samlFacts is an assertion taken apart.
type samlFacts struct {
	// facts are the texts of elements, by their paths below the root, and the values of attributes, by the path of
	// their element, @ and their name. A second element of a path has #2 after it. An attribute of SAML has its
	// name in parentheses.
	facts url.Values
	// children are the names of the elements right below the root, in their order.
	children []string
}

// readSAML takes an assertion apart. There is nothing in it but elements, attributes and text.
func readSAML(raw []byte) (*samlFacts, error) {
	r := &samlReader{out: &samlFacts{facts: url.Values{}}, seen: map[string]int{}, spaces: map[string]string{}}
	for d := xml.NewDecoder(bytes.NewReader(raw)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return r.out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("is no XML: %w", err)
		}
		if err := r.take(token); err != nil {
			return nil, err
		}
	}
}

// samlReader is where the reader of an assertion is.
type samlReader struct {
	out  *samlFacts
	open []samlElement
	seen map[string]int
	// spaces are the prefixes that were declared last.
	spaces map[string]string
}

// samlElement is an element that is not closed yet.
type samlElement struct {
	path string
	text strings.Builder
	// more tells that there is something in it but text.
	more bool
}

func (r *samlReader) take(token xml.Token) error {
	switch token := token.(type) {
	case xml.StartElement:
		return r.begin(token)
	case xml.EndElement:
		last := &r.open[len(r.open)-1]
		if last.text.Len() > 0 || !last.more {
			r.out.facts.Add(last.path, last.text.String())
		}
		r.open = r.open[:len(r.open)-1]
	case xml.CharData:
		if len(r.open) == 0 {
			return errors.New("has text beside the assertion")
		}
		r.open[len(r.open)-1].text.Write(token)
	default:
		return fmt.Errorf("has a %T in it", token)
	}
	return nil
}

func (r *samlReader) begin(e xml.StartElement) error {
	signature := len(r.open) > 0 && (e.Name.Local == "Signature" || strings.HasPrefix(r.open[len(r.open)-1].path, "Signature"))
	if signature && e.Name.Space != spaceSignature || !signature && e.Name.Space != spaceSAML {
		return fmt.Errorf("has an element %s of the namespace %q", e.Name.Local, e.Name.Space)
	}
	name := e.Name.Local
	path := ""
	switch len(r.open) {
	case 0:
		if name != "Assertion" || len(r.out.children) > 0 {
			return fmt.Errorf("is a %s and no assertion", name)
		}
	default:
		above := &r.open[len(r.open)-1]
		above.more = true
		if above.path == "" {
			r.out.children = append(r.out.children, name)
		} else {
			name = above.path + "/" + name
		}
		if e.Name.Local == "Attribute" {
			for _, a := range e.Attr {
				if a.Name.Local == "Name" {
					name += "(" + a.Value + ")"
				}
			}
		}
		if r.seen[name]++; r.seen[name] > 1 {
			name += fmt.Sprintf("#%d", r.seen[name])
		}
		path = name
	}
	here := samlElement{path: path}
	for _, a := range e.Attr {
		if a.Name.Space == "xmlns" {
			r.spaces[a.Name.Local] = a.Value
		}
	}
	for _, a := range e.Attr {
		switch {
		case a.Name.Space == "xmlns":
		case a.Name.Local == "Name" && e.Name.Local == "Attribute":
			here.more = true
		case a.Name.Space == spaceInstance: // a qualified name
			prefix, local, _ := strings.Cut(a.Value, ":")
			r.out.facts.Add(path+"@"+a.Name.Local, r.spaces[prefix]+" "+local)
			here.more = true
		case a.Name.Space != "":
			return fmt.Errorf("has an attribute %s of the namespace %q", a.Name.Local, a.Name.Space)
		default:
			r.out.facts.Add(path+"@"+a.Name.Local, a.Value)
			here.more = true
		}
	}
	r.open = append(r.open, here)
	return nil
}
