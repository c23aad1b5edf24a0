package inject_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/inject"
)

const (
	jsonType = "application/json"
	formType = "application/x-www-form-urlencoded"
)

func member(t testing.TB, name, text string) connectors.Injection {
	t.Helper()
	return injection(t, connectors.InBody, name, text)
}

func contentType(types ...string) http.Header { return http.Header{"Content-Type": types} }

func TestBody(t *testing.T) {
	tests := []struct{ name, kind, have, want string }{
		{"first member", jsonType, `{}`, `{"key":"K"}`},
		{"further member", jsonType, `{"a":1}`, `{"a":1,"key":"K"}`},
		{"bytes stay", jsonType, " {\r\n\t\"b\" : 1.50e+3 , \"a\":[ 1,{\"key\":\"x,}\"} ],\"t\":\"\\u00e9\\/<\\\"\"\n} \n", " {\r\n\t\"b\" : 1.50e+3 , \"a\":[ 1,{\"key\":\"x,}\"} ],\"t\":\"\\u00e9\\/<\\\"\"\n,\"key\":\"K\"} \n"},
		{"replaced alone", jsonType, `{ "key" : "mine" }`, `{"key":"K"}`},
		{"replaced first", jsonType, `{"key":{"a":[1,2]}, "a":1}`, `{ "a":1,"key":"K"}`},
		{"replaced in the middle", jsonType, `{"a":1,"key":["}"],"b":2}`, `{"a":1,"b":2,"key":"K"}`},
		{"replaced last", jsonType, `{"a":1,"key":null}`, `{"a":1,"key":"K"}`},
		{"escaped name", jsonType, `{"k\u0065y":"mine","a":1}`, `{"a":1,"key":"K"}`},
		{"other cases", jsonType, `{"Key":"mine","KEY":"mine","\u212aey":"mine"}`, `{"key":"K"}`},
		{"name with a quote", jsonType, `{"ke\"y":1,"key\\":2}`, `{"ke\"y":1,"key\\":2,"key":"K"}`},
		{"names with quotes", jsonType, `{"a\"":1,"b\"":2}`, `{"a\"":1,"b\"":2,"key":"K"}`},
		{"nested stays", jsonType, `{"a":{"key":"x","key":"y"}}`, `{"a":{"key":"x","key":"y"},"key":"K"}`},
		{"empty", jsonType, "", `{"key":"K"}`},
		{"space", jsonType, " \n", `{"key":"K"}`},
		{"empty object with space", jsonType, "{ \n}", `{"key":"K"}`},
		{"with parameters", jsonType + "; charset=UTF-8", `{"a":"é"}`, `{"a":"é","key":"K"}`},
		{"form", formType, "a=%41+b&c", "a=%41+b&c&key=K"},
		{"form replaced", "Application/X-WWW-Form-Urlencoded", "key=mine&a=1;KEY=x&%6bey=y", "a=1&key=K"},
		{"empty form", formType, "", "key=K"},
		{"form beyond ASCII", formType, "a=é", "a=é&key=K"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := plan(t, nil, member(t, "key", "{account.key}"))
			if !p.NeedsBody() {
				t.Error("it does not need the body")
			}
			have := []byte(test.have)
			got, err := prepare(t, p, connectors.Values{"account.key": "K"}).Body("", contentType(test.kind), have)
			if err != nil || string(got) != test.want {
				t.Errorf("got  %s (%v)\nwant %s", got, err, test.want)
			}
			if string(have) != test.have {
				t.Errorf("the original became %s", have)
			}
		})
	}
}

func TestBodyValueIsQuoted(t *testing.T) {
	const key = `"},"admin":"&b=é\ %`
	c := prepare(t, plan(t, nil, member(t, "key", "{account.key}"), member(t, "k&y", "{token}")), connectors.Values{"account.key": key, "token": "t"})
	got, err := c.Body("", contentType(jsonType), nil)
	var object map[string]string
	if err != nil || json.Unmarshal(got, &object) != nil || len(object) != 2 || object["key"] != key || object["k&y"] != "t" {
		t.Errorf("got %s (%v), want the members key and k&y alone", got, err)
	}
	got, err = c.Body("", contentType(formType), nil)
	if want := "key=%22%7D%2C%22admin%22%3A%22%26b%3D%C3%A9%5C+%25&k%26y=t"; err != nil || string(got) != want {
		t.Errorf("got  %s (%v)\nwant %s", got, err, want)
	}
}

