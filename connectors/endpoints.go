package connectors

import (
	"maps"
	"net/url"
	"slices"
	"strings"
)

// Endpoints are a connector's URLs for one connection or account, checked and without names left in them.
// They do not change and may be used by several goroutines.
type Endpoints struct {
	// Those that the connector has not are empty, and those that name what was not captured yet.
	Authorize, Issuer, RequestToken, Device, Token, Introspect string
	// Refresh is the token endpoint unless the connector has another one for refreshes.
	Refresh string
	// Bases are the API's base URLs by name, without trailing slash; the default one is under "". Those
	// that name what was not captured yet are not among them.
	Bases map[string]*url.URL
	// Hosts are the lower-case host[:port] of all bases and of api.hosts. The port is left out when
	// it is the scheme's own.
	Hosts map[string]bool

	revoke Template
	values Values
	within []string
}

// PerAccount tells whether the connector's URLs name values of an account, so that each account has
// endpoints of its own.
func (c *Connector) PerAccount() bool {
	for _, t := range c.urls() {
		for _, name := range t.Names() {
			if strings.HasPrefix(name, accountPrefix) || strings.HasPrefix(name, capturedPrefix) {
				return true
			}
		}
	}
	return false
}

// urls are all templates of URLs.
func (c *Connector) urls() []Template {
	list := []Template{
		c.Authorize.URL, c.Authorize.Issuer, c.Authorize.RequestURL, c.Token.URL, c.Refresh.URL, c.API.BaseURL,
	}
	if c.Device != nil {
		list = append(list, c.Device.URL)
	}
	if c.Introspect != nil {
		list = append(list, c.Introspect.URL)
	}
	if c.Revoke != nil {
		list = append(list, c.Revoke.URL)
	}
	for _, base := range c.API.Bases {
		list = append(list, base)
	}
	for _, s := range c.Steps {
		list = append(list, s.Request.URL)
	}
	return list
}

// Endpoints fills the connector's URL templates with the values of [Connector.AppValues],
// [Connector.AccountValues] and what was captured. An unfit or missing value is an *[Error], but for
// a captured one that is not there yet.
func (c *Connector) Endpoints(values Values) (*Endpoints, error) {
	f := filler{values: values, within: c.API.Within}
	e := &Endpoints{
		Authorize:    f.text("authorize.url", c.Authorize.URL),
		Issuer:       f.text("authorize.issuer", c.Authorize.Issuer),
		RequestToken: f.text("authorize.request_url", c.Authorize.RequestURL),
		Token:        f.text("token.url", c.Token.URL),
		Refresh:      f.text("refresh.url", c.Refresh.URL),
		Bases:        map[string]*url.URL{},
		Hosts:        map[string]bool{},
		values:       values,
		within:       c.API.Within,
	}
	if c.Refresh.URL.IsZero() {
		e.Refresh = e.Token
	}
	f.base(e.Bases, "", "api.base_url", c.API.BaseURL)
	for _, name := range slices.Sorted(maps.Keys(c.API.Bases)) {
		f.base(e.Bases, name, "api.bases."+name, c.API.Bases[name])
	}
	if c.Device != nil {
		e.Device = f.text("device.url", c.Device.URL)
	}
	if c.Introspect != nil {
		e.Introspect = f.text("introspect.url", c.Introspect.URL)
	}
	if c.Revoke != nil {
		e.revoke = c.Revoke.URL
		if _, err := e.RevokeURL("x"); err != nil && !f.waits(c.Revoke.URL) {
			f.fail("revoke.url", err)
		}
	}
	if err := join(f.errs); err != nil {
		return nil, err
	}
	for _, u := range e.Bases {
		e.Hosts[canonicalHost(u)] = true
	}
	for _, h := range c.API.Hosts {
		e.Hosts[strings.TrimSuffix(h, ":443")] = true
	}
	return e, nil
}

// Fill fills a URL template of the connector's steps.
func (e *Endpoints) Fill(t Template, values Values) (*url.URL, error) {
	return t.expandURL(values, e.within)
}

// RevokeURL returns the revocation endpoint for the OAuth client with that ID, or the empty string
// when the connector has none.
func (e *Endpoints) RevokeURL(clientID string) (string, error) {
	if e.revoke.IsZero() {
		return "", nil
	}
	v := Values{nameClientID: clientID}
	maps.Copy(v, e.values)
	u, err := e.revoke.expandURL(v, e.within)
	if err != nil {
		return "", err
	}
	return u.String(), nil
}
