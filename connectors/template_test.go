package connectors_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
)

func parse(t testing.TB, text string) connectors.Template {
	t.Helper()
	tmpl, err := connectors.ParseTemplate(text)
	if err != nil {
		t.Fatalf("ParseTemplate(%q): %v", text, err)
	}
	return tmpl
}

func TestTemplateExpand(t *testing.T) {
	values := connectors.Values{"app.port": "9090", "app.a_1": "x", "token": "tok", "client_id": "id"}
	tests := []struct {
		name  string
		text  string
		want  string
		names []string
	}{
		{"empty", "", "", nil},
		{"text", "plain", "plain", nil},
		{"input", "http://h:{app.port}/x", "http://h:9090/x", []string{"app.port"}},
		{"only a name", "{token}", "tok", []string{"token"}},
		{"two names", "{token}{app.port}", "tok9090", []string{"app.port", "token"}},
		{"one name twice", "{token},{token}", "tok,tok", []string{"token"}},
		{"digits and underscore", "{app.a_1}", "x", []string{"app.a_1"}},
		{"client ID", "/{client_id}/grant", "/id/grant", []string{"client_id"}},
		{"escapes", "{{token}}", "{token}", nil},
		{"escapes around a name", "{{{token}}}", "{tok}", []string{"token"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tmpl := parse(t, tt.text)
			got, err := tmpl.Expand(values)
			if err != nil || got != tt.want {
				t.Errorf("Expand = %q, %v; want %q", got, err, tt.want)
			}
			if diff := cmp.Diff(tt.names, tmpl.Names()); diff != "" {
				t.Errorf("Names (-want +got):\n%s", diff)
			}
			if tmpl.String() != tt.text || tmpl.IsZero() != (tt.text == "") {
				t.Errorf("String = %q, IsZero = %v", tmpl.String(), tmpl.IsZero())
			}
		})
	}
}

func TestTemplateExpandMissing(t *testing.T) {
	for _, v := range []connectors.Values{nil, {"token": ""}, {"app.token": "x"}} {
		if got, err := parse(t, "Bearer {token}").Expand(v); err == nil || got != "" {
			t.Errorf("Expand(%v) = %q, %v; want an error", v, got, err)
		}
	}
}

func TestParseTemplateRefused(t *testing.T) {
	for _, text := range []string{
		"{", "}", "{token", "token}", "{}", "{ token }", "{Token}", "{app}", "{app.}", "{app.A}",
		"{app.a.b}", "{app.1}", "{app.a-b}", "{env.HOME}", "{file./etc/passwd}", "{http.request.host}",
		"{{token}", "{token}}", "{a{token}}", "{secret}", "{now}", "{token\n}",
	} {
		if got, err := connectors.ParseTemplate(text); err == nil || !got.IsZero() {
			t.Errorf("ParseTemplate(%q) = %q, %v; want an error", text, got, err)
		}
	}
}

func TestTemplateYAML(t *testing.T) {
	in := map[string]connectors.Template{"a": parse(t, "Bearer {token}"), "b": parse(t, "{{x}}: '\"#")}
	text, err := yaml.Marshal(in)
	if err != nil {
		t.Fatalf("Marshal: %v", err)
	}
	var out map[string]connectors.Template
	if err := yaml.Unmarshal(text, &out); err != nil {
		t.Fatalf("Unmarshal(%q): %v", text, err)
	}
	if diff := cmp.Diff(in, out); diff != "" {
		t.Errorf("after a round trip (-want +got):\n%s", diff)
	}
	if err := yaml.Unmarshal([]byte("a: '{nope}'"), &out); err == nil {
		t.Error("Unmarshal of an unknown name: no error")
	}
}

// Values have secrets among them, whoever prints what they are part of.
func TestValuesArePrintedAsRedacted(t *testing.T) {
	held := struct{ Values connectors.Values }{connectors.Values{"account.key": "s3cret"}}
	encoded, err := json.Marshal(held)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{fmt.Sprint(held), fmt.Sprintf("%+v %#v %q", held, held, held.Values), string(encoded)} {
		if strings.Contains(text, "s3cret") || !strings.Contains(text, "REDACTED") {
			t.Errorf("got %s", text)
		}
	}
}
