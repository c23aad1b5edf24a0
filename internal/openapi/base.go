package openapi

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/claviger-proxy/claviger/connectors"
)

var inBraces = regexp.MustCompile(`\{([^{}]*)\}`)

// base makes api.base_url of the first server that is on the web, and inputs of its variables.
func (m *maker) base(c *connectors.Connector, given string) error {
	chosen := server{URL: given}
	if given == "" {
		i := slices.IndexFunc(m.Servers, func(s server) bool { return strings.HasPrefix(s.URL, "https://") })
		if i < 0 {
			return errors.New("the document names no server with an https URL: give the base URL")
		}
		chosen = m.Servers[i]
		var others []string
		for _, s := range m.Servers {
			if s.URL != chosen.URL && strings.HasPrefix(s.URL, "https://") {
				others = append(others, s.URL)
			}
		}
		if len(others) > 0 {
			m.note("The document has more servers, which are left out: %.300s. Further ones go under api.bases.", strings.Join(others, ", "))
		}
	}
	text := strings.TrimSuffix(chosen.URL, "/")
	host, _, _ := strings.Cut(strings.TrimPrefix(text, "https://"), "/")
	var asked []string
	text = inBraces.ReplaceAllStringFunc(text, func(name string) string {
		name = strings.Trim(name, "{}")
		in := inputOf(name, chosen.Variables[name], strings.Contains(host, "{"+name+"}"))
		if in.Default != "" && len(in.Enum) == 0 && chosen.Variables[name].Enum != nil {
			return in.Default
		}
		if !slices.Contains(asked, in.Name) {
			asked, c.Account = append(asked, in.Name), append(c.Account, in)
		}
		return "{account." + in.Name + "}"
	})
	t, err := connectors.ParseTemplate(text)
	if err != nil {
		return fmt.Errorf("the server's URL %.200s cannot be a base: %w; give the base URL", chosen.URL, err)
	}
	u, err := url.Parse(inBraces.ReplaceAllString(text, "x"))
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("the base URL %.200q must be an https URL", chosen.URL)
	}
	if len(asked) == 0 {
		m.root = u
	}
	c.API.BaseURL = t
	if len(asked) > 0 {
		m.note("The base URL asks each account for %s: check the patterns, and add an example for each.", strings.Join(asked, ", "))
	}
	return nil
}

// What a variable may be in the two places of a URL.
const (
	hostPattern = `[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?`
	pathPattern = `[A-Za-z0-9_~-]+(?:\.[A-Za-z0-9_~-]+)*`
)

// inputOf is a variable of a server as an input of each account.
func inputOf(name string, v variable, inHost bool) connectors.Input {
	in := connectors.Input{Name: inputNameOf(name), Title: clean(name, 80), Description: clean(sentenceOf(v.Description), 200)}
	for _, value := range v.Enum {
		if value != "" && !slices.Contains(in.Enum, value) {
			in.Enum = append(in.Enum, value)
		}
	}
	if len(in.Enum) == 0 {
		in.Pattern = pathPattern
		if inHost {
			in.Pattern, in.Normalize = hostPattern, []string{"trim", "lower"}
		}
	}
	if _, err := in.Clean(v.Default); err == nil && (len(in.Enum) > 0 || !inHost) {
		in.Default = v.Default
	} else if err == nil {
		in.Example = v.Default // of a host's name it is somebody's
	}
	return in
}

// sorted are the keys of a map in their order.
func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
