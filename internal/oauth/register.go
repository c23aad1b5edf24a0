package oauth

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/vault"
)

// Codes of [Client.Register] and [Client.Reregister], beside those of RFC 7591 section 3.2.2. After those that
// begin with registration_ there is a client at the provider; see [Error.Stray].
const (
	CodeNoEndpoint     = "registration_endpoint_missing"  // the metadata names none
	CodeBadMetadata    = "metadata_unusable"              // the metadata is none
	CodeWrongIssuer    = "metadata_issuer_differs"        // it is that of another authorization server
	CodeMetadataHost   = "metadata_host_refused"          // it names an endpoint at a host that the connector does not
	CodeBadClient      = "registration_answer_unusable"   // the answer has no client that can be used
	CodeOtherRedirect  = "registration_redirect_differs"  // it is registered with other redirect URIs
	CodeOtherAuth      = "registration_auth_differs"      // it is to authenticate otherwise
	CodeManagementHost = "registration_host_refused"      // it is managed at a host that the connector does not name
	CodeUnmanaged      = "registration_management_absent" // the provider has not said how it is managed
)

// Registration is what a client is registered with, beside what its connector says.
type Registration struct {
	// RedirectURI is empty where users are not sent back.
	RedirectURI string
	// Name is shown to users at the provider.
	Name string
	// Software and Version are the program's.
	Software, Version string
}

// Registered is a client as the provider has registered it.
type Registered struct {
	ClientID string
	// Secret is empty for a public client. SecretExpires is when it ends; zero when it does not.
	Secret        vault.Secret
	SecretExpires time.Time
	// URI is where the registration is read, changed and deleted, with Token (RFC 7592). Both are empty where the
	// provider has nothing of the kind.
	URI   string
	Token vault.Secret
}

// Register registers a client for a connection (RFC 7591), whose Connector and Values the app has; it needs no
// client and no endpoints.
func (c *Client) Register(ctx context.Context, app App, r Registration) (Registered, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	k, err := c.registering(app, opRegister)
	if err != nil {
		return Registered{}, err
	}
	endpoint, err := k.endpoint(ctx)
	if err != nil {
		return Registered{}, err
	}
	m, err := k.metadata(r)
	if err != nil {
		return Registered{}, err
	}
	token := app.Connector.Register.InitialToken
	if !token.IsZero() && !k.fill.leftOut(token) {
		text, err := k.fill.text(token)
		if err != nil || hasControl(text) {
			return Registered{}, k.fill.missing()
		}
		m.auth = "Bearer " + text
	}
	m.method, m.url = http.MethodPost, endpoint
	a, err := k.send(ctx, m)
	if err != nil {
		return Registered{}, err
	}
	return k.registered(a, r, Registered{})
}

// Reregister has the provider change what a client is registered with (RFC 7592 section 2.2). The result takes the
// place of known: its secret and its token may be others.
func (c *Client) Reregister(ctx context.Context, app App, r Registration, known Registered) (Registered, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	k, err := c.registering(app, opReregister)
	if err != nil {
		return Registered{}, err
	}
	if known.URI == "" || known.Token.IsZero() {
		return Registered{}, unsent(opReregister, ClassOperator, CodeUnmanaged)
	}
	if k.urls.Allows(known.URI) != nil { // the connector is another one by now
		return Registered{}, unsent(opReregister, ClassOperator, CodeManagementHost)
	}
	app.ClientID = known.ClientID
	k.app, k.sent = app, append(k.sent, known.Secret)
	m, err := k.metadata(r)
	if err != nil {
		return Registered{}, err
	}
	m.method, m.url, m.auth = http.MethodPut, known.URI, "Bearer "+known.Token.Reveal()
	a, err := k.send(ctx, m)
	if err != nil {
		return Registered{}, err
	}
	return k.registered(a, r, known)
}

