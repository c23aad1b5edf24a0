package connectors

import "net/url"

// RefusesRedirect tells whether the provider takes no redirect URI like that: see [Callback].Local.
func (c *Connector) RefusesRedirect(uri string) bool {
	return c.WantsPublicRedirect() && LocalRedirect(uri)
}

// WantsPublicRedirect tells whether the provider takes redirect URIs with https and a public name only.
func (c *Connector) WantsPublicRedirect() bool {
	return c.Mode.Consents() && c.Callback.Local != nil && !*c.Callback.Local
}

// LocalRedirect tells whether a redirect URI has http, or leads to the machine that the browser runs on.
func LocalRedirect(uri string) bool {
	u, err := url.Parse(uri)
	return err == nil && u.Host != "" && (u.Scheme != "https" || loopback(lowerASCII(u.Hostname())))
}
