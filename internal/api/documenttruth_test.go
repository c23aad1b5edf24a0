package api_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/internal/api"
)

// namesIn are the names that a refusal says that there are.
func namesIn(next, before string) []string {
	list, ok := strings.CutPrefix(next, before)
	if !ok {
		return nil
	}
	return slices.Sorted(slices.Values(strings.Split(list, ", ")))
}

// somewhere is a route with something in place of what is in braces.
func somewhere(path string) string {
	path = strings.ReplaceAll(path, "/accounts/{id}", "/accounts/ca_01JTP3Q4R5S6T7V8W9X0Y1Z2A3")
	return "/claviger" + regexp.MustCompile(`\{\w+\}`).ReplaceAllString(path, "x")
}

// Each route takes the parameters and members that the document has, and says so when it is given another one.
func TestDocumentParameters(t *testing.T) {
	k := setup(t, nil)
	c, err := theContract()
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range api.Operations() {
		t.Run(o.ID, func(t *testing.T) {
			op, target := c.doc.Paths.Value(o.Path()).GetOperation(o.Method()), somewhere(o.Path())
			var want []string
			for _, p := range op.Parameters {
				if p.Value.In == "query" {
					want = append(want, p.Value.Name)
					k.outside(t, o.Method()+" "+target, p.Value)
				}
			}
			slices.Sort(want)
			got := k.send(o.Method(), target+"?unknown=1", "")
			got.wants(t, 400, "parameter_unknown")
			if names := namesIn(got.problem.Next, "the parameters are "); !slices.Equal(names, want) {
				t.Errorf("it takes the parameters %v, and the document has %v", names, want)
			}
			if o.Method() == "GET" {
				return
			}
			want = nil
			if op.RequestBody != nil {
				for name := range op.RequestBody.Value.Content["application/json"].Schema.Value.Properties {
					want = append(want, name)
				}
			}
			slices.Sort(want)
			got = k.send(o.Method(), target, `{"unknown":1}`)
			got.wants(t, 400, "field_unknown")
			if names := namesIn(got.problem.Next, "the fields are "); !slices.Equal(names, want) {
				t.Errorf("it takes the fields %v, and the document has %v", names, want)
			}
		})
	}
}

// A key is taken where the document has one, and nowhere else.
func TestDocumentKeys(t *testing.T) {
	k := setup(t, nil)
	c, err := theContract()
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range api.Operations() {
		t.Run(o.ID, func(t *testing.T) {
			op := c.doc.Paths.Value(o.Path()).GetOperation(o.Method())
			p := op.Parameters.GetByInAndName("header", "Idempotency-Key")
			code := "parameter_unknown"
			if p != nil {
				code = "idempotency_key_invalid"
			}
			if want := o.Method() != "GET" && o.ID != "backupVault" && o.ID != "forgetUser"; (p != nil) != want {
				t.Errorf("the document has a key: %t", p != nil)
			}
			for _, key := range []string{"", strings.Repeat("x", 256), "é"} {
				if p != nil && p.Schema.Value.VisitJSON(key, openapi3.EnableJSONSchema2020()) == nil {
					t.Errorf("the document has the key %.20q", key)
				}
				k.send(o.Method(), somewhere(o.Path())+"?unknown=1", "", "Idempotency-Key: "+key).wants(t, 400, code)
			}
			good := strings.Repeat(" ~", 127) + "~"
			if p != nil && p.Schema.Value.VisitJSON(good, openapi3.EnableJSONSchema2020()) != nil {
				t.Error("the document has no key of 255 characters")
			}
		})
	}
}

// outside tries values of a parameter that the document does not have.
func (k *kit) outside(t *testing.T, route string, p *openapi3.Parameter) {
	t.Helper()
	method, target, _ := strings.Cut(route, " ")
	schema := p.Schema.Value
	if schema.Items != nil {
		schema = schema.Items.Value
	}
	var bad []string
	switch {
	case schema.Type.Is("boolean"):
		bad = []string{"yes"}
	case schema.Type.Is("integer"):
		bad = []string{"0", "x"}
	case len(schema.Enum) > 0:
		bad = []string{"unknown"}
	case schema.Pattern != "":
		bad = []string{"%20"}
	}
	if schema.Max != nil {
		bad = append(bad, "201")
		if *schema.Max != 200 || schema.Default != 50.0 {
			t.Errorf("%s is at most %v, and %v unless given", p.Name, *schema.Max, schema.Default)
		}
	}
	for _, value := range bad {
		got := k.send(method, target+"?"+p.Name+"="+value, "")
		got.wants(t, 400, "parameter_invalid")
		for _, one := range schema.Enum {
			if !strings.Contains(got.problem.Detail, one.(string)) {
				t.Errorf("%q does not name %s, which the document has", got.problem.Detail, one)
			}
		}
	}
}

// Without a limit a page has as many items as the document says.
func TestDocumentLimit(t *testing.T) {
	page, err := setup(t, nil).Connectors(t.Context(), client.ConnectorQuery{})
	if err != nil || len(page.Items) != 50 || page.Next == "" {
		t.Errorf("got %d items, next %q, %v", len(page.Items), page.Next, err)
	}
}
