package connectors

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Input is one value asked from the operator or from a user.
type Input struct {
	// Name identifies the value: a lower-case letter, then lower-case letters, digits and '_'.
	Name string `yaml:"name"`
	// Title, Description and Example are for people. An Example must be good as a value.
	Title       string `yaml:"title,omitempty"`
	Description string `yaml:"description,omitempty"`
	Example     string `yaml:"example,omitempty"`
	// Help is the provider's page that tells where the value is found.
	Help string `yaml:"help,omitempty"`
	// Default is used when no value is given; an input without default is required unless it is Optional.
	Default string `yaml:"default,omitempty"`
	// Optional says that there may be no value. A template that names it is left out then where it is one
	// parameter or header of several, and it cannot stand elsewhere.
	Optional bool `yaml:"optional,omitempty"`
	// Secret says that the value is shown to nobody. It is sealed like a token.
	Secret bool `yaml:"secret,omitempty"`
	// Multiline allows line breaks, as a private key has them. Only secrets may have them.
	Multiline bool `yaml:"multiline,omitempty"`
	// Pattern is an RE2 expression that the whole value must match. It is required but for secrets and
	// for values of an Enum, because inputs end up in URLs.
	Pattern string `yaml:"pattern,omitempty"`
	// Enum lists the values that are allowed.
	Enum []string `yaml:"enum,omitempty"`
	// Prefix and Suffix stand before and after the value where people see it, and are taken off a value
	// that was pasted with them.
	Prefix string `yaml:"prefix,omitempty"`
	Suffix string `yaml:"suffix,omitempty"`
	// Normalize are done with a value before anything else, in the order given: trim, lower, and host (of a
	// pasted URL its host alone, in lower case, with the port if there is one).
	Normalize []string `yaml:"normalize,omitempty"`
	// VisibleWhen says that the input is asked for only if another one has a certain value. Else there is no
	// value, and none may be given; templates that name it are as with Optional.
	VisibleWhen *VisibleWhen `yaml:"visible_when,omitempty" json:",omitempty"`
}

// The values of [Input].Normalize.
const (
	normalizeTrim  = "trim"
	normalizeLower = "lower"
	normalizeHost  = "host"
)

// maxValue is how long the value of an input may be; private keys and certificates are the longest.
const maxValue = 16 << 10

// Clean returns a value as it is used: normalized, without the input's prefix and suffix, and checked.
// The error shows a value only if it is no secret.
func (in Input) Clean(value string) (string, error) {
	re, err := in.compile()
	if err != nil {
		return "", err
	}
	return in.check(value, re)
}

// check is Clean with the pattern compiled.
func (in Input) check(value string, pattern *regexp.Regexp) (string, error) {
	value = in.normalized(value)
	shown := ""
	if !in.Secret {
		shown = fmt.Sprintf("value %.80q ", value)
	}
	switch {
	case value == "":
		return "", errors.New("must not be empty")
	case len(value) > maxValue || hasControl(in.line(value)):
		return "", fmt.Errorf("%smust be text of at most %d bytes without control characters", shown, maxValue)
	case len(in.Enum) > 0 && !slices.Contains(in.Enum, value):
		return "", fmt.Errorf("%sis not one of %s", shown, strings.Join(in.Enum, ", "))
	case pattern != nil && !pattern.MatchString(value):
		return "", fmt.Errorf("%sdoes not match the pattern %s", shown, in.Pattern)
	}
	return value, nil
}

// normalized is the value without what people paste along with it.
func (in Input) normalized(value string) string {
	for _, n := range in.Normalize {
		switch n {
		case normalizeTrim:
			value = strings.TrimSpace(value)
		case normalizeLower:
			value = strings.ToLower(value)
		case normalizeHost:
			value = pastedHost(value)
		}
	}
	return strings.TrimSuffix(strings.TrimPrefix(value, in.Prefix), in.Suffix)
}

// pastedHost takes the host out of a URL that somebody has pasted.
func pastedHost(value string) string {
	value = strings.TrimSpace(value)
	if u, err := url.Parse(value); err == nil && u.Host != "" {
		return lowerASCII(u.Host)
	}
	if end := strings.IndexAny(value, "/?#"); end >= 0 {
		value = value[:end]
	}
	return lowerASCII(value)
}

// lowerASCII leaves all but ASCII as it is, so that no other letter becomes a letter of a host.
func lowerASCII(text string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, text)
}

// line is the value without the line breaks that it may have.
func (in Input) line(value string) string {
	if !in.Multiline {
		return value
	}
	return strings.NewReplacer("\n", "", "\r", "", "\t", "").Replace(value)
}

// compile returns the pattern, anchored at both ends, or nil if there is none.
func (in Input) compile() (*regexp.Regexp, error) {
	if in.Pattern == "" {
		return nil, nil
	}
	if found, ok := patterns.Load(in.Pattern); ok {
		return found.(*regexp.Regexp), nil
	}
	// Alone first, so that the pattern cannot close the group around it.
	if _, err := syntax.Parse(in.Pattern, syntax.Perl); err != nil {
		return nil, fmt.Errorf("must be an RE2 expression: %w", err)
	}
	compiled, err := regexp.Compile(`\A(?:` + in.Pattern + `)\z`)
	if err == nil && patternCount.Add(1) <= maxPatterns {
		patterns.Store(in.Pattern, compiled)
	}
	return compiled, err
}

// patterns are the compiled ones by their text: most are those of many inputs, and each value is checked anew
// when an account is read. patternCount bounds them.
var (
	patterns     sync.Map
	patternCount atomic.Int64
)

const maxPatterns = 2000

func (in Input) hint() string {
	if in.Example == "" {
		return ""
	}
	return "; for example " + in.Example
}
