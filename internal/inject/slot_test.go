package inject_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/inject"
)

// slotted has the slots bot and user, and that of the token itself.
func slotted(t testing.TB, in ...connectors.Injection) *inject.Plan {
	t.Helper()
	c := connector(t, nil, in...)
	c.API.Slots = []connectors.Slot{
		{Name: "user", Paths: []string{"/api/search", "/api/admin/"}},
		{Name: "bot"},
		{Name: "token", Paths: []string{"/api"}},
	}
	return compile(t, c)
}

func TestSlot(t *testing.T) {
	p := slotted(t)
	tests := []struct{ path, wanted, want string }{
		{"/files", "", ""},
		{"/api/search", "", "user"},
		{"/api/search/all", "", "user"},
		{"/api/admin", "", "user"},
		{"/api/admin/", "", "user"},
		{"/api/searching", "", "token"},
		{"/api", "", "token"},
		{"/apis", "", ""},
		{"/x/api/search", "", ""},
		{"", "", ""},
		{"/api/search", "bot", "bot"},
		{"/api/search", "token", "token"},
		{"/files", "user", "user"},
	}
	for _, test := range tests {
		if got, err := p.Slot(test.path, test.wanted); got != test.want || err != nil {
			t.Errorf("%q, wanted %q: got %q and %v, want %q", test.path, test.wanted, got, err, test.want)
		}
	}
	all := connector(t, nil)
	all.API.Slots = []connectors.Slot{{Name: "user", Paths: []string{"/"}}}
	if got, err := compile(t, all).Slot("/x", ""); got != "user" || err != nil {
		t.Errorf("got %q and %v, want that / holds every path", got, err)
	}
}

func TestUnknownSlot(t *testing.T) {
	for want, p := range map[string]*inject.Plan{
		"the connector has no such slot: it has user, bot, token": slotted(t),
		"the connector has no such slot: it has none":             plan(t, nil),
	} {
		for _, wanted := range []string{"root", "USER", "user "} {
			if got, err := p.Slot("/api/search", wanted); got != "" || !errors.Is(err, inject.ErrUnknownSlot) || err.Error() != want {
				t.Errorf("%q: got %q and %v, want %s", wanted, got, err, want)
			}
			r := request(t, "https://api.example.com/", nil)
			c := prepare(t, p, one)
			if err := c.ApplySlot(r, wanted); !errors.Is(err, inject.ErrUnknownSlot) || len(r.Header) != 0 {
				t.Errorf("%q: got %v and %v", wanted, err, r.Header)
			}
			if _, err := c.Body(wanted, nil, nil); !errors.Is(err, inject.ErrUnknownSlot) {
				t.Errorf("%q: got %v for the body", wanted, err)
			}
		}
	}
}

func TestApplySlot(t *testing.T) {
	both := connectors.Values{"token": "t", "token.user": "u", "token.bot": "b", "token.token": "never", "account.key": "k"}
	bearer := header(t, "Authorization", "Bearer {token}")
	tests := []struct {
		name    string
		in      []connectors.Injection
		slot    string
		values  connectors.Values
		want    http.Header
		missing string
	}{
		{name: "none", values: both, want: http.Header{"Authorization": {"Bearer t"}}},
		{name: "user", values: both, slot: "user", want: http.Header{"Authorization": {"Bearer u"}}},
		{name: "the token itself", values: both, slot: "token", want: http.Header{"Authorization": {"Bearer t"}}},
		{
			name: "one of its own beside", values: both, in: []connectors.Injection{bearer, of("user", header(t, "X-User", "{account.key}"))},
			slot: "user", want: http.Header{"Authorization": {"Bearer u"}, "X-User": {"k"}},
		},
		{
			name: "that of another", values: both, in: []connectors.Injection{bearer, of("user", header(t, "X-User", "{account.key}"))},
			slot: "bot", want: http.Header{"Authorization": {"Bearer b"}},
		},
		{
			name: "that of another without", values: both, in: []connectors.Injection{bearer, of("user", header(t, "X-User", "{account.key}"))},
			want: http.Header{"Authorization": {"Bearer t"}},
		},
		{
			name: "one of its own in place", values: both, in: []connectors.Injection{bearer, of("user", basic(t, "{token}", "{token.bot}"))},
			slot: "user", want: http.Header{"Authorization": {"Basic dTpi"}},
		},
		{
			name: "named", values: both, in: []connectors.Injection{header(t, "Authorization", "{token.bot}"), header(t, "X-Key", "{token}")},
			slot: "user", want: http.Header{"Authorization": {"b"}, "X-Key": {"u"}},
		},
		{
			name: "without token", in: []connectors.Injection{bearer, of("user", header(t, "Authorization", "Key {account.key}"))},
			slot: "user", values: connectors.Values{"token": "t", "account.key": "k"}, want: http.Header{"Authorization": {"Key k"}},
		},
		{
			name: "the token itself is missing", in: []connectors.Injection{header(t, "X-Key", "{account.key}"), of("token", bearer)},
			slot: "token", values: connectors.Values{"account.key": "k", "token.token": "never"}, missing: "no credential to inject: there is no value for {token}",
		},
		{name: "nothing at all", in: []connectors.Injection{header(t, "X-Key", "{account.extra}")}, slot: "user", values: connectors.Values(nil), want: http.Header{}},
		{name: "missing", slot: "bot", values: connectors.Values{"token": "t", "token.user": "u"}, missing: "no credential to inject: there is no value for {token.bot}"},
		{name: "bad", slot: "bot", values: connectors.Values{"token": "t", "token.bot": "b\n"}, missing: "the credential cannot be sent where it goes: header Authorization: a token is visible ASCII without spaces"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := slotted(t, test.in...)
			c := prepare(t, p, test.values)
			r := request(t, "https://api.example.com/", nil)
			err := c.ApplySlot(r, test.slot)
			if test.missing != "" {
				if err == nil || err.Error() != test.missing || len(r.Header) != 0 {
					t.Errorf("got %v and %v, want %s", err, r.Header, test.missing)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, r.Header); diff != "" {
				t.Errorf("headers (-want +got):\n%s", diff)
			}
		})
	}
}

// What goes on requests of one slot is not the caller's to send in another.
func TestStripsAllSlots(t *testing.T) {
	p := slotted(t, header(t, "X-Key", "{token}"), of("user", header(t, "X-User", "{token}")), of("bot", query(t, "bot", "{token}")))
	r := request(t, "https://api.example.com/?bot=mine&a=1", http.Header{"X-User": {"mine"}, "X-Key": {"mine"}, "Accept": {"x/y"}})
	p.Strip(r)
	prepare(t, p, one).Apply(r)
	if diff := cmp.Diff(http.Header{"X-Key": {token}, "Accept": {"x/y"}}, r.Header); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
	if r.URL.RawQuery != "a=1" {
		t.Errorf("got the query %s", r.URL.RawQuery)
	}
}
