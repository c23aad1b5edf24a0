package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/api"
	"github.com/claviger-proxy/claviger/vault"
)

const acmeYAML = `# Acme, by hand
schema: 1
name: acme
title: Acme
account:
  - {name: key, secret: true}
mode: static
inject: [{in: header, name: X-Key, template: "{account.key}"}]
api: {base_url: "https://api.acme.example.com"}
`

// live is the API with the catalogue of its connections, as a server has it.
func live(o *api.Options) { o.Catalog = o.Connections.Catalog }

// acmeAccount adds the connector acme, a connection and an account of it.
func acmeAccount(t *testing.T, k *kit) vault.ConnectedAccount {
	t.Helper()
	if _, err := k.AddConnector(t.Context(), client.ConnectorFile{Source: acmeYAML}); err != nil {
		t.Fatal(err)
	}
	if _, err := k.CreateConnection(t.Context(), client.NewConnection{Name: "acme", Connector: "acme"}); err != nil {
		t.Fatal(err)
	}
	return k.account("acme", "ada", func(_ *vault.ConnectedAccount, g *vault.Grant) {
		g.Inputs, g.ClientID = vault.NewSecrets(map[string]string{"key": "canary-acme-key"}), ""
	})
}

func TestAddConnector(t *testing.T) {
	k := setup(t, live)
	got := k.send("POST", "/claviger/connectors", acmeYAML, "Content-Type: application/yaml")
	want := client.ConnectorChange{Name: "acme", Origin: "stored", Version: 1, Connections: []string{}}
	var change client.ConnectorChange
	if err := json.Unmarshal([]byte(got.text), &change); err != nil || got.status != http.StatusCreated ||
		cmp.Diff(want, change) != "" || got.header.Get("Location") != "/claviger/connectors/acme" {
		t.Fatalf("got %d %s, %v", got.status, got.text, err)
	}
	acme, err := k.Connector(t.Context(), "acme", "")
	if err != nil || acme.Origin != client.OriginStored || acme.Version != 1 || acme.BaseURL != "https://api.acme.example.com" {
		t.Errorf("got %+v, %v", acme, err)
	}
	demo, err := k.Connector(t.Context(), "demo", "")
	if err != nil || demo.Origin != client.OriginBuiltin || demo.Version != 0 {
		t.Errorf("got %+v, %v", demo, err)
	}
	page, err := k.Connectors(t.Context(), client.ConnectorQuery{Search: "acme"})
	if err != nil || len(page.Items) != 1 || page.Items[0].Origin != client.OriginStored {
		t.Errorf("got %+v, %v", page, err)
	}
	if _, err := k.CreateConnection(t.Context(), client.NewConnection{Name: "acme", Connector: "acme"}); err != nil {
		t.Errorf("it cannot be used: %v", err)
	}
	changed, err := k.ReplaceConnector(t.Context(), "acme", client.ConnectorFile{Source: strings.Replace(acmeYAML, "X-Key", "X-Api-Key", 1), Version: 1})
	want = client.ConnectorChange{Name: "acme", Origin: "stored", Version: 2, Replaces: "stored", Connections: []string{"acme"}}
	if err != nil || cmp.Diff(want, changed) != "" {
		t.Errorf("got %+v, %v", changed, err)
	}
	_, err = k.ReplaceConnector(t.Context(), "acme", client.ConnectorFile{Source: acmeYAML, Version: 1})
	refused(t, err, http.StatusConflict, "record_changed")
	refused(t, k.RemoveConnector(t.Context(), "acme"), http.StatusConflict, "connector_in_use")
	if err := k.DeleteConnection(t.Context(), "acme"); err != nil {
		t.Fatal(err)
	}
	k.send("DELETE", "/claviger/connectors/acme?version=1", "").wants(t, http.StatusConflict, "record_changed")
	if err := k.RemoveConnector(t.Context(), "acme"); err != nil {
		t.Fatal(err)
	}
	_, err = k.Connector(t.Context(), "acme", "")
	refused(t, err, http.StatusNotFound, "connector_not_found")
}

func TestConnectorDryRun(t *testing.T) {
	k := setup(t, live)
	acmeAccount(t, k)
	got := k.send("POST", "/claviger/connectors?dry_run=true", strings.Replace(acmeYAML, "name: acme", "name: other", 1), "Content-Type: text/yaml; charset=utf-8")
	if got.status != http.StatusOK || !strings.Contains(got.text, `"dry_run":true`) || got.header.Get("Location") != "" {
		t.Errorf("got %d %s", got.status, got.text)
	}
	change, err := k.ReplaceConnector(t.Context(), "acme", client.ConnectorFile{Source: strings.Replace(acmeYAML, "X-Key", "X-Api-Key", 1), DryRun: true})
	want := client.ConnectorChange{Name: "acme", Origin: "stored", Version: 1, Replaces: "stored", Connections: []string{"acme"}, DryRun: true}
	if err != nil || cmp.Diff(want, change) != "" {
		t.Errorf("got %+v, %v", change, err)
	}
	if text, err := k.ConnectorSource(t.Context(), "acme"); err != nil || text != acmeYAML {
		t.Errorf("the dry run has changed the file: %v", err)
	}
	if _, err := k.Connector(t.Context(), "other", ""); err == nil {
		t.Error("the dry run has added a connector")
	}
}

