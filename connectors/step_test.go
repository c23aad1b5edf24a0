package connectors_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/connectors"
)

var stepTime = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// request decodes a step's request. {account.a} and {account.b} are declared, and {account.b} is optional.
func request(t *testing.T, yaml string) connectors.Request {
	t.Helper()
	c, err := connectors.Decode("login.yaml", []byte(`
schema: 1
name: login
title: Login
mode: login
account: [{name: a, secret: true}, {name: b, secret: true, optional: true}]
steps:
  - request: {url: https://api.example.com/login, `+yaml+`}
    response: {}
api: {base_url: https://api.example.com}
`))
	if err != nil {
		t.Fatal(err)
	}
	return c.Steps[0].Request
}

func TestTreeJSON(t *testing.T) {
	values := connectors.Values{"account.a": `x"}, <&>` + "\n", "client_id": "id"}
	tests := []struct{ name, yaml, want string }{
		{"object", `{z: "1", a: {b: c}}`, `{"a":{"b":"c"},"z":"1"}`},
		{"empty object and list", `{a: {}, b: []}`, `{"a":{},"b":[]}`},
		{"list", `[a, [b], {c: d}]`, `["a",["b"],{"c":"d"}]`},
		{"literals", `{a: 1, b: -1.5, c: true, d: false, e: 12345678901234567890, f: "1", g: "true"}`, `{"a":1,"b":-1.5,"c":true,"d":false,"e":12345678901234567890,"f":"1","g":"true"}`},
		{"text alone", `"{client_id}"`, `"id"`},
		{"a value ends nothing", `{a: ["<{account.a}>"]}`, `{"a":["\u003cx\"}, \u003c\u0026\u003e\n\u003e"]}`},
		{"names of members are no templates", `{"{account.a}": "{{x}}"}`, `{"{account.a}":"{x}"}`},
		{"the time", `{at: '{now("rfc3339")}'}`, `{"at":"2026-03-04T05:06:07Z"}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := request(t, "json: "+test.yaml).JSON.JSON(values, stepTime)
			if err != nil || string(got) != test.want {
				t.Errorf("got  %s, %v\nwant %s", got, err, test.want)
			}
		})
	}
}

func TestTreeJSONErrors(t *testing.T) {
	for _, yaml := range []string{`{a: "{account.a}"}`, `{a: [x, "{account.a}"]}`, `{a: {b: "{account.a}"}}`, `"{account.a}"`} {
		for _, value := range []string{"", "canary\xff"} {
			got, err := request(t, "json: "+yaml).JSON.JSON(connectors.Values{"account.a": value}, stepTime)
			if err == nil || got != nil || strings.Contains(err.Error(), "canary") {
				t.Errorf("%s with %q: got %s, %v; want an error without the value", yaml, value, got, err)
			}
		}
	}
}

func TestTreeWithout(t *testing.T) {
	tree := request(t, `json: {a: "{account.a}", b: "{account.b}", c: {d: "{account.b}", e: [{f: "{account.b}", g: 1}]}}`).JSON
	left := func(t connectors.Template) bool { return strings.Contains(t.String(), "account.b") }
	values := connectors.Values{"account.a": "x", "account.b": "y"}
	got, err := tree.Without(left).JSON(values, stepTime)
	if want := `{"a":"x","c":{"e":[{"g":1}]}}`; err != nil || string(got) != want {
		t.Errorf("got  %s, %v\nwant %s", got, err, want)
	}
	got, err = tree.JSON(values, stepTime)
	if want := `{"a":"x","b":"y","c":{"d":"y","e":[{"f":"y","g":1}]}}`; err != nil || string(got) != want {
		t.Errorf("the tree was changed: got %s, %v", got, err)
	}
	text := request(t, `json: "{account.a}"`).JSON
	if got, err := text.Without(func(connectors.Template) bool { return true }).JSON(values, stepTime); err != nil || string(got) != `"x"` {
		t.Errorf("got %s, %v; text that is no member stays", got, err)
	}
}

func TestRequestNames(t *testing.T) {
	tests := []struct {
		yaml string
		want []string
	}{
		{"method: GET", nil},
		{`headers: {X-A: "{account.b}"}, query: {q: "{account.a}"}`, []string{"account.a", "account.b"}},
		{`basic: {user: "{client_id}", password: "{client_secret}"}`, []string{"client_id", "client_secret"}},
		{`form: {a: "{b64(account.a, account.a)}"}`, []string{"account.a"}},
		{`json: {a: ["{account.a}", {b: "{client_id}"}]}`, []string{"account.a", "client_id"}},
		{`text: "<a>{account.a}</a>", content_type: text/xml`, []string{"account.a"}},
	}
	for _, test := range tests {
		if diff := cmp.Diff(test.want, request(t, test.yaml).Names()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.yaml, diff)
		}
	}
}

func TestTemplateExpandXML(t *testing.T) {
	values := connectors.Values{"account.a": `</p><x y="'&` + "\x00", "account.b": "b"}
	got, err := parse(t, `<p a="{account.a}" b='{account.b}'>{b64(account.b)} & {now("unix")}</p>`).ExpandXML(values, stepTime)
	if want := `<p a="&lt;/p&gt;&lt;x y=&#34;&#39;&amp;` + "\ufffd" + `" b='b'>Yg== & 1772600767</p>`; err != nil || got != want {
		t.Errorf("got  %q, %v\nwant %q", got, err, want)
	}
	// What a function makes of a value is escaped, not what it is given.
	got, err = parse(t, `{urlencode(account.a)}{lower(account.a)}`).ExpandXML(connectors.Values{"account.a": "&A"}, stepTime)
	if want := "%26A&amp;a"; err != nil || got != want {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
	if got, err := parse(t, "<p>{account.c}</p>").ExpandXML(values, stepTime); err == nil || got != "" {
		t.Errorf("got %q, %v; want an error", got, err)
	}
}
