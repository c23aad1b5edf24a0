package connection_test

import (
	"io"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/vault"
)

// A request of the connector's own has its headers in place of the usual ones, and none in the credential's place.
func TestRequestHeaders(t *testing.T) {
	const yaml = `
schema: 1
name: asks
title: Asks
account:
  - {name: key, secret: true}
  - {name: team, pattern: .+}
  - {name: gone, pattern: .+, optional: true}
  - {name: kind, enum: [person, robot], default: person}
  - {name: robot, pattern: .+, visible_when: {input: kind, equals: robot}}
mode: static
inject: [{in: header, name: X-Key, template: "{account.key}"}]
api: {base_url: "https://api.example.com/v1", headers: {X-Version: "1", X-Other: "1"}}
verify:
  method: POST
  path: /me
  json: {a: b, team: "{account.team}", gone: "{account.gone}", more: [{robot: "{account.robot}"}]}
  content_type: application/x-amz-json-1.1
  headers: {X-Version: "2", X-Team: "{account.team}", X-Gone: "{account.gone}", X-Robot: "{account.robot}", User-Agent: own}
`
	k, err := connectors.Decode("asks.yaml", []byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	all, err := connection.New(vault.Connection{Name: "asks", Connector: "asks"}, (*connectors.Catalog)(nil).With(k))
	if err != nil {
		t.Fatal(err)
	}
	c, err := all.For(vault.NewSecrets(map[string]string{"key": "canary-key", "team": "red"}), nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.Request(t.Context(), k.Verify.Ask, vault.Secret{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"X-Key": "canary-key", "X-Version": "2", "X-Other": "1", "X-Team": "red", "X-Gone": "", "X-Robot": "", "User-Agent": "own",
		"Content-Type": "application/x-amz-json-1.1", "Accept": "application/json",
	} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if body, err := io.ReadAll(r.Body); err != nil || string(body) != `{"a":"b","more":[{}],"team":"red"}` {
		t.Errorf("the body is %q, %v", body, err)
	}
	if c, err = all.For(vault.NewSecrets(map[string]string{"key": "canary-key", "team": "r\u00f6t"}), nil); err != nil {
		t.Fatal(err)
	}
	if r, err := c.Request(t.Context(), k.Verify.Ask, vault.Secret{}, nil); err == nil || r != nil {
		t.Errorf("a value that is not ASCII: %v", err)
	} else if strings.Contains(err.Error(), "r\u00f6t") {
		t.Errorf("the error shows the value: %v", err)
	}
}
