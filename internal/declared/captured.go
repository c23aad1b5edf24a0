package declared

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/claviger-proxy/claviger/connectors"
)

// captured are the names of all that the connector keeps of what the provider says.
func (p *Provider) captured() []string {
	set := map[string]bool{}
	add := func(capture map[string]string) {
		for name := range capture {
			set[name] = true
		}
	}
	add(p.connector.Callback.Capture)
	add(p.connector.Token.Capture)
	for _, s := range p.connector.Steps {
		add(s.Capture)
	}
	for _, d := range p.connector.Discover {
		set[d.Into] = true
		add(d.Capture)
	}
	return slices.Sorted(maps.Keys(set))
}

// fix decides on the values that are captured: those that stand in URLs have to be good there.
func (p *Provider) fix() error {
	var inURLs []string
	for _, name := range p.captured() {
		p.values["captured."+name] = "captured-" + strings.ReplaceAll(name, "_", "-")
		if slices.ContainsFunc(urlsOf(p.connector), func(t connectors.Template) bool { return slices.Contains(t.Names(), "captured."+name) }) {
			inURLs = append(inURLs, name)
		}
	}
	return p.fixRest(inURLs)
}

// fixRest tries values for the names until all URLs can be filled.
func (p *Provider) fixRest(names []string) error {
	if len(names) == 0 {
		return p.fillable()
	}
	label := "captured-" + strings.ReplaceAll(names[0], "_", "-")
	tries := []string{label}
	for _, domain := range p.connector.API.Within {
		tries = append(tries, "https://"+label+"."+domain, label+"."+domain, "https://"+label+"."+domain+"/captured/"+label+"/")
	}
	var err error
	for _, value := range tries {
		p.values["captured."+names[0]] = value
		if err = p.fixRest(names[1:]); err == nil {
			return nil
		}
	}
	return err
}

func (p *Provider) fillable() error {
	ends, err := p.connector.Endpoints(p.values)
	if err != nil {
		return err
	}
	for i, s := range p.connector.Steps {
		if _, err := ends.Fill(s.Request.URL, p.values); err != nil {
			return fmt.Errorf("steps[%d].request.url: %w", i, err)
		}
	}
	return nil
}

// inURL tells whether a captured value stands in a URL, so that it stays as it is.
func (p *Provider) inURL(name string) bool {
	return slices.ContainsFunc(urlsOf(p.connector), func(t connectors.Template) bool {
		return slices.Contains(t.Names(), "captured."+name)
	})
}

var claimCall = regexp.MustCompile(`jwt_claim\(([a-z_.0-9]+), *"([^"]+)"\)`)

// claimsIn are the claims that a connector reads from values, by their names: those have to be JWTs.
func claimsIn(c *connectors.Connector) map[string][]string {
	claims := map[string][]string{}
	eachTemplate(reflect.ValueOf(c), func(text string) {
		for _, found := range claimCall.FindAllStringSubmatch(text, -1) {
			claims[found[1]] = append(claims[found[1]], found[2])
		}
	})
	return claims
}

// eachTemplate calls f with the text of every template in v.
func eachTemplate(v reflect.Value, f func(text string)) {
	switch x := v.Interface().(type) {
	case connectors.Template:
		f(x.String())
		return
	case *connectors.Tree:
		if x != nil {
			source, _ := x.MarshalYAML() // a tree always can be written
			f(strings.ReplaceAll(string(source), `\"`, `"`))
		}
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			eachTemplate(v.Elem(), f)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			eachTemplate(v.Field(i), f)
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			eachTemplate(it.Value(), f)
		}
	case reflect.Slice:
		for i := range v.Len() {
			eachTemplate(v.Index(i), f)
		}
	}
}
