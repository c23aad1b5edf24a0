package inject_test

import (
	"net/http"
	"testing"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/inject"
)

const token = "tok-0123456789"

// one are the values of an account that has a token and nothing else.
var one = connectors.Values{"token": token}

func template(t testing.TB, text string) connectors.Template {
	t.Helper()
	parsed, err := connectors.ParseTemplate(text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func injection(t testing.TB, in, name, text string) connectors.Injection {
	t.Helper()
	return connectors.Injection{In: in, Name: name, Template: template(t, text)}
}

func header(t testing.TB, name, text string) connectors.Injection {
	t.Helper()
	return injection(t, connectors.InHeader, name, text)
}

func query(t testing.TB, name, text string) connectors.Injection {
	t.Helper()
	return injection(t, connectors.InQuery, name, text)
}

func basic(t testing.TB, user, password string) connectors.Injection {
	t.Helper()
	return connectors.Injection{
		In: connectors.InBasic, Basic: &connectors.Basic{User: template(t, user), Password: template(t, password)},
	}
}

// of is the injection for requests of a slot.
func of(slot string, in connectors.Injection) connectors.Injection {
	in.Slot = slot
	return in
}

// connector has an input of each kind: required, optional, secret, and secret and optional.
func connector(t testing.TB, headers map[string]string, in ...connectors.Injection) *connectors.Connector {
	t.Helper()
	c := &connectors.Connector{
		Name: "test",
		App:  []connectors.Input{{Name: "region"}, {Name: "agent", Optional: true}},
		Account: []connectors.Input{
			{Name: "org"}, {Name: "site", Optional: true}, {Name: "key", Secret: true}, {Name: "extra", Secret: true, Optional: true},
		},
	}
	c.Inject = in
	c.API.Headers = map[string]connectors.Template{}
	for name, text := range headers {
		c.API.Headers[name] = template(t, text)
	}
	return c
}

func compile(t testing.TB, c *connectors.Connector) *inject.Plan {
	t.Helper()
	p, err := inject.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func plan(t testing.TB, headers map[string]string, in ...connectors.Injection) *inject.Plan {
	t.Helper()
	return compile(t, connector(t, headers, in...))
}

func prepare(t testing.TB, p *inject.Plan, values connectors.Values) *inject.Prepared {
	t.Helper()
	c, err := p.Prepare(values)
	if err != nil {
		t.Fatal(err)
	}
	return &c
}

// apply is Prepare and Apply in one.
func apply(p *inject.Plan, r *http.Request, values connectors.Values) error {
	c, err := p.Prepare(values)
	if err != nil {
		return err
	}
	c.Apply(r)
	return nil
}

func request(t testing.TB, target string, h http.Header) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	if h != nil {
		r.Header = h
	}
	return r
}
