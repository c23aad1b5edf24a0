package connectors

import "strings"

// foundLater checks where names stand that discovery finds: the requests that find it go without them, and must
// have the credential all the same.
func (v *validator) foundLater() {
	rest, slotted := 0, 0
	for i, in := range v.c.Inject {
		at := index("inject", i)
		counted := &rest
		if in.Slot != "" { // those requests are of no slot
			counted = &slotted
		}
		if in.Basic != nil {
			*counted++
			v.notFound(at+".basic.user", in.Basic.User, "and the request that finds it has the credential")
			v.notFound(at+".basic.password", in.Basic.Password, "and the request that finds it has the credential")
			continue
		}
		found, secret := v.found(in.Template)
		switch {
		case found == "":
			*counted++
		case in.In == InPath:
			v.notFound(at+".template", in.Template, "and can stand in a base, not in a segment before all paths")
		case secret:
			*counted++
			v.notFound(at+".template", in.Template, "and the request that finds it has the credential: put the one and the other into a place of its own")
		}
	}
	if n := len(v.c.Inject); len(v.c.Discover) > 0 && n > 0 && rest == 0 && (slotted > 0 || v.c.Signer == nil && v.c.mode() != ModeStatic) {
		v.fail(index("inject", n-1), "must stand beside one with the credential and without a slot, which the requests of discover have")
	}
	if s := v.c.Signer; s != nil {
		for _, one := range []struct {
			key string
			t   Template
		}{
			{"key", s.Key},
			{"key_id", s.KeyID},
			{"service", s.Service},
			{"region", s.Region},
			{"session", s.Session},
			{"realm", s.Realm},
			{"token", s.Token},
			{"token_secret", s.TokenSecret},
		} {
			v.notFound("signer."+one.key, one.t, "and the request that finds it is signed, too")
		}
	}
}

// notFound refuses a template that names what discovery finds.
func (v *validator) notFound(path string, t Template, why string) {
	if found, _ := v.found(t); found != "" {
		v.fail(path, "{%s} is found by discover, %s", found, why)
	}
}

// found is the first name in a template that discovery finds, or empty, and tells whether there is a secret in it.
func (v *validator) found(t Template) (found string, secret bool) {
	for _, name := range t.Names() {
		kind, _ := kindOf(name)
		d := v.declared[name]
		secret = secret || kind&tokenNames != 0 || d.secret
		if found == "" && strings.HasPrefix(d.from, "discover[") {
			found = name
		}
	}
	return found, secret
}