func TestBodyRefuses(t *testing.T) {
	tests := []struct {
		name string
		h    http.Header
		body string
	}{
		{"no type", nil, "{}"},
		{"no type and no body", nil, ""},
		{"text", contentType("text/plain"), "{}"},
		{"several parts", contentType("multipart/form-data; boundary=x"), "--x--"},
		{"JSON of another kind", contentType("application/vnd.api+json"), "{}"},
		{"two types", contentType(jsonType, formType), "{}"},
		{"two types in one", contentType(jsonType + ", text/plain"), "{}"},
		{"charset", contentType(jsonType + "; charset=utf-16"), "{}"},
		{"compressed", http.Header{"Content-Type": {formType}, "Content-Encoding": {"gzip"}}, "a=1"},
		{"compressed twice", http.Header{"Content-Type": {jsonType}, "Content-Encoding": {"identity", "br"}}, "{}"},
		{"list", contentType(jsonType), `["key"]`},
		{"text in JSON", contentType(jsonType), `"key"`},
		{"half", contentType(jsonType), `{"a":1`},
		{"two documents", contentType(jsonType), `{}{}`},
		{"lines of documents", contentType(jsonType), "{}\n{}"},
		{"byte order mark", contentType(jsonType), "\ufeff{}"},
		{"not UTF-8", contentType(jsonType), "{\"k\xffey\":1}"},
		{"comment", contentType(jsonType), `{/*"*/}`},
		{"too deep", contentType(jsonType), `{"a":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`},
		{"two of one name", contentType(jsonType), `{"a":1,"\u0061":2}`},
		{"the member twice", contentType(jsonType), `{"key":1,"key":2}`},
		{"form with a line break", contentType(formType), "a=1\r\nkey=mine"},
		{"form that is compressed", contentType(formType), "\x1f\x8b\x08\x00"},
		{"form that is not UTF-8", contentType(formType), "a=\xff"},
	}
	c := prepare(t, plan(t, nil, member(t, "key", "{token}")), one)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := c.Body("", test.h, []byte(test.body))
			if got != nil || !errors.Is(err, inject.ErrBody) {
				t.Errorf("got %q and %v, want ErrBody alone", got, err)
			}
		})
	}
}

// The body of a request is not touched where the credential does not go there.
func TestBodyIsNotNeeded(t *testing.T) {
	p := plan(t, nil)
	got, err := prepare(t, p, one).Body("", contentType("text/plain"), []byte("x"))
	if p.NeedsBody() || err != nil || string(got) != "x" {
		t.Errorf("got %t, %q and %v", p.NeedsBody(), got, err)
	}
}

// Each slot has its own members, and the caller may send none of them.
func TestBodyOfSlots(t *testing.T) {
	p := slotted(t, header(t, "X-Key", "{token}"), of("user", member(t, "user_token", "{token}")), of("bot", member(t, "bot_token", "{token}")))
	c := prepare(t, p, connectors.Values{"token": "t", "token.user": "u"})
	const have = `{"user_token":"mine","a":1,"bot_token":"mine"}`
	for slot, want := range map[string]string{"": `{"a":1}`, "user": `{"a":1,"user_token":"u"}`} {
		got, err := c.Body(slot, contentType(jsonType), []byte(have))
		if err != nil || string(got) != want {
			t.Errorf("slot %q: got %s (%v), want %s", slot, got, err, want)
		}
	}
	if got, err := c.Body("bot", contentType(jsonType), []byte(have)); got != nil || !errors.Is(err, inject.ErrNoToken) {
		t.Errorf("got %s and %v, want that there is no token", got, err)
	}
	if got, err := c.Body("", nil, nil); len(got) != 0 || err != nil {
		t.Errorf("got %q and %v, want a request without body as it is", got, err)
	}
	if _, err := c.Body("", contentType("multipart/form-data; boundary=x"), []byte("x")); !errors.Is(err, inject.ErrBody) {
		t.Errorf("got %v, want ErrBody: nobody knows what is in it", err)
	}
}

// FuzzBody checks that a JSON body has our member once, keeps all others byte by byte and in order,
// and that doing it twice is doing it once.
func FuzzBody(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"a":1,"key":"x","b":[{"key":2}]}`, ` {"k\u0065y" : "}" , "\\":"\"" } `, `{"a":1,"a":2}`, `{"KEY":1}`, `[]`, `{"a":"\ud800"}`, `{"":{"":[]}}`, `{"a":[1,{"b":3,"key":2}],"c":{}}`,
	} {
		f.Add([]byte(seed))
	}
	c := prepare(f, plan(f, nil, member(f, "key", "{token}")), one)
	f.Fuzz(func(t *testing.T, doc []byte) {
		got, err := c.Body("", contentType(jsonType), doc)
		if err != nil {
			return
		}
		have, kept := readMembers(t, doc), readMembers(t, got)
		if len(kept) == 0 || kept[len(kept)-1] != [2]string{"key", `"` + token + `"`} {
			t.Fatalf("%q became %q: our member is not the last", doc, got)
		}
		rest := kept[:len(kept)-1]
		for _, m := range have {
			if strings.EqualFold(m[0], "key") {
				continue
			}
			if len(rest) == 0 || rest[0] != m {
				t.Fatalf("%q became %q: %q is lost", doc, got, m)
			}
			rest = rest[1:]
		}
		if len(rest) > 0 {
			t.Fatalf("%q became %q: where is %q from?", doc, got, rest)
		}
		if again, err := c.Body("", contentType(jsonType), got); err != nil || string(again) != string(got) {
			t.Errorf("%q became %q and then %q (%v)", doc, got, again, err)
		}
	})
}

// readMembers reads an object with the standard library: names, and values as they stand there.
func readMembers(t *testing.T, doc []byte) (members [][2]string) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(string(doc)))
	if len(strings.Trim(string(doc), " \t\r\n")) == 0 {
		return nil
	}
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		t.Fatalf("%q is not an object: %v", doc, err)
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			t.Fatalf("%q: %v", doc, err)
		}
		members = append(members, [2]string{name.(string), string(value)})
	}
	return members
}
