package consent_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/internal/consent"
	"github.com/claviger-proxy/claviger/internal/problem"
)

// A program is told what there is to choose from, and says what it wants.
func TestDirectChoice(t *testing.T) {
	c := openCounter(t)
	request := func(choice map[string]string) consent.Direct {
		return consent.Direct{Connection: "sites", Identifier: "user_1", Inputs: map[string]string{"key": canaryKey + "-2"}, Choice: choice}
	}
	both := []problem.Choice{{Name: "site", ID: "site-1"}, {Name: "site", ID: "site-2"}}
	for code, choice := range map[string]map[string]string{
		"choice_needed": nil, "choice_not_offered": {"site": "site-3"}, "choice_invalid": {"tenant": "site-1"},
	} {
		a, err := c.flow.Connect(t.Context(), request(choice))
		var p *problem.Problem
		if !errors.As(err, &p) || p.Code != code {
			t.Fatalf("with the choice %v: %v, want %s", choice, err, code)
		}
		want := both
		if code == "choice_invalid" {
			want = nil
		}
		if diff := cmp.Diff(want, p.Choices); diff != "" {
			t.Errorf("%s: choices (-want +got):\n%s", code, diff)
		}
		c.keep(err)
		c.wantNothing(a)
	}
	for _, tt := range []struct {
		choice map[string]string
		want   string
	}{
		{map[string]string{"site": "site-2"}, "site-2"}, {nil, "site-2"}, {map[string]string{"": "site-1"}, "site-1"}, {nil, "site-1"},
	} {
		c.later()
		a, err := c.flow.Connect(t.Context(), request(tt.choice))
		if err != nil {
			t.Fatal(err)
		}
		if got := c.grant(a).Captured["site"]; got != tt.want {
			t.Errorf("with the choice %v the site is %q, want %q", tt.choice, got, tt.want)
		}
	}
	_, err := c.flow.Connect(t.Context(), consent.Direct{Connection: "key", Identifier: "a", Inputs: map[string]string{"key": canaryKey}, Choice: map[string]string{"": "x"}})
	wantCode(t, err, http.StatusBadRequest, "choice_invalid")
	if strings.Contains(err.Error(), "canary") {
		t.Errorf("the error shows the key: %v", err)
	}
}
