package declared

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/claviger-proxy/claviger/connectors"
)

// tokenCall is what a call of the token endpoint has to be.
type tokenCall struct {
	fields, headers *fields
	method          string
	names           map[string]string
	omit            []string
	params          map[string]connectors.Template
	values          connectors.Values
}

// tokenCall begins with what is the same in all calls.
func (p *Provider) tokenCall() *tokenCall {
	t := p.connector.Token
	k := &tokenCall{newFields(), newFields(), cmp.Or(t.Method, http.MethodPost), t.FieldNames, t.Omit, t.Params, p.values}
	p.authenticates(k.fields, k.headers)
	if !t.Resource.IsZero() {
		p.templates(k.fields, map[string]connectors.Template{"resource": t.Resource}, p.values)
	}
	return k
}

// check tells whether a call is like that.
func (p *Provider) check(k *tokenCall, c *call) error {
	t := p.connector.Token
	if grantType, ok := k.params["grant_type"]; ok {
		p.templates(k.fields, map[string]connectors.Template{"grant_type": grantType}, k.values)
	}
	k.fields.renamed(k.names, k.omit)
	for name, param := range k.params {
		if name != "grant_type" {
			p.templates(k.fields, map[string]connectors.Template{name: param}, k.values)
		}
	}
	p.headers(k.headers, t.Headers, k.values)
	if err := p.presents(c); err != nil {
		return err
	}
	got, err := p.tokenFields(k, c)
	if err != nil {
		return err
	}
	if err := p.signsFields(k, got); err != nil {
		return err
	}
	if err := k.fields.check("field", got); err != nil {
		return err
	}
	return k.headers.checkHeaders(c)
}

// tokenFields are the fields of a call, from where the connector has them.
func (p *Provider) tokenFields(k *tokenCall, c *call) (url.Values, error) {
	body := p.connector.Token.Body
	if k.method == http.MethodGet {
		body = "query"
	}
	if body == "query" {
		if len(c.body) > 0 {
			return nil, errors.New("it has a body, and the fields go into the URL")
		}
		return c.query, nil
	}
	if len(c.query) > 0 {
		return nil, errors.New("it has fields in the URL")
	}
	if body == "json" {
		return c.json()
	}
	return c.form()
}

// json are the members of a JSON body, all of them text.
func (c *call) json() (url.Values, error) {
	if c.Header.Get("Content-Type") != "application/json" {
		return nil, fmt.Errorf("the body is %q and not JSON", c.Header.Get("Content-Type"))
	}
	var all map[string]string
	if err := json.Unmarshal(c.body, &all); err != nil {
		return nil, fmt.Errorf("the body is no JSON object of texts: %w", err)
	}
	fields := url.Values{}
	for name, value := range all {
		fields.Set(name, value)
	}
	return fields, nil
}
