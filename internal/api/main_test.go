package api_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/internal/api"
)

// TestMain looks, when all tests have run, for answers of the document that none of them has got.
func TestMain(m *testing.M) {
	status := m.Run()
	if status == 0 && whole() {
		for _, missing := range unmet() {
			fmt.Fprintln(os.Stderr, "no test has got this answer:", missing)
			status = 1
		}
	}
	os.Exit(status)
}

// whole tells whether no test was left out.
func whole() bool {
	for _, name := range []string{"test.run", "test.skip", "test.list", "test.fuzz"} {
		if flag.Lookup(name).Value.String() != "" {
			return false
		}
	}
	return true
}

// elsewhere are codes of consent that take a provider of their own to come about: they are tested there.
var elsewhere = strings.Fields("nothing_to_use choice_not_reached identity_mismatch credential_unfit link_busy too_many_devices")

// unmet are the answers that no test has got: those that are no problem, and the codes of each route, but for
// what has gone wrong on the server or at a provider.
func unmet() (list []string) {
	c, err := theContract()
	if err != nil {
		return []string{err.Error()}
	}
	for _, o := range api.Operations() {
		for _, a := range o.Answers {
			list = append(list, o.ID+" "+strconv.Itoa(a.Status))
		}
		op := c.doc.Paths.Value(o.Path()).GetOperation(o.Method())
		for status := 400; status < 500; status++ {
			for _, code := range codesAt(op, status) {
				if slices.Contains(o.Codes, code) && !slices.Contains(elsewhere, code) {
					list = append(list, o.ID+" "+code)
				}
			}
		}
	}
	return slices.DeleteFunc(list, func(answer string) bool { return c.met[answer] })
}
