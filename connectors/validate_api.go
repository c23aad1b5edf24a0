package connectors

import (
	"maps"
	"slices"
	"strings"
)

func (a API) baseNames() []string { return slices.Sorted(maps.Keys(a.Bases)) }

func (v *validator) api() {
	a := v.c.API
	v.mustURL("api.base_url", a.BaseURL, inURLs)
	v.fixedPath("api.base_url", a.BaseURL)
	for _, name := range a.baseNames() {
		at := "api.bases." + name
		if !baseName.MatchString(name) {
			v.fail(at, "the name must begin with a lower-case letter and have lower-case letters, digits and '-' only")
		}
		v.mustURL(at, a.Bases[name], inURLs)
		v.fixedPath(at, a.Bases[name])
	}
	v.hosts("api.hosts", a.Hosts)
	v.domains("api.within", a.Within)
	v.headers("api.headers", a.Headers, inURLs|clientIDName)
	for _, name := range slices.Sorted(maps.Keys(a.Headers)) {
		if slices.ContainsFunc(v.c.Inject, func(in Injection) bool {
			return in.In == InHeader && strings.EqualFold(in.Name, name)
		}) {
			v.fail("api.headers."+name, "is the header of the credential")
		}
	}
	v.slots(a.Slots)
}

func (v *validator) slots(slots []Slot) {
	for i, s := range slots {
		at := index("api.slots", i)
		if _, ok := v.declared[slotPrefix+s.Name]; !ok && s.Name != nameToken {
			v.fail(at+".name", "%s is not declared under token.response.slots", s.Name)
		}
		if slices.ContainsFunc(slots[:i], func(earlier Slot) bool { return earlier.Name == s.Name }) {
			v.fail(at+".name", "%s is there twice", s.Name)
		}
		for j, p := range s.Paths {
			v.relative(index(at+".paths", j), p)
			if strings.HasSuffix(p, "/") {
				v.fail(index(at+".paths", j), "must not end with '/': it holds for what is under it")
			}
		}
	}
}
