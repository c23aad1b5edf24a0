package caddymodule

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/broker"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/vault"
)

// What discovery has not found is named; nothing is sent without it.
func TestUndiscovered(t *testing.T) {
	k, err := connectors.Decode("tenants.yaml", []byte(`schema: 1
name: tenants
title: Tenants
account: [{name: key, secret: true}]
mode: static
inject:
  - {in: header, name: X-Key, template: "{account.key}"}
  - {in: header, name: X-Tenant, template: "{captured.tenant}"}
discover: [{path: /tenants, id: id, into: tenant}]
api: {base_url: "https://api.example.com"}
`))
	if err != nil {
		t.Fatal(err)
	}
	all, err := connection.New(vault.Connection{Name: "tenants", Connector: "tenants"}, (*connectors.Catalog)(nil).With(k))
	if err != nil {
		t.Fatal(err)
	}
	c, err := all.For(vault.NewSecrets(map[string]string{"key": "canary-key"}), nil)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("GET", "https://api.example.com/a", nil)
	_, err = broker.Credential{Connection: c}.Inject(r, "", nil)
	p := injectProblem(&hop{target: broker.Target{Connection: all}}, err)
	if p == nil || p.Status != 409 || p.Code != "credential_unfit" || !strings.Contains(p.Detail, "{captured.tenant}") {
		t.Errorf("got %+v", p)
	}
	if r.Header.Get("X-Key") != "" || strings.Contains(err.Error(), "canary") {
		t.Errorf("got %v with %v", err, r.Header)
	}
}
