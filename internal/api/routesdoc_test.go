package api_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

var routeHeading = regexp.MustCompile(`(?m)^### ([A-Z]+) (/\S+)$`)

// TestRoutesDoc asks every route of the reference page; there are no others, but those of probes, which are
// answered before there is a vault.
func TestRoutesDoc(t *testing.T) {
	data, err := os.ReadFile("../../docs/reference/admin-api.md")
	if err != nil {
		t.Fatal(err)
	}
	sources, err := os.ReadFile("api.go")
	if err != nil {
		t.Fatal(err)
	}
	k := setup(t, nil)
	documented := map[string]bool{}
	for _, m := range routeHeading.FindAllStringSubmatch(string(data), -1) {
		if m[2] == "/claviger/live" || m[2] == "/claviger/ready" {
			continue
		}
		documented[m[1]+" "+strings.TrimPrefix(m[2], "/claviger")] = true
		got := k.send(m[1], regexp.MustCompile(`\{\w+\}`).ReplaceAllString(m[2], "x"), "")
		if got.problem.Code == "route_not_found" || got.problem.Code == "method_not_allowed" {
			t.Errorf("%s %s: %s", m[1], m[2], got.problem.Code)
		}
	}
	routes := regexp.MustCompile(`a\.route\("([^"]+)"`).FindAllStringSubmatch(string(sources), -1)
	for _, m := range routes {
		if !documented[m[1]] {
			t.Errorf("%s has no section", m[1])
		}
	}
	if len(documented) != len(routes) || len(routes) == 0 {
		t.Errorf("%d routes are documented, %d exist", len(documented), len(routes))
	}
}
