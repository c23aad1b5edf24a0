package connectors

import (
	"cmp"
	"slices"
	"strings"
)

func (v *validator) inject() {
	if _, ok := v.declared[nameToken]; !ok && len(v.c.Steps) > 0 && v.c.mode() == ModeLogin && len(v.c.Inject) == 0 && v.c.Signer == nil {
		v.fail("steps", "must have a response, which says where the token is, or inject must say what else is sent")
	}
	seen := map[string]bool{}
	for i, in := range v.c.Inject {
		at := index("inject", i)
		v.oneOf(at+".in", in.In, InHeader, InQuery, InPath, InCookie, InBody, InBasic)
		v.injectName(at, in)
		v.injectValue(at, in)
		place := in.In + " " + in.Name
		if in.In == InHeader || in.In == InBasic {
			place = "header " + strings.ToLower(cmp.Or(in.Name, "authorization"))
		}
		if place = strings.TrimSpace(place); seen[in.Slot+"\n"+place] {
			v.fail(at, "%s is there twice", place)
		}
		seen[in.Slot+"\n"+place] = true
		if in.Slot != "" && !slices.ContainsFunc(v.c.API.Slots, func(s Slot) bool { return s.Name == in.Slot }) {
			v.fail(at+".slot", "%s is not declared under api.slots", in.Slot)
		}
	}
	secret := v.operatorsSecret(v.c.sends()...)
	v.operatorsOnly("api.base_url", v.c.API.BaseURL, secret)
	for _, name := range v.c.API.baseNames() {
		v.operatorsOnly("api.bases."+name, v.c.API.Bases[name], secret)
	}
}

func (v *validator) injectName(at string, in Injection) {
	switch in.In {
	case InHeader:
		v.headerName(at+".name", in.Name)
	case InQuery, InBody, InCookie:
		if !paramName.MatchString(in.Name) {
			v.fail(at+".name", "must be a parameter name")
		}
	case InPath, InBasic:
		if in.Name != "" {
			v.fail(at+".name", "must be left out with in: %s", in.In)
		}
	}
}

func (v *validator) injectValue(at string, in Injection) {
	may := inRequests | optionalNames
	switch in.In {
	case InBasic:
		switch {
		case in.Basic == nil:
			v.fail(at+".basic", "is required with in: basic, in place of template")
			return
		case !in.Template.IsZero():
			v.fail(at+".template", "must be left out with in: basic")
		}
		v.basic(at+".basic", in.Basic, may)
		v.whole(at+".basic", in.Basic.User, in.Basic.Password)
		return
	case InPath:
		may = inRequests
	}
	if in.Basic != nil {
		v.fail(at+".basic", "is for in: basic only")
	}
	if in.Template.IsZero() {
		v.fail(at+".template", "is required")
		return
	}
	v.headerValue(at+".template", in.Template.String())
	v.names(at+".template", in.Template, may)
	v.whole(at+".template", in.Template)
	if len(in.Template.Names()) == 0 {
		v.fail(at+".template", "has no name in it; what is the same for all goes under api.headers")
	}
}

// whole refuses an optional input beside a secret: what is sent of a credential is all of it, or nothing.
func (v *validator) whole(at string, templates ...Template) {
	optional, why, secret := "", "", false
	for _, t := range templates {
		for _, name := range t.Names() {
			d := v.declared[name]
			kind, _ := kindOf(name)
			if d.optional {
				optional, why = name, d.lack()
			}
			secret = secret || kind == tokenNames || d.secret && !d.optional
		}
	}
	if optional != "" && secret {
		v.fail(at, "{%s} %s, and must not stand beside a secret: a credential is sent as a whole", optional, why)
	}
}
