package connectors_test

import (
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/connectors"
)

// minimalNamed is a small connector with that name.
func minimalNamed(name string) string {
	return strings.Replace(minimal, "name: minimal", "name: "+name, 1)
}

func TestLoadFiles(t *testing.T) {
	builtin, err := connectors.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	good, bad := builtin.LoadFiles(map[string]string{
		"a":       "schema: 1\nname: a\nextends: b\ntitle: A\n",
		"b":       minimalNamed("b"),
		"demo":    "schema: 1\nname: demo\nextends: demo\ntitle: Own demo\n",
		"other":   minimalNamed("different"),
		"broken":  "schema: 1\nname: broken\nextends: worse\ntitle: Broken\n",
		"worse":   "schema: 2\nname: worse\n",
		"nowhere": "schema: 1\nname: nowhere\nextends: no-such\ntitle: N\n",
		"loop":    "schema: 1\nname: loop\nextends: round\ntitle: X\n",
		"round":   "schema: 1\nname: round\nextends: loop\ntitle: Y\n",
	})
	catalog := builtin.WithStored(good...)
	for name, title := range map[string]string{"a": "A", "b": "Minimal", "demo": "Own demo"} {
		if k, ok := catalog.Lookup(name); !ok || k.Title != title || catalog.Origin(name) != connectors.OriginStored {
			t.Errorf("%s is %+v of %q", name, k, catalog.Origin(name))
		}
	}
	if len(good) != 3 || len(bad) != 6 {
		t.Errorf("got %d good and %d bad ones: %v", len(good), len(bad), bad)
	}
	for name, want := range map[string]string{
		"other": "must be called different.yaml", "broken": "extends: the connector that it extends cannot be read", "worse": "schema",
		"nowhere": `no connector "no-such"`, "loop": "cannot be read", "round": "makes a loop",
	} {
		if bad[name] == nil || !strings.HasPrefix(bad[name].Error(), name+".yaml") || !strings.Contains(bad[name].Error(), want) {
			t.Errorf("%s: got %v, want %q", name, bad[name], want)
		}
	}
}

func TestOrigin(t *testing.T) {
	builtin, err := connectors.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	k, err := connectors.Decode("demo.yaml", []byte(minimalNamed("demo")))
	if err != nil {
		t.Fatal(err)
	}
	catalog := builtin.With(k)
	without := catalog.Without("demo")
	for _, tt := range []struct {
		name string
		got  connectors.Origin
		want connectors.Origin
	}{
		{"built in", builtin.Origin("demo"), connectors.OriginBuiltin},
		{"of a folder", catalog.Origin("demo"), connectors.OriginFolder},
		{"stored", catalog.WithStored(k).Origin("demo"), connectors.OriginStored},
		{"beside it", catalog.WithStored(k).Origin("github"), connectors.OriginBuiltin},
		{"taken out", without.Origin("demo"), ""},
		{"of nothing", (*connectors.Catalog)(nil).Origin("demo"), ""},
		{"alone", (*connectors.Catalog)(nil).Without("x").With(k).Origin("demo"), connectors.OriginFolder},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, tt.got, tt.want)
		}
	}
	if _, ok := without.Lookup("demo"); ok {
		t.Error("what was taken out is there")
	}
	if _, ok := catalog.Lookup("demo"); !ok {
		t.Error("it was taken out of another catalogue too")
	}
}

func TestSame(t *testing.T) {
	decode := func(text string) *connectors.Connector {
		k, err := connectors.Decode("shop.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	if !decode(shopYAML).Same(decode(shopYAML + "# a remark\n")) {
		t.Error("a remark makes another connector")
	}
	if decode(shopYAML).Same(decode(strings.Replace(shopYAML, "X-Org", "X-Organization", 1))) {
		t.Error("another header makes no other connector")
	}
	var none *connectors.Connector
	if none.Same(decode(shopYAML)) || decode(shopYAML).Same(nil) || !none.Same(nil) {
		t.Error("none is the same as one, or is not the same as none")
	}
}

func TestNameOf(t *testing.T) {
	for text, want := range map[string]string{
		minimalNamed("acme"): "acme", "name: 7": "", "title: x": "", "- name: x": "", "name: [": "", "": "", "extends: \"unknown\"\nname: \"b c\"": "b c",
		"name: |-\n  acme\n": "acme", "name: >-\n  acme\n": "acme",
	} {
		if got := connectors.NameOf([]byte(text)); got != want {
			t.Errorf("NameOf(%q) = %q, want %q", text, got, want)
		}
	}
}
