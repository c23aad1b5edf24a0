package inject_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/inject"
)

func TestNewRefuses(t *testing.T) {
	good := header(t, "X-Key", "{token}")
	tests := []struct {
		name    string
		in      []connectors.Injection
		headers map[string]string
		slots   []connectors.Slot
		want    string
	}{
		{name: "no name", in: []connectors.Injection{header(t, "X-Key", "constant")}, want: "must have a name in it"},
		{name: "time alone", in: []connectors.Injection{query(t, "at", `{now("unix")}`)}, want: "must have a name in it"},
		{name: "refresh token", in: []connectors.Injection{header(t, "X-Key", "{token}{refresh_token}")}, want: "{refresh_token} must not be sent"},
		{name: "client secret", in: []connectors.Injection{basic(t, "{client_id}", "{client_secret}")}, want: "{client_secret} must not be sent"},
		{name: "assertion", in: []connectors.Injection{query(t, "a", "{b64(assertion)}")}, want: "{assertion} must not be sent"},
		{name: "line break", in: []connectors.Injection{header(t, "X-Key", "a\r\nX-Evil: {token}")}, want: "one line"},
		{name: "line break in a half", in: []connectors.Injection{basic(t, "a\n", "{token}")}, want: "one line"},
		{name: "not ASCII in a header", in: []connectors.Injection{header(t, "X-Key", "clé {token}")}, want: "printable ASCII"},
		{name: "no header name", in: []connectors.Injection{header(t, "X Key", "{token}")}, want: "not a header name"},
		{name: "framing header", in: []connectors.Injection{header(t, "transfer-encoding", "{token}")}, want: "cannot be set"},
		{name: "host", in: []connectors.Injection{header(t, "host", "{token}")}, want: "cannot be set"},
		{name: "all cookies", in: []connectors.Injection{header(t, "cookie", "a={token}")}, want: "cannot be set"},
		{name: "no cookie name", in: []connectors.Injection{injection(t, connectors.InCookie, "a b", "{token}")}, want: "not a cookie name"},
		{name: "unknown place", in: []connectors.Injection{injection(t, "trailer", "x", "{token}")}, want: `unknown place "trailer"`},
		{name: "no parameter name", in: []connectors.Injection{query(t, "", "{token}")}, want: "has no name"},
		{name: "no member name", in: []connectors.Injection{injection(t, connectors.InBody, "", "{token}")}, want: "has no name"},
		{name: "no halves", in: []connectors.Injection{{In: connectors.InBasic}}, want: "are missing"},
		{name: "twice", in: []connectors.Injection{good, header(t, "x-key", "{account.key}")}, want: "is there twice"},
		{name: "authorization twice", in: []connectors.Injection{basic(t, "{token}", ""), header(t, "authorization", "{token}")}, want: "is there twice"},
		{name: "unknown slot", in: []connectors.Injection{good, of("bot", good)}, want: "slot bot is not declared"},
		{name: "slots only", in: []connectors.Injection{of("bot", good)}, slots: []connectors.Slot{{Name: "bot"}}, want: "all injections have a slot"},
		{name: "default header", headers: map[string]string{"A": "b\nc"}, want: "header A"},
		{name: "default framing header", headers: map[string]string{"Host": "x"}, want: "cannot be set"},
		{name: "token by default", headers: map[string]string{"A": "{token}"}, want: "{token} must not be sent"},
		{name: "slot by default", headers: map[string]string{"A": "{token.bot}"}, want: "{token.bot} must not be sent"},
		{name: "secret by default", headers: map[string]string{"A": "{account.key}"}, want: "{account.key} must not be sent"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := connector(t, test.headers, test.in...)
			c.API.Slots = test.slots
			p, err := inject.New(c)
			if err == nil || p != nil {
				t.Fatalf("got %v and %v, want an error alone", p, err)
			}
			if !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), "connector test: ") {
				t.Errorf("got %q, want %q in it, and the connector", err, test.want)
			}
		})
	}
}

// A connector whose requests carry no credential, or are signed, has a plan all the same.
func TestNothingToInject(t *testing.T) {
	none := connector(t, map[string]string{"X-Version": "1"})
	none.Mode = connectors.ModeNone
	signed := connector(t, map[string]string{"X-Version": "1"})
	signed.Signer = &connectors.Signer{Kind: connectors.SignerSigV4}
	for name, c := range map[string]*connectors.Connector{"none": none, "signed": signed} {
		t.Run(name, func(t *testing.T) {
			p := compile(t, c)
			r := request(t, "https://api.example.com/?access_token=mine&a=1", map[string][]string{
				"Authorization": {"Bearer mine"}, "Cookie": {"a=b"}, "Accept": {"x/y"},
			})
			p.Strip(r)
			if err := apply(p, r, nil); err != nil {
				t.Fatal(err)
			}
			if got := slices.Sorted(maps.Keys(r.Header)); !slices.Equal(got, []string{"Accept", "X-Version"}) {
				t.Errorf("got the headers %v", got)
			}
			if got := r.URL.String(); got != "https://api.example.com/?a=1" {
				t.Errorf("got %s", got)
			}
			if p.NeedsBody() {
				t.Error("it needs the body")
			}
		})
	}
}

// The header is another one for each request though there are no values.
func TestVolatileWithoutValues(t *testing.T) {
	c := connector(t, map[string]string{"X-Request-Id": "{uuid()}"})
	c.Mode = connectors.ModeNone
	credential := prepare(t, compile(t, c), nil)
	seen := map[string]bool{}
	for range 3 {
		r := request(t, "https://api.example.com/", nil)
		credential.Apply(r)
		seen[r.Header.Get("X-Request-Id")] = true
	}
	if len(seen) != 3 || seen[""] {
		t.Errorf("got %v, want three different texts", seen)
	}
}

func TestCatalogue(t *testing.T) {
	catalogue, err := connectors.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range catalogue.All() {
		ways := []string{""}
		for _, w := range c.Ways {
			ways = append(ways, w.ID)
		}
		for _, id := range ways {
			way, _ := c.Way(id)
			if _, err := inject.New(way); err != nil {
				t.Errorf("%s, way %q: %v", c.Name, id, err)
			}
		}
	}
}
