package connectors

import (
	"maps"
	"slices"
	"strings"
)

// registerFields are the metadata of a client that the engine sends itself.
var registerFields = []string{
	"redirect_uris", "client_name", "grant_types", "response_types", "token_endpoint_auth_method", "scope", "software_id", "software_version",
}

// registerAnswers are what an answer has of the client, and a request must not.
var registerAnswers = []string{
	"client_id", "client_secret", "client_id_issued_at", "client_secret_expires_at", "registration_access_token", "registration_client_uri",
}

// registerAuth are the ways to authenticate that a registered client can have: all it needs is told by the answer.
var registerAuth = []ClientAuth{ClientAuthBasic, ClientAuthBasicRaw, ClientAuthPost, ClientAuthNone}

func (v *validator) register() {
	r := v.c.Register
	if r == nil {
		return
	}
	v.oneOf("register.with", r.With, RegisterDynamic)
	switch {
	case r.URL.IsZero() && r.Metadata.IsZero():
		v.fail("register", "must have url, or metadata that names the endpoint")
	case !r.URL.IsZero() && !r.Metadata.IsZero():
		v.fail("register.metadata", "has no use beside url")
	}
	v.url("register.url", r.URL, appNames)
	v.url("register.metadata", r.Metadata, appNames)
	if !r.Metadata.IsZero() {
		v.metadata("register.metadata", r.Metadata)
	}
	v.names("register.initial_token", r.InitialToken, appNames|secretNames|optionalNames)
	v.fieldNames("register.field_names", r.FieldNames, registerFields)
	v.registerParams(r)
	v.registers()
}

// metadata checks that the issuer can be told from where its metadata is.
func (v *validator) metadata(path string, t Template) {
	v.fixedPath(path, t)
	_, rest, _ := strings.Cut(t.String(), "://")
	_, rest, _ = strings.Cut(rest, "/")
	if _, ok := issuerPath("/" + rest); !ok {
		v.fail(path, "must be the URL of a document at %s or %s", wellKnownServer, wellKnownOpenID)
	}
}

func (v *validator) registerParams(r *Register) {
	if r.Params == nil {
		return
	}
	if r.Params.members == nil {
		v.fail("register.params", "must be an object")
		return
	}
	taken := slices.Concat(registerFields, registerAnswers, slices.Collect(maps.Values(r.FieldNames)))
	for _, name := range slices.Sorted(maps.Keys(r.Params.members)) {
		if slices.Contains(taken, name) {
			v.fail("register.params."+name, "is set by the engine and must not be given")
		}
	}
	v.tree("register.params", r.Params, appNames|secretNames)
}

// registers checks that a client can be what the provider makes of it.
func (v *validator) registers() {
	t := v.c.Token
	switch {
	case !slices.Contains(registerAuth, t.ClientAuth):
		v.fail("register", "needs client_auth basic, basic_raw, post or none: nobody would tell the provider the key of a signature")
	case t.Client != nil || t.Basic != nil:
		v.fail("register", "has no use with token.client and token.basic: the client that is registered would not be used")
	}
}
