package inject_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestStripQuery(t *testing.T) {
	tests := []struct{ name, have, want string }{
		{"nothing to do", "a=%41&b=+%20&&c", "a=%41&b=+%20&&c"},
		{"alone", "key=mine", ""},
		{"first", "key=mine&a=%41", "a=%41"},
		{"middle", "a=%7e&key=mine&b=~", "a=%7e&b=~"},
		{"last", "a=1&key=mine", "a=1"},
		{"several", "key=1&a=%2F&key=2&b&key&key=", "a=%2F&b"},
		{"encoded name", "a=1&%6bey=mine", "a=1"},
		{"upper case", "a=1&KEY=mine", "a=1"},
		{"padded", "a=1&+key%20=mine", "a=1"},
		{"semicolon", "a=1;key=mine;b=2", "a=1;b=2"},
		{"both separators", "a=1;key=mine&b=2", "a=1&b=2"},
		{"bad escape elsewhere", "a=%zz&key=mine&b=%", "a=%zz&b=%"},
		{"empty pairs stay", "&key=mine&&b", "&&b"},
		{"bearer parameter", "access_token=mine&a=1", "a=1"},
		{"similar names stay", "keys=1&mykey=2&key2=3&a=key=x", "keys=1&mykey=2&key2=3&a=key=x"},
		{"value with the name stays", "q=key%3Dmine%26x", "q=key%3Dmine%26x"},
	}
	p := plan(t, nil, query(t, "key", "{token}"))
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := request(t, "https://api.example.com/", nil)
			r.URL.RawQuery = test.have
			original := r.URL
			p.Strip(r)
			if r.URL.RawQuery != test.want {
				t.Errorf("got %q, want %q", r.URL.RawQuery, test.want)
			}
			if original.RawQuery != test.have {
				t.Errorf("the original became %q", original.RawQuery)
			}
		})
	}
}

// H-02: names in Connection cannot make the next hop drop the injected header.
func TestStripConnection(t *testing.T) {
	tests := []struct {
		name       string
		have, want []string
	}{
		{"injected header", []string{"X-Api-Key"}, nil},
		{"framing", []string{"Host, Content-Length", "Content-Type, Cookie"}, nil},
		{"upgrade stays", []string{"Upgrade, X-Api-Key"}, []string{"Upgrade"}},
		{"close stays", []string{"authorization", " close "}, []string{"close"}},
		{"absent", nil, nil},
	}
	p := plan(t, nil, header(t, "X-Api-Key", "{token}"))
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := http.Header{"Content-Type": {"text/plain"}, "Content-Length": {"3"}}
			if test.have != nil {
				h["Connection"] = test.have
			}
			r := request(t, "https://api.example.com/", h)
			p.Strip(r)
			if err := apply(p, r, one); err != nil {
				t.Fatal(err)
			}
			want := http.Header{"Content-Type": {"text/plain"}, "Content-Length": {"3"}, "X-Api-Key": {token}}
			if test.want != nil {
				want["Connection"] = test.want
			}
			if diff := cmp.Diff(want, r.Header); diff != "" {
				t.Errorf("headers (-want +got):\n%s", diff)
			}
		})
	}
}

// FuzzStripQuery checks that no reading of the stripped query finds the parameter, and that a query
// without it is left alone.
func FuzzStripQuery(f *testing.F) {
	for _, seed := range []string{"a=1&key=x", "%6Bey=1;b", "&&;", "key", "a=%zz&KEY=", "=key&+key=1"} {
		f.Add(seed)
	}
	p := plan(f, nil, query(f, "key", "{token}"))
	f.Fuzz(func(t *testing.T, raw string) {
		r := &http.Request{Header: http.Header{}, URL: &url.URL{RawQuery: raw}}
		p.Strip(r)
		once := r.URL.RawQuery
		values, _ := url.ParseQuery(strings.ReplaceAll(once, ";", "&"))
		for name := range values {
			if strings.EqualFold(strings.TrimSpace(name), "key") {
				t.Errorf("%q became %q, which still has %q", raw, once, name)
			}
		}
		p.Strip(r)
		if r.URL.RawQuery != once {
			t.Errorf("%q became %q and then %q", raw, once, r.URL.RawQuery)
		}
		if len(once) > len(raw) {
			t.Errorf("%q grew to %q", raw, once)
		}
	})
}
