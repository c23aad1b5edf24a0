package api_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/internal/api"
)

var routeHeading = regexp.MustCompile(`(?m)^### ([A-Z]+) (/\S+)$`)

// TestRoutesDoc asks every route of the reference page; there are no others, but those of probes, which are
// answered before there is a vault.
func TestRoutesDoc(t *testing.T) {
	data, err := os.ReadFile("../../docs/reference/admin-api.md")
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
	operations := api.Operations()
	for _, o := range operations {
		if !documented[o.Route] {
			t.Errorf("%s has no section", o.Route)
		}
	}
	if len(documented) != len(operations) {
		t.Errorf("%d routes are documented, %d exist", len(documented), len(operations))
	}
}

var errorList = regexp.MustCompile(`(?s)\nErrors: (.*?)\n\n`)

// The reference page names no error that the document does not have for the route.
func TestRoutesDocErrors(t *testing.T) {
	data, err := os.ReadFile("../../docs/reference/admin-api.md")
	if err != nil {
		t.Fatal(err)
	}
	page, checked := string(data), 0
	at := routeHeading.FindAllStringSubmatchIndex(page, -1)
	sections := map[string]string{}
	for i, m := range at {
		end := len(page)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		sections[page[m[2]:m[3]]+" "+strings.TrimPrefix(page[m[4]:m[5]], "/claviger")] = page[m[1]:end] + "\n"
	}
	for _, o := range api.Operations() {
		all := append(commonCodes(o), o.Codes...)
		for _, m := range errorList.FindAllStringSubmatch(sections[o.Route], 1) {
			for _, code := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(m[1], -1) {
				if code[1] == "device" { // a field
					continue
				}
				if checked++; !slices.Contains(all, code[1]) {
					t.Errorf("%s: the document does not have the code %s", o.Route, code[1])
				}
			}
		}
	}
	if checked < 100 {
		t.Errorf("only %d codes were found on the page", checked)
	}
}
