package connectors

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// The names that a template may use beside those of inputs and of what was captured.
const (
	nameToken        = "token"
	nameRefreshToken = "refresh_token"
	nameClientID     = "client_id"
	nameClientSecret = "client_secret"
	nameAssertion    = "assertion"
	nameCode         = "code"
)

// The prefixes of names that a file declares.
const (
	appPrefix      = "app."
	accountPrefix  = "account."
	capturedPrefix = "captured."
	slotPrefix     = "token."
)

var (
	inputName = regexp.MustCompile(`\A[a-z][a-z0-9_]{0,62}\z`)
	prefixes  = []string{appPrefix, accountPrefix, capturedPrefix, slotPrefix}
	fixed     = []string{nameToken, nameRefreshToken, nameClientID, nameClientSecret, nameAssertion, nameCode}
)

// part is a literal, a name, or a call.
type part struct {
	text, name string
	call       *call
}

// knownName tells whether a name can have a value.
func knownName(name string) bool {
	for _, prefix := range prefixes {
		if input, ok := strings.CutPrefix(name, prefix); ok {
			return inputName.MatchString(input)
		}
	}
	return slices.Contains(fixed, name)
}

// value is what stands in the template's place of the part.
func (p part) value(v Values, now time.Time) (string, error) {
	switch {
	case p.call != nil:
		return p.call.value(v, now)
	case p.name == "":
		return p.text, nil
	}
	value := v[p.name]
	if value == "" {
		return "", fmt.Errorf("no value for {%s}", p.name)
	}
	return value, nil
}

// isName tells whether the part is a plain name.
func (p part) isName() bool { return p.name != "" }

// isText tells whether the part is a literal.
func (p part) isText() bool { return p.name == "" && p.call == nil }

// names adds the names in the part.
func (p part) names(list []string) []string {
	if p.isName() {
		list = append(list, p.name)
	}
	if p.call != nil {
		for _, a := range p.call.args {
			list = a.names(list)
		}
	}
	return list
}

func hasControl(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] == 0x7f {
			return true
		}
	}
	return false
}
