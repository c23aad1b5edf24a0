package caddymodule

import (
	"testing"
	"time"
)

func TestRefusedClients(t *testing.T) {
	m := meter{}
	for _, step := range []struct {
		outcome string
		want    bool
	}{
		{"refreshed", false}, {"operator", true}, {"transient", true}, {"malformed", true}, {"permanent", false}, {"operator", true}, {"refreshed", false},
	} {
		m.Refreshed("demo", "of-this-test", step.outcome, time.Second)
		if got := refused.has("of-this-test"); got != step.want {
			t.Errorf("after %s: refused is %t", step.outcome, got)
		}
	}
	if refused.has("another") || refused.has("demo") {
		t.Error("others are refused as well")
	}
}
