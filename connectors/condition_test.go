package connectors_test

import (
	"testing"

	"github.com/claviger-proxy/claviger/connectors"
)

func TestConditions(t *testing.T) {
	yes, no := true, false
	conditions := map[string]connectors.Condition{
		"equals": {Path: "a.b", Equals: "x"}, "not": {Path: "a.b", NotEquals: "x"}, "in": {Path: "a.b", In: []string{"x", "1", ""}},
		"there": {Path: "a.b", Present: &yes}, "absent": {Path: "a.b", Present: &no},
	}
	tests := []struct{ body, holds string }{
		{`{"a":{"b":"x"}}`, "equals in there"},
		{`{"a":{"b":"y"}}`, "not there"},
		{`{"a":{"b":1}}`, "not in there"},
		{`{"a":{"b":""}}`, "not in there"},
		{`{"a":{"b":false}}`, "not there"},
		{`{"a":{"b":{}}}`, "there"},
		{`{"a":{"b":[]}}`, "there"},
		{`{"a":{"b":null}}`, "absent"},
		{` {"a": { "b" : null } } `, "absent"},
		{`{"a":{}}`, "absent"},
		{`{"a":"x"}`, "absent"},
		{`{}`, "absent"},
		{`[]`, "absent"},
		{`{"a":`, ""},
		{`"a"`, ""},
		{`null`, ""},
		{`<html>`, ""},
		{``, ""},
	}
	for _, tt := range tests {
		got := ""
		for _, name := range []string{"equals", "not", "in", "there", "absent"} {
			c := conditions[name]
			if !c.Holds([]byte(tt.body)) {
				continue
			}
			if got != "" {
				got += " "
			}
			got += name
		}
		if got != tt.holds {
			t.Errorf("%s meets %q, want %q", tt.body, got, tt.holds)
		}
	}
}
