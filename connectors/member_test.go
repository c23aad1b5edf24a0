package connectors_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/claviger-proxy/claviger/connectors"
)

func TestMemberNames(t *testing.T) {
	for path, want := range map[string][]string{
		"id":                {"id"},
		"data.user.id":      {"data", "user", "id"},
		`@odata\.nextLink`:  {"@odata.nextLink"},
		`a.b\.c.d`:          {"a", "b.c", "d"},
		`\.a\.`:             {".a."},
		`a\.\.b.c`:          {"a..b", "c"},
		`meta.@x\.y\.z.a:b`: {"meta", "@x.y.z", "a:b"},
	} {
		if got := slices.Collect(connectors.MemberNames(path)); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
	for name := range connectors.MemberNames("a.b") { // whoever has seen enough may stop
		if name != "a" {
			t.Errorf("the first name is %q", name)
		}
		break
	}
}

func TestFind(t *testing.T) {
	var doc any
	const text = `{"a":{"b.c":[{"d":"x"},null]},"e":null,"f":"y"}`
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]any{
		`a.b\.c.0.d`: "x", `a.b\.c.1`: nil, `a.b\.c.2`: nil, `a.b\.c.x`: nil, "a.b.c": nil, "e": nil, "f": "y", "f.g": nil, "g": nil,
	} {
		if got := connectors.Find(doc, path); got != want {
			t.Errorf("%s: got %v, want %v", path, got, want)
		}
	}
	if got, ok := connectors.Find(doc, "").(map[string]any); !ok || len(got) != 3 {
		t.Errorf("the empty path leads to %v", got)
	}
	if !(&connectors.Condition{Path: `a.b\.c.0.d`, Equals: "x"}).Holds([]byte(text)) {
		t.Error("a condition does not find a name with a dot")
	}
}
