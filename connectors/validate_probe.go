package connectors

func (v *validator) probes() {
	if p := v.c.Verify; p != nil {
		v.request("verify", p.Method, p.Path, p.Base)
		v.condition("verify.ok_when", p.OKWhen)
	}
	if p := v.c.Identity; p != nil {
		v.optional("identity.from", p.From, "id_token", "token")
		switch {
		case p.From == "":
			v.request("identity", p.Method, p.Path, p.Base)
		case p.Path != "" || p.Method != "" || p.Base != "":
			v.fail("identity.from", "excludes method, path and base: there is no request")
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
		v.request(at, d.Method, d.Path, d.Base)
		if d.ID == "" {
			v.fail(at+".id", "is required: the path of an item's ID")
		}
		if !inputName.MatchString(d.Into) {
			v.fail(at+".into", "must begin with a lower-case letter and have lower-case letters, digits and '_' only")
		}
		v.member(at+".items", d.Items)
		v.member(at+".id", d.ID)
		v.member(at+".label", d.Label)
		v.captures(at+".capture", d.Capture, v.member)
		v.findable(at, d)
	}
}

// findable refuses a base that names what is to be found there.
func (v *validator) findable(at string, d Discover) {
	base := v.c.API.BaseURL
	if d.Base != "" {
		base = v.c.API.Bases[d.Base]
	}
	for _, name := range base.Names() {
		if v.declared[name].from == at {
			v.fail(at+".base", "must be another base: this one names {%s}, which is to be found here", name)
		}
	}
}

// request checks a request to the API.
func (v *validator) request(at, method, path, base string) {
	v.optional(at+".method", method, "GET", "HEAD", "POST")
	v.relative(at+".path", path)
	if _, ok := v.c.API.Bases[base]; base != "" && !ok {
		v.fail(at+".base", "%s is not declared under api.bases", base)
	}
}
