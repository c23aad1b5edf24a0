package connectors

func (v *validator) steps() {
	for i, s := range v.c.Steps {
		at := index("steps", i)
		v.now = atSteps + stage(i)
		v.optional(at+".when", s.When, "connect", "refresh", "both")
		v.stepRequest(at+".request", s.Request)
		if s.Response != nil {
			v.response(at+".response", *s.Response)
		}
		v.captures(at+".capture", s.Capture, v.member)
		v.duration(at+".default_ttl", s.DefaultTTL, maxLife)
	}
}

func (v *validator) stepRequest(at string, r Request) {
	v.mustURL(at+".url", r.URL, inURLs)
	v.operatorsOnly(at+".url", r.URL, v.operatorsSecret(r))
	v.optional(at+".method", r.Method, "POST", "GET", "PUT")
	v.headers(at+".headers", r.Headers, inSteps)
	v.params(at+".query", r.Query, nil, inSteps)
	v.basic(at+".basic", r.Basic, inSteps)
	v.params(at+".form", r.Form, nil, inSteps)
	v.tree(at+".json", r.JSON, inSteps)
	v.names(at+".text", r.Text, inSteps)
	bodies := 0
	for _, there := range []bool{len(r.Form) > 0, r.JSON != nil, !r.Text.IsZero()} {
		if there {
			bodies++
		}
	}
	if bodies > 1 || bodies > 0 && r.Method == "GET" {
		v.fail(at, "must have one of form, json and text at most, and none for GET")
	}
	if (r.ContentType == "") != r.Text.IsZero() {
		v.fail(at+".content_type", "goes with text, and with nothing else")
	}
}

// operatorsSecret is the first name of a secret of the operator that stands in one of the values, or empty.
func (v *validator) operatorsSecret(values ...any) string {
	for _, name := range v.c.operatorsSecrets(values...) {
		return name
	}
	return ""
}
