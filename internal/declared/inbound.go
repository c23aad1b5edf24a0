package declared

import (
	"cmp"
	"net/url"
)

// Arrival is a browser whose user has installed the app at the provider, and was not sent there.
type Arrival struct {
	// URL is where the provider sends it.
	URL string
	// Told are the parameters that the app may have of it; nil where there are no such installs, and the client has
	// to refuse the browser.
	Told map[string]string
}

// Arrive is an install that begins at the provider. There is a code with it, which nobody may take.
func (p *Provider) Arrive() Arrival {
	c := p.connector
	q := url.Values{cmp.Or(c.Callback.CodeParam, "code"): {"code-of-nobody"}, "unasked": {"1"}}
	for _, param := range c.Callback.Capture {
		q.Set(param, "captured-of-nobody")
	}
	a := Arrival{}
	if c.Install.Inbound {
		a.Told = map[string]string{}
	}
	for _, name := range c.Install.Pass {
		a.Told[name] = name + " of nobody+/=&#"
		q.Set(name, a.Told[name])
	}
	a.URL = p.client.RedirectURI + "?" + q.Encode()
	return a
}