// What a change would break is told one by one, with the account and the place in the file.
func TestConnectorBreaks(t *testing.T) {
	k := setup(t, live)
	a := acmeAccount(t, k)
	moved := strings.Replace(acmeYAML, "api.acme.example.com", "api.acme.example.net", 1)
	for _, dry := range []bool{true, false} {
		_, err := k.ReplaceConnector(t.Context(), "acme", client.ConnectorFile{Source: moved, DryRun: dry})
		e := refused(t, err, http.StatusConflict, "connector_breaks_accounts")
		want := []client.Mistake{{
			Path: "api.base_url", Connection: "acme", Message: "would send credentials to api.acme.example.net, and they are for api.acme.example.com",
		}}
		if d := cmp.Diff(want, e.Mistakes); d != "" || !strings.Contains(e.Detail, "disconnected first") || !strings.Contains(e.Next, "Changing a connector") {
			t.Errorf("%s %s (-want +got):\n%s", e.Detail, e.Next, d)
		}
	}
	_, err := k.ReplaceConnector(t.Context(), "acme", client.ConnectorFile{Source: strings.Replace(acmeYAML, "secret: true}", "secret: true, pattern: \"k-.+\"}", 1)})
	e := refused(t, err, http.StatusConflict, "connector_breaks_accounts")
	if len(e.Mistakes) != 1 || e.Mistakes[0].Account != string(a.ID) || strings.Contains(e.Detail+e.Mistakes[0].Message, "canary") {
		t.Errorf("got %+v", e)
	}
	if _, err := k.Disconnect(t.Context(), string(a.ID)); err != nil {
		t.Fatal(err)
	}
	if _, err := k.ReplaceConnector(t.Context(), "acme", client.ConnectorFile{Source: moved}); err != nil {
		t.Errorf("without accounts: %v", err)
	}
}

func TestConnectorFileRefused(t *testing.T) {
	k := setup(t, live)
	yaml := "Content-Type: application/yaml"
	quoted, err := json.Marshal(acmeYAML)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, method, target, body string
		header                     []string
		status                     int
		code                       string
	}{
		{"no content type", "POST", "", acmeYAML, []string{"Content-Type: "}, 415, "content_type_not_supported"},
		{"another content type", "POST", "", acmeYAML, []string{"Content-Type: text/plain"}, 415, "content_type_not_supported"},
		{"nothing", "POST", "", "", []string{yaml}, 422, "connector_invalid"},
		{"no UTF-8", "POST", "", acmeYAML + "\xff", []string{yaml}, 422, "connector_invalid"},
		{"ten megabytes", "POST", "", strings.Repeat("# x\n", 10<<18), []string{yaml}, 413, "body_too_large"},
		{"ten megabytes of JSON", "POST", "", `{"source":"` + strings.Repeat("x", 10<<20) + `"}`, nil, 413, "body_too_large"},
		{"too much in JSON", "POST", "", `{"source":"name: x\n#` + strings.Repeat("x", vault.MaxConnectorSource) + `"}`, nil, 422, "connector_invalid"},
		{"aliases", "POST", "", "a: &a [1, 1]\nb: [*a, *a]\n", []string{yaml}, 422, "connector_invalid"},
		{"an unknown field", "POST", "", `{"source":` + string(quoted) + `,"replace":true}`, nil, 400, "field_unknown"},
		{"a field that is not in JSON", "POST", "", `{"source":` + string(quoted) + `,"-":true}`, nil, 400, "field_unknown"},
		{"a flag that is none", "POST", "?dry_run=yes", acmeYAML, []string{yaml}, 400, "parameter_invalid"},
		{"an unknown parameter", "POST", "?version=1", acmeYAML, []string{yaml}, 400, "parameter_unknown"},
		{"a version that is none", "PUT", "/acme?version=x", acmeYAML, []string{yaml}, 400, "parameter_invalid"},
		{"a built-in name", "POST", "", strings.Replace(acmeYAML, "name: acme", "name: demo", 1), []string{yaml}, 409, "connector_built_in"},
		{"one that is not there", "PUT", "/acme", acmeYAML, []string{yaml}, 404, "connector_not_found"},
		{"a built-in one", "DELETE", "/demo", "", nil, 409, "connector_built_in"},
		{"none to remove", "DELETE", "/acme", "", nil, 404, "connector_not_found"},
		{"a body for nothing", "DELETE", "/acme", "{\"x\":1}", nil, 400, "field_unknown"},
		{"a page of another site", "POST", "", acmeYAML, []string{yaml, "Sec-Fetch-Site: cross-site", "Origin: https://evil.example"}, 403, "browser_not_allowed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k.send(tt.method, "/claviger/connectors"+tt.target, tt.body, tt.header...).wants(t, tt.status, tt.code)
		})
	}
	got := k.send("POST", "/claviger/connectors", strings.Replace(acmeYAML, "mode: static", "mode: statik\nextra: 1", 1), yaml)
	want := []client.Mistake{{Line: 8, Path: "extra"}}
	if len(got.problem.Mistakes) != 1 || got.problem.Mistakes[0].Line != want[0].Line || got.problem.Mistakes[0].Path != want[0].Path {
		t.Errorf("got %+v", got.problem.Mistakes)
	}
	if all, err := k.vault.Connectors(t.Context(), "", vault.PageQuery{}); err != nil || len(all.Items) != 0 {
		t.Errorf("something was stored: %+v, %v", all.Items, err)
	}
}

