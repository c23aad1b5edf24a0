package declared

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/claviger-proxy/claviger/connectors"
)

// enrolment is the client's registration at a provider that registers clients by itself.
type enrolment struct {
	// known tells that there is the client, and token is what the registration is managed with.
	known bool
	token string
}

// Where a provider has what the connector does not say.
const (
	foundAt   = "/found/registration" // the endpoint that the metadata names
	managedAt = "/registered/client"
)

// Registered tells whether the client has registered itself, and has not been deleted since.
func (p *Provider) Registered() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.enrolled.known
}

// registrationEnds are the endpoints that are about the client's registration.
func (p *Provider) registrationEnds() (all []*endpoint) {
	r := p.connector.Register
	if r == nil {
		return nil
	}
	add := func(name string, t connectors.Template, method string, serve func(*call) (*answer, error)) {
		all = append(all, &endpoint{name, t, method, serve})
	}
	at := r.URL
	if at.IsZero() {
		at = besides(r.Metadata, foundAt)
		add("metadata", r.Metadata, http.MethodGet, p.describe)
	}
	add("register", at, http.MethodPost, p.enrol)
	managed := besides(at, managedAt)
	add("registration", managed, http.MethodPut, p.reenrol)
	add("registration end", managed, http.MethodDelete, p.expel)
	return all
}

// besides is a path at the host of a URL.
func besides(t connectors.Template, path string) connectors.Template {
	scheme, rest, _ := strings.Cut(t.String(), "://")
	host, _, _ := strings.Cut(rest, "/")
	at, _ := connectors.ParseTemplate(scheme + "://" + host + path) // the host has been one
	return at
}

// describe answers with the metadata of the authorization server.
func (p *Provider) describe(c *call) (*answer, error) {
	if err := p.plainCall(c, ""); err != nil {
		return nil, err
	}
	before, after, _ := strings.Cut(c.path, "/.well-known/")
	_, tenant, inside := strings.Cut(after, "/")
	issuer := c.origin() + before
	if inside {
		issuer += "/" + tenant
	}
	doc := document{"issuer": issuer, "registration_endpoint": c.origin() + foundAt, "scopes_supported": []string{"any"}}
	for name, t := range map[string]connectors.Template{"authorization_endpoint": p.connector.Authorize.URL, "token_endpoint": p.connector.Token.URL} {
		operators := !slices.ContainsFunc(t.Names(), func(name string) bool { return !strings.HasPrefix(name, "app.") })
		if to, err := t.ExpandAt(p.values, p.now()); err == nil && operators && to != "" {
			doc[name] = to
		}
	}
	return doc.answerJSON(http.StatusOK), nil
}

// plainCall wants a call without parameters, and with that token.
func (p *Provider) plainCall(c *call, token string) error {
	headers := newFields()
	if token != "" {
		headers.text("Authorization", "Bearer "+token)
	}
	if err := headers.checkHeaders(c); err != nil {
		return err
	}
	if len(c.query) > 0 {
		return errors.New("it has parameters in the URL")
	}
	return nil
}

// enrol registers the client.
func (p *Provider) enrol(c *call) (*answer, error) {
	token := ""
	if t := p.connector.Register.InitialToken; !t.IsZero() && !p.leftOut(t) {
		var err error
		if token, err = t.ExpandAt(p.values, p.now()); err != nil {
			return nil, err
		}
	}
	if err := p.plainCall(c, token); err != nil {
		return nil, err
	}
	if p.enrolled.known {
		return nil, errors.New("the client is registered already")
	}
	asked, err := p.wishes(c, false)
	if err != nil {
		return nil, err
	}
	p.enrolled.known = true
	return p.enrolledAs(c, asked, http.StatusCreated), nil
}

// reenrol changes what the client is registered with.
func (p *Provider) reenrol(c *call) (*answer, error) {
	if err := p.mayManage(c); err != nil {
		return nil, err
	}
	asked, err := p.wishes(c, true)
	if err != nil {
		return nil, err
	}
	return p.enrolledAs(c, asked, http.StatusOK), nil
}

// expel deletes the client.
func (p *Provider) expel(c *call) (*answer, error) {
	if err := p.mayManage(c); err != nil {
		return nil, err
	}
	if len(c.body) > 0 {
		return nil, errors.New("it has a body")
	}
	p.enrolled = enrolment{}
	return &answer{http.StatusNoContent, http.Header{}, nil}, nil
}

func (p *Provider) mayManage(c *call) error {
	if !p.enrolled.known || p.enrolled.token == "" {
		return errors.New("there is no client that is registered")
	}
	return p.plainCall(c, p.enrolled.token)
}

