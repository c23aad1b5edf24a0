package connectors

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Register is how the OAuth client of a connection is registered at the provider without its operator (RFC 7591).
type Register struct {
	// With is "dynamic".
	With string `yaml:"with"`
	// URL is the registration endpoint. Like all that is here it may name inputs of the connection alone.
	URL Template `yaml:"url,omitempty"`
	// Metadata is the URL of the authorization server's metadata (RFC 8414, OpenID Connect Discovery), which names
	// the endpoint. It is given in place of URL.
	Metadata Template `yaml:"metadata,omitempty"`
	// InitialToken is the token that the endpoint wants to see, where it does not register everybody. With an
	// input that has no value none is sent.
	InitialToken Template `yaml:"initial_token,omitempty"`
	// FieldNames gives the metadata that is always sent the names that the provider has for it.
	FieldNames map[string]string `yaml:"field_names,omitempty"`
	// Params are further metadata of the client, a JSON object.
	Params *Tree `yaml:"params,omitempty"`
}

// RegisterDynamic is the one value of [Register].With.
const RegisterDynamic = "dynamic"

// Where the metadata of an authorization server is found.
const (
	wellKnownServer = "/.well-known/oauth-authorization-server"
	wellKnownOpenID = "/.well-known/openid-configuration"
)

// Registration is a connector's [Register] for one connection.
type Registration struct {
	// Endpoint is the registration endpoint; empty where it is to be found at Metadata.
	Endpoint string
	// Metadata is the URL of the authorization server's metadata, and Issuer what must be the issuer there. Both
	// are empty where there is an Endpoint.
	Metadata, Issuer string

	origins map[string]bool
}

// Registration fills the URLs of Register with the values of [Connector.AppValues]. It is nil for a connector
// without Register. An unfit value is an *[Error].
func (c *Connector) Registration(values Values) (*Registration, error) {
	if c.Register == nil {
		return nil, nil
	}
	f := filler{values: values, within: c.API.Within}
	r := &Registration{
		Endpoint: f.text("register.url", c.Register.URL),
		Metadata: f.text("register.metadata", c.Register.Metadata),
		origins:  map[string]bool{},
	}
	all := c.destinations()
	all["authorize.url"] = c.Authorize.URL
	for path, t := range all {
		if !slices.ContainsFunc(t.Names(), func(name string) bool { return !strings.HasPrefix(name, appPrefix) }) {
			if u := f.url(path, t); u != nil {
				r.origins[originOf(u)] = true
			}
		}
	}
	if err := join(f.errs); err != nil {
		return nil, err
	}
	if u, err := url.Parse(r.Metadata); err == nil && r.Metadata != "" {
		path, _ := issuerPath(u.EscapedPath())
		r.Issuer = u.Scheme + "://" + u.Host + path
	}
	return r, nil
}

// Allows tells whether a URL that the provider has named may be used: it is one that a file could have, and at one
// of the hosts of the connector's own URLs. The error does not repeat it.
func (r *Registration) Allows(raw string) error {
	u, err := parseURL(raw)
	if err != nil {
		return err
	}
	if !r.origins[originOf(u)] {
		return fmt.Errorf("is at host %.80q, which the connector does not name", u.Host)
	}
	return nil
}

// IsIssuer tells whether that is the issuer of the metadata. A slash at its end is not told by the metadata's URL.
func (r *Registration) IsIssuer(issuer string) bool {
	return issuer != "" && strings.TrimSuffix(issuer, "/") == r.Issuer
}

func originOf(u *url.URL) string { return u.Scheme + "://" + canonicalHost(u) }

// issuerPath is the path of the issuer whose metadata is at that path (RFC 8414 section 3, OpenID Connect
// Discovery section 4).
func issuerPath(path string) (string, bool) {
	if issuer, ok := strings.CutSuffix(path, wellKnownOpenID); ok {
		return issuer, true
	}
	for _, known := range []string{wellKnownServer, wellKnownOpenID} {
		if issuer, ok := strings.CutPrefix(path, known); ok && (issuer == "" || issuer[0] == '/') {
			return strings.TrimSuffix(issuer, "/"), true
		}
	}
	return "", false
}