// Unregister has the provider delete a client (RFC 7592 section 2.3). It needs nothing of the connector: where
// to was checked when the client was registered.
func (c *Client) Unregister(ctx context.Context, known Registered) error {
	if known.URI == "" || known.Token.IsZero() {
		return unsent(opUnregister, ClassOperator, CodeUnmanaged)
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	k := &call{
		client: c, app: App{Connector: &connectors.Connector{}}, op: opUnregister, transport: c.transport,
		sent: []vault.Secret{known.Secret}, started: c.now(),
	}
	k.fill = k.app.filler(k.op, c.now)
	a, err := k.send(ctx, message{method: http.MethodDelete, url: known.URI, auth: "Bearer " + known.Token.Reveal(), body: bodyNone})
	if err != nil {
		return err
	}
	if !a.ok() {
		return k.refusal(a, k.reads.document(a))
	}
	return nil
}

// registering is a call about a registration.
type registering struct {
	*call
	urls *connectors.Registration
}

func (c *Client) registering(app App, op string) (*registering, error) {
	if app.Connector == nil || app.Connector.Register == nil {
		return nil, unsent(op, ClassOperator, CodeIncomplete)
	}
	urls, err := app.Connector.Registration(app.Values)
	if err != nil {
		return nil, unsent(op, ClassOperator, CodeNoValue)
	}
	app.ClientID, app.ClientSecret, app.FurtherSecrets = "", vault.Secret{}, nil
	k := &call{client: c, app: app, op: op, transport: c.transport, started: c.now()}
	k.fill = app.filler(op, c.now)
	return &registering{k, urls}, nil
}

// endpoint is the registration endpoint: the connector's, or that of the authorization server's metadata
// (RFC 8414), which has to be about the server that the connector is about.
func (k *registering) endpoint(ctx context.Context) (string, error) {
	if k.urls.Endpoint != "" {
		return k.urls.Endpoint, nil
	}
	a, err := k.send(ctx, message{method: http.MethodGet, url: k.urls.Metadata, body: bodyNone})
	if err != nil {
		return "", err
	}
	doc := k.reads.document(a)
	issuer, _ := doc.find("issuer").(string)
	to, _ := doc.find("registration_endpoint").(string)
	switch {
	case !a.ok():
		return "", k.refusal(a, doc)
	case a.tooLarge:
		return "", k.malformed(a, CodeAnswerTooLarge)
	case doc == nil:
		return "", k.malformed(a, CodeBadMetadata)
	case !k.urls.IsIssuer(issuer):
		return "", k.malformed(a, CodeWrongIssuer)
	case to == "":
		return "", k.malformed(a, CodeNoEndpoint)
	}
	for _, name := range []string{"registration_endpoint", "authorization_endpoint", "token_endpoint"} {
		if there, _ := doc.find(name).(string); there != "" && k.urls.Allows(there) != nil {
			return "", k.malformed(a, CodeMetadataHost)
		}
	}
	return to, nil
}

// metadata is a request with what the client is to be (RFC 7591 section 2).
func (k *registering) metadata(r Registration) (message, error) {
	how := k.app.Connector.Register
	scopes, err := k.app.scopes(k.fill, nil)
	if err != nil {
		return message{}, err
	}
	members := map[string]any{}
	if how.Params != nil {
		text, err := how.Params.Without(k.fill.leftOut).JSON(k.fill.values, k.client.now())
		if err != nil || json.Unmarshal(text, &members) != nil {
			return message{}, k.fill.missing()
		}
	}
	set := func(name string, value any) { members[or(how.FieldNames[name], name)] = value }
	if r.RedirectURI != "" {
		set("redirect_uris", []string{r.RedirectURI})
	}
	for name, text := range map[string]string{
		"client_name": r.Name, "software_id": r.Software, "software_version": r.Version, "scope": strings.Join(k.app.plainScopes(scopes), " "),
	} {
		if text != "" {
			set(name, text)
		}
	}
	grants, responses := grantTypes(k.app.Connector)
	set("grant_types", grants)
	set("response_types", responses)
	set("token_endpoint_auth_method", authMethods[k.app.Connector.Token.ClientAuth])
	if k.app.ClientID != "" {
		members["client_id"] = k.app.ClientID
	}
	content, err := json.Marshal(members)
	if err != nil {
		return message{}, k.fill.missing()
	}
	return message{body: bodyRaw, content: content, contentType: "application/json"}, nil
}

// authMethods are the names that RFC 7591 section 2 has for how a client authenticates.
var authMethods = map[connectors.ClientAuth]string{
	connectors.ClientAuthBasic: "client_secret_basic", connectors.ClientAuthBasicRaw: "client_secret_basic",
	connectors.ClientAuthPost: "client_secret_post", connectors.ClientAuthNone: "none",
}

// grantTypes are the grants that a connector asks for, and the answers that it takes at the authorization
// endpoint.
func grantTypes(k *connectors.Connector) (grants, responses []string) {
	grants, responses = []string{}, []string{}
	if k.Mode.Consents() {
		grants, responses = append(grants, "authorization_code"), append(responses, or(k.Authorize.ResponseType, "code"))
	}
	if k.Device != nil {
		grants = append(grants, grantDevice)
	}
	if !k.Refresh.None && k.RefreshesWith() == connectors.RefreshWithToken {
		grants = append(grants, "refresh_token")
	}
	return grants, responses
}

// plainScopes are scopes as the provider calls them.
func (a App) plainScopes(scopes []string) []string {
	if a.Connector.Authorize.Scope.UserParam == "" {
		return scopes
	}
	plain := make([]string, len(scopes))
	for i, scope := range scopes {
		plain[i] = strings.TrimPrefix(scope, userScope)
	}
	return plain
}
