package connectors_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/connectors"
)

const depending = `
app:
  - {name: plan, enum: [free, team], default: free, normalize: [lower]}
  - {name: seat, pattern: "[0-9]+", default: "1", visible_when: {input: plan, equals: team}}
account:
  - {name: kind, enum: [key, password], optional: true, normalize: [trim]}
  - {name: key, secret: true, visible_when: {input: kind, equals: key}}
  - {name: user, pattern: "[a-z]+", example: ada, visible_when: {input: kind, in: [password]}}
  - {name: hint, pattern: "[a-z]+", optional: true, visible_when: {input: kind, equals: password}}
`

// An input is required, taken and filled only where it is asked for.
func TestVisibleWhen(t *testing.T) {
	c := decode(t, minimal+depending)
	const s3cret = "s3cret"
	for _, tt := range []struct {
		name  string
		given map[string]string
		want  connectors.Values
		err   string
	}{
		{"nothing is needed", nil, connectors.Values{}, ""},
		{"one", map[string]string{"kind": "key", "key": s3cret}, connectors.Values{"account.kind": "key", "account.key": s3cret}, ""},
		{"the other, as it is pasted", map[string]string{"kind": " password ", "user": "ada"}, connectors.Values{"account.kind": "password", "account.user": "ada"}, ""},
		{"with all", map[string]string{"kind": "password", "user": "ada", "hint": "x"}, connectors.Values{"account.kind": "password", "account.user": "ada", "account.hint": "x"}, ""},
		{"a blank one is none", map[string]string{"kind": "password", "user": "ada", "key": ""}, connectors.Values{"account.kind": "password", "account.user": "ada"}, ""},
		{"missing", map[string]string{"kind": "password"}, nil, "user: connector minimal needs this parameter; for example ada"},
		{"of another", map[string]string{"kind": "password", "user": "ada", "key": s3cret}, nil, "key: must be left out: connector minimal takes it only when kind is key"},
		{"of none", map[string]string{"user": "ada"}, nil, "user: must be left out: connector minimal takes it only when kind is password"},
		{"the other is not good", map[string]string{"kind": "x", "user": "ada"}, nil, `kind: value "x" is not one of key, password`},
		{"unfit", map[string]string{"kind": "password", "user": "1"}, nil, `user: value "1" does not match the pattern [a-z]+; for example ada`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := c.AccountValues(tt.given)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("AccountValues (-want +got):\n%s", diff)
			}
			if (err == nil) != (tt.err == "") || err != nil && (err.Error() != tt.err || strings.Contains(err.Error(), s3cret)) {
				t.Errorf("AccountValues: %v, want %q", err, tt.err)
			}
		})
	}
	for plan, want := range map[string]connectors.Values{
		"":     {"app.plan": "free"},
		"TEAM": {"app.plan": "team", "app.seat": "1"},
	} {
		got, err := c.AppValues(map[string]string{"plan": plan})
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("AppValues with plan %q: %v (-want +got):\n%s", plan, err, diff)
		}
	}
}

func TestAsked(t *testing.T) {
	c := decode(t, minimal+depending)
	for kind, want := range map[string]string{"": "kind", "x": "kind", "key": "kind key", " password": "kind user hint"} {
		var names []string
		for _, in := range connectors.Asked(c.Account, map[string]string{"kind": kind}) {
			names = append(names, in.Name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("with kind %q, %q is asked for, want %q", kind, got, want)
		}
	}
}

// An input of a way may depend on one that all ways have.
func TestVisibleWhenInWays(t *testing.T) {
	const file = `schema: 1
name: x
title: X
account: [{name: kind, enum: [key, password]}]
auth:
  - id: a
    title: A
    mode: static
    account: [{name: key, secret: true, visible_when: {input: KIND, equals: key}}]
    inject: [{in: header, name: X-Key, template: "{account.key}"}]
api: {base_url: "https://api.example.com"}
`
	if _, err := connectors.Decode("x.yaml", []byte(strings.Replace(file, "KIND", "kind", 1))); err != nil {
		t.Error(err)
	}
	_, err := connectors.Decode("x.yaml", []byte(strings.Replace(file, "KIND", "other", 1)))
	if want := "x.yaml:9: auth[0].account[0].visible_when.input: must name an input"; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("Decode: %v, want %q", err, want)
	}
}
