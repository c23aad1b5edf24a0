package connectors

import (
	"maps"
	"reflect"
	"slices"
	"strings"
)

func (v *validator) probes() {
	if p := v.c.Verify; p != nil {
		v.ask("verify", p.Ask)
		v.condition("verify.ok_when", p.OKWhen)
	}
	if p := v.c.Identity; p != nil {
		v.optional("identity.from", p.From, "id_token", "token")
		switch {
		case p.From == "":
			v.ask("identity", p.Ask)
		case !p.Ask.isZero():
			v.fail("identity.from", "excludes method, path, base, json, content_type and headers: there is no request")
		}
		if p.ID == "" {
			v.fail("identity.id", "is required: the path of what the provider never changes about the account")
		}
		v.member("identity.id", p.ID)
		v.member("identity.name", p.Name)
		v.member("identity.email", p.Email)
		v.member("identity.avatar", p.Avatar)
	}
}

func (v *validator) discover() {
	for i, d := range v.c.Discover {
		at := index("discover", i)
		v.ask(at, d.Ask)
		v.items(at, d)
		if !inputName.MatchString(d.Into) {
			v.fail(at+".into", "must begin with a lower-case letter and have lower-case letters, digits and '_' only")
		}
		v.member(at+".items", d.Items)
		v.member(at+".id", d.ID)
		v.member(at+".label", d.Label)
		v.captures(at+".capture", d.Capture, v.member)
		v.findable(at, d)
		v.pages(at, d)
	}
}

// items checks what the items are.
func (v *validator) items(at string, d Discover) {
	v.optional(at+".items_as", d.ItemsAs, ItemsObjects, ItemsTexts, ItemsMap)
	named := d.ItemsAs == ItemsTexts || d.ItemsAs == ItemsMap // by themselves
	switch {
	case !named && d.ID == "":
		v.fail(at+".id", "is required: the path of an item's ID")
	case named && d.ID != "":
		v.fail(at+".id", "must be left out with items_as: %s", d.ItemsAs)
	}
	if d.ItemsAs == ItemsTexts && (d.Label != "" || len(d.Capture) > 0) {
		v.fail(at+".items_as", "texts have nothing in them for label and capture")
	}
}

// findable refuses a request that names what is to be found by it, or later.
func (v *validator) findable(at string, d Discover) {
	base := v.c.API.BaseURL
	if d.Base != "" {
		base = v.c.API.Bases[d.Base]
	}
	for _, place := range []struct {
		key  string
		part any
	}{{"base", base}, {"path", d.Path}, {"json", d.JSON}, {"headers", d.Headers}} {
		used := map[string]bool{}
		namesIn(reflect.ValueOf(place.part), used)
		for _, name := range slices.Sorted(maps.Keys(used)) {
			if from := v.declared[name].from; strings.HasPrefix(from, "discover[") && from >= at {
				v.fail(at+"."+place.key, "must be another one: this one names {%s}, which is to be found here", name)
			}
		}
	}
}