// One that replaces a built-in connector is added when that was meant, in either form.
func TestReplaceBuiltinConnector(t *testing.T) {
	k := setup(t, live)
	own := "schema: 1\nname: demo\nextends: demo\ntitle: Own demo\n"
	got := k.send("POST", "/claviger/connectors?replace_builtin=true", own, "Content-Type: application/yaml")
	if got.status != http.StatusCreated || !strings.Contains(got.text, `"replaces":"built_in"`) || !strings.Contains(got.text, `"connections":["mail"]`) {
		t.Errorf("got %d %s", got.status, got.text)
	}
	if err := k.RemoveConnector(t.Context(), "demo"); err != nil {
		t.Fatal(err)
	}
	if demo, err := k.Connector(t.Context(), "demo", ""); err != nil || demo.Origin != client.OriginBuiltin || demo.Title == "Own demo" {
		t.Errorf("got %+v, %v", demo, err)
	}
	if _, err := k.AddConnector(t.Context(), client.ConnectorFile{Source: own, ReplaceBuiltin: true}); err != nil {
		t.Error(err)
	}
}

func TestConnectorSource(t *testing.T) {
	folder, err := connectors.Decode("folded.yaml", []byte(strings.Replace(acmeYAML, "name: acme", "name: folded", 1)))
	if err != nil {
		t.Fatal(err)
	}
	k := setup(t, func(o *api.Options) {
		o.Connections = setOf(t, o.Vault, o.Catalog().With(folder))
		live(o)
	})
	if _, err := k.AddConnector(t.Context(), client.ConnectorFile{Source: acmeYAML}); err != nil {
		t.Fatal(err)
	}
	builtin, ok := connectors.BuiltinSource("demo")
	if !ok {
		t.Fatal("there is no file of demo")
	}
	for name, want := range map[string]string{"acme": acmeYAML, "demo": string(builtin)} {
		got, err := k.ConnectorSource(t.Context(), name)
		if err != nil || got != want {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
		accepted := k.send("GET", "/claviger/connectors/"+name, "", "Accept: text/html;q=0.5, application/yaml")
		if accepted.text != want || accepted.header.Get("Content-Type") != "application/yaml" {
			t.Errorf("%s by Accept: got %s %q", name, accepted.header.Get("Content-Type"), accepted.text)
		}
	}
	text, err := k.ConnectorSource(t.Context(), "folded")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := connectors.Decode("folded.yaml", []byte(text)); err != nil || !again.Same(folder) {
		t.Errorf("that of a folder says something else: %v\n%s", err, text)
	}
	_, err = k.ConnectorSource(t.Context(), "acne")
	refused(t, err, http.StatusNotFound, "connector_not_found")
	k.send("GET", "/claviger/connectors/acme?source=maybe", "").wants(t, http.StatusBadRequest, "parameter_invalid")
}

// A stored file that cannot be used any more is told of, can be read, and put right.
func TestBadStoredConnector(t *testing.T) {
	k := setup(t, func(o *api.Options) {
		bad := vault.Connector{Name: "acme", Source: acmeYAML + "later: key\n"}
		if err := o.Vault.PutConnector(t.Context(), &bad); err != nil {
			t.Fatal(err)
		}
		o.Connections = setOf(t, o.Vault, o.Catalog())
		live(o)
	})
	_, err := k.Connector(t.Context(), "acme", "")
	if e := refused(t, err, http.StatusNotFound, "connector_not_found"); !strings.Contains(e.Detail, "later") {
		t.Errorf("got %s", e.Detail)
	}
	if text, err := k.ConnectorSource(t.Context(), "acme"); err != nil || !strings.HasSuffix(text, "later: key\n") {
		t.Errorf("got %q, %v", text, err)
	}
	if change, err := k.ReplaceConnector(t.Context(), "acme", client.ConnectorFile{Source: acmeYAML}); err != nil || change.Replaces != client.OriginStored {
		t.Errorf("got %+v, %v", change, err)
	}
}
