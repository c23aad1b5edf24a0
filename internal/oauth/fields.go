package oauth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/claviger-proxy/claviger/connectors"
)

// spelling is how a provider wants a token request to be written.
type spelling struct {
	method, body string
	// names and omit are for standard fields.
	names map[string]string
	omit  []string
	// params are added. Of the standard fields they replace grant_type alone.
	params  map[string]connectors.Template
	headers []map[string]connectors.Template
}

func tokenSpelling(k *connectors.Connector) spelling {
	t := k.Token
	s := spelling{
		method: or(t.Method, http.MethodPost), body: or(t.Body, bodyForm),
		names: t.FieldNames, omit: t.Omit,
		params: t.Params, headers: []map[string]connectors.Template{t.Headers},
	}
	return s.bodiless()
}

func refreshSpelling(k *connectors.Connector) spelling {
	s, r := tokenSpelling(k), k.Refresh
	s.method, s.params, s.headers = or(r.Method, s.method), r.Params, append(s.headers, r.Headers)
	if len(r.FieldNames) > 0 || len(r.Omit) > 0 {
		s.names, s.omit = r.FieldNames, r.Omit
	}
	return s.bodiless()
}

// bodiless puts the fields into the URL where the method has no body.
func (s spelling) bodiless() spelling {
	if s.method == http.MethodGet {
		s.body = bodyQuery
	}
	return s
}

// sends tells whether a standard field is sent.
func (s spelling) sends(field string) bool { return !slices.Contains(s.omit, field) }

// spell returns standard fields under the provider's names, without those that it does not take.
func (s spelling) spell(standard url.Values) url.Values {
	fields := url.Values{}
	for name, values := range standard {
		if s.sends(name) && s.names[name] == "" {
			fields[name] = values
		}
	}
	for name, theirs := range s.names {
		if values, ok := standard[name]; ok && s.sends(name) {
			fields[theirs] = values
		}
	}
	return fields
}

// write returns the fields of a token request as the provider wants them. What the connector adds goes by
// the names that it has there, and never replaces a part of the grant.
func (c *call) write(standard url.Values) (url.Values, error) {
	params, err := c.fill.params(c.spelling.params)
	if err != nil {
		return nil, err
	}
	if grant, ok := params["grant_type"]; ok && standard.Has("grant_type") {
		standard.Set("grant_type", grant)
		delete(params, "grant_type")
	}
	fields := c.spelling.spell(standard)
	for name, value := range params {
		if !fields.Has(name) {
			fields.Set(name, value)
		}
	}
	return fields, nil
}

// sign adds the signature over the fields, to them or to the headers. The fields go by the names that they
// are sent with.
func (c *call) sign(fields url.Values, headers map[string]string) error {
	how := c.app.Connector.Token.Sign
	if how == nil {
		return nil
	}
	key, err := c.fill.text(how.Key)
	if err != nil {
		return err
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if len(how.Of) > 0 && !slices.Contains(how.Of, name) {
			continue
		}
		part := fields.Get(name)
		if how.Pairs == "name=value" {
			part = name + "=" + part
		}
		parts = append(parts, part)
	}
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(strings.Join(parts, how.Separator)))
	signature := hex.EncodeToString(mac.Sum(nil))
	if how.Encoding == "base64" {
		signature = base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	if how.Header != "" {
		headers[how.Header] = signature
		return nil
	}
	fields.Set(how.Field, signature)
	return nil
}