// enrolledAs answers with the client, whose registration is managed with another token from now on.
func (p *Provider) enrolledAs(c *call, asked map[string]any, status int) *answer {
	p.minted++
	p.enrolled.token = fmt.Sprintf("registration-token-%d", p.minted)
	doc := document{
		"client_id": p.values["client_id"], "registration_client_uri": c.origin() + managedAt, "registration_access_token": p.enrolled.token,
	}
	for name, value := range asked {
		doc[name] = value
	}
	if p.connector.Token.ClientAuth != connectors.ClientAuthNone {
		doc["client_secret"], doc["client_secret_expires_at"] = p.values["client_secret"], 0
	}
	return doc.answerJSON(status)
}

// wishes reads what a client is to be, and holds it against what it has to be. A change names the client.
func (p *Provider) wishes(c *call, change bool) (map[string]any, error) {
	if got := c.Header.Get("Content-Type"); got != "application/json" {
		return nil, fmt.Errorf("the body is %q and not JSON", got)
	}
	body, err := decodeJSON(c.body)
	if err != nil {
		return nil, err
	}
	asked, ok := body.(map[string]any)
	if !ok {
		return nil, errors.New("the body is no object")
	}
	rest := map[string]any{}
	for name, value := range asked {
		rest[name] = value
	}
	for field, fits := range p.metadata(change) {
		name := cmp.Or(p.connector.Register.FieldNames[field], field)
		if !fits(asked[name]) {
			return nil, fmt.Errorf("member %s is %v", name, asked[name])
		}
		delete(rest, name)
	}
	declared := any(map[string]any{})
	if tree := p.connector.Register.Params; tree != nil {
		source, err := tree.MarshalYAML()
		if err != nil {
			return nil, err
		}
		if declared, err = decodeJSON(source); err != nil {
			return nil, err
		}
	}
	delete(asked, "client_id")
	return asked, p.same(declared, rest, p.values)
}

// metadata are the members that are always there, and what they have to be.
func (p *Provider) metadata(change bool) map[string]func(any) bool {
	text := func(v any) bool { s, ok := v.(string); return ok && s != "" }
	exactly := func(want any) func(any) bool { return func(v any) bool { return v == want } }
	k := p.connector
	grants, responses := []string{}, []string{}
	if k.Mode.Consents() {
		grants, responses = append(grants, "authorization_code"), append(responses, cmp.Or(k.Authorize.ResponseType, "code"))
	}
	if k.Device != nil {
		grants = append(grants, "urn:ietf:params:oauth:grant-type:device_code")
	}
	if with := k.Refresh.With; !k.Refresh.None && (with == "" || with == "refresh_token") {
		grants = append(grants, "refresh_token")
	}
	method := map[connectors.ClientAuth]string{
		connectors.ClientAuthPost: "client_secret_post", connectors.ClientAuthNone: "none",
	}[k.Token.ClientAuth]
	all := map[string]func(any) bool{
		"client_name": text, "software_id": text, "software_version": text, "grant_types": setOf(grants), "response_types": setOf(responses),
		"token_endpoint_auth_method": exactly(cmp.Or(method, "client_secret_basic")), "client_id": exactly(nil),
		"redirect_uris": exactly(nil), "scope": exactly(nil),
	}
	if change {
		all["client_id"] = exactly(p.values["client_id"])
	}
	if k.Mode.Consents() {
		all["redirect_uris"] = setOf([]string{p.client.RedirectURI})
	}
	if scopes := p.ownScopes(); len(scopes) > 0 {
		all["scope"] = func(v any) bool {
			s, _ := v.(string)
			return sameSet(strings.Split(s, " "), scopes)
		}
	}
	return all
}

// ownScopes are those of the connection, as the provider calls them.
func (p *Provider) ownScopes() []string {
	if p.connector.Authorize.Scope.None {
		return nil
	}
	var scopes []string
	for _, scope := range p.requestedWith(nil) {
		if p.connector.Authorize.Scope.UserParam != "" {
			scope = strings.TrimPrefix(scope, userScope)
		}
		scopes = append(scopes, scope)
	}
	return scopes
}

// setOf wants a list of these texts.
func setOf(want []string) func(any) bool {
	return func(v any) bool {
		list, ok := v.([]any)
		var got []string
		for _, one := range list {
			s, _ := one.(string)
			got = append(got, s)
		}
		return ok && sameSet(got, want)
	}
}

func sameSet(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(a, b)
}
