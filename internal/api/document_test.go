package api_test

import (
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/internal/api"
)

var update = flag.Bool("update", false, "write openapi.json")

const documentFile = "openapi.json"

// The document is that of the routes and the types: `go test ./internal/api -run Document -update` writes it.
func TestDocument(t *testing.T) {
	want := newGenerator(t).document()
	if *update {
		if err := os.WriteFile(documentFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(documentFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(got), "\n"), strings.Split(string(want), "\n")); diff != "" {
		t.Errorf("%s is out of date; run the test with -update (-is +should be):\n%s", documentFile, diff)
	}
}

// What the table says is complete, and names what there is.
func TestOperations(t *testing.T) {
	g := newGenerator(t)
	ids, routes := map[string]bool{}, map[string]bool{}
	for _, o := range api.Operations() {
		if ids[o.ID] || o.ID == "" || routes[o.Route] {
			t.Errorf("%s: the ID %q, or the route, is there twice or not at all", o.Route, o.ID)
		}
		ids[o.ID], routes[o.Route] = true, true
		if o.Summary == "" || len(o.Answers) == 0 {
			t.Errorf("%s has no summary or no answer", o.Route)
		}
		for _, p := range append(o.PathParams(), o.Params...) {
			if p.Text == "" {
				t.Errorf("%s: parameter %s is not described", o.Route, p.Name)
			}
		}
		for _, code := range append(commonCodes(o), o.Codes...) {
			if g.status[code] == 0 {
				t.Errorf("%s: %s is no code of %s", o.Route, code, errorsDoc)
			}
		}
	}
}

// Sets that belong to no field would be lost without a word.
func TestDocumentSets(t *testing.T) {
	g := newGenerator(t)
	fields := map[string]bool{}
	for typ := range g.sent {
		g.answered[typ] = true
	}
	for typ := range g.answered {
		for _, f := range jsonFields(typ) {
			fields[f.name()] = true
		}
	}
	for name := range closed {
		if !fields[name] {
			t.Errorf("there is no field %s that could be of a few values", name)
		}
	}
	for name := range secrets {
		if !fields[name] {
			t.Errorf("there is no field %s that could be secret", name)
		}
	}
	for name := range nulled {
		if !fields[name] {
			t.Errorf("there is no field %s that null could stand in", name)
		}
	}
	for typ := range g.sent {
		for _, f := range jsonFields(typ) {
			if g.comments[f.in+"."+f.Name] == "" && f.in != "Identity" {
				t.Errorf("%s may be sent and has no comment", f.name())
			}
		}
	}
	if !g.answered[reflect.TypeFor[client.Account]()] || g.comments["Account.Next"] == "" {
		t.Error("types or comments are missing")
	}
}
