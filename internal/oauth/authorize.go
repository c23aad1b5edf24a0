package oauth

import (
	"maps"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/oauth2"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/vault"
)

// AuthorizeRequest is what one consent adds to the authorization URL.
type AuthorizeRequest struct {
	RedirectURI string
	// State and Verifier come from [NewState] and [NewVerifier]. The verifier itself is not in the
	// URL, only its challenge.
	State    vault.Secret
	Verifier vault.Secret
	// Scopes are asked for beside the app's.
	Scopes []string
	// Reconsent adds what the provider needs to show its consent page a second time.
	Reconsent bool
	// LoginHint tells the provider which account to offer; empty sends none.
	LoginHint string
}

// ownParams are set by this package; a connector's fixed parameters cannot replace them.
var ownParams = []string{
	"response_type", "client_id", "redirect_uri", "state", "code_challenge", "code_challenge_method",
}

// AuthorizeURL returns the URL to send the browser to. It holds the state, so it is not logged.
func (c *Client) AuthorizeURL(app App, req AuthorizeRequest) (string, error) {
	incomplete := unsent(opAuthorize, ClassOperator, CodeIncomplete)
	if app.Connector == nil || app.Endpoints == nil || app.ClientID == "" || req.RedirectURI == "" || req.State.IsZero() {
		return "", incomplete
	}
	endpoint, err := url.Parse(app.Endpoints.Authorize)
	if err != nil || endpoint.Host == "" {
		return "", incomplete
	}
	how := app.Connector.Authorize
	params, err := c.authorizeParams(app, req)
	if err != nil {
		return "", err
	}
	var options []oauth2.AuthCodeOption
	for name := range params {
		options = append(options, oauth2.SetAuthURLParam(name, params.Get(name)))
	}
	if how.PKCE != connectors.PKCEOff {
		if req.Verifier.IsZero() {
			return "", incomplete
		}
		options = append(options, oauth2.S256ChallengeOption(req.Verifier.Reveal()))
	}
	f := app.filler(opAuthorize, c.now)
	delete(f.values, nameClientSecret)
	back, err := f.redirectURI(req.RedirectURI)
	if err != nil {
		return "", err
	}
	config := oauth2.Config{ClientID: app.ClientID, RedirectURL: back}
	standard, err := url.Parse(config.AuthCodeURL(req.State.Reveal(), options...))
	if err != nil {
		return "", incomplete
	}
	all := standard.Query()
	for name, list := range params { // x/oauth2 has one value of each
		all[name] = list
	}
	names := spelling{names: how.ParamNames, omit: how.Omit}
	return withParams(app.Endpoints.Authorize, how, names.spell(all)), nil
}

// withParams adds the parameters to the authorization endpoint, where and as the connector says.
func withParams(endpoint string, how connectors.Authorize, params url.Values) string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(params)) {
		for _, value := range params[name] {
			value = url.QueryEscape(value)
			if slices.Contains(how.RawParams, name) {
				value = inQueries.Replace(value)
			}
			pairs = append(pairs, url.QueryEscape(name)+"="+value)
		}
	}
	sign := "?"
	if how.Fragment != "" {
		endpoint += "#" + how.Fragment
	} else if strings.Contains(endpoint, "?") {
		sign = "&"
	}
	return endpoint + sign + strings.Join(pairs, "&")
}

// inQueries turns back what need not be encoded in a query (RFC 3986 section 3.4), and does not end a value.
var inQueries = strings.NewReplacer(
	"%3A", ":", "%2F", "/", "%2C", ",", "%40", "@", "%21", "!", "%24", "$", "%27", "'", "%28", "(", "%29", ")", "%2A", "*", "%3F", "?",
)

// authorizeParams are the parameters beside those of ownParams. Secrets have no place in a URL that a
// browser shows, and are not known to their templates.
func (c *Client) authorizeParams(app App, req AuthorizeRequest) (url.Values, error) {
	how, f := app.Connector.Authorize, app.filler(opAuthorize, c.now)
	delete(f.values, nameClientSecret)
	params := url.Values{}
	fixed := []map[string]connectors.Template{how.Params}
	if req.Reconsent {
		fixed = append(fixed, how.ReconsentParams)
	}
	for _, templates := range fixed {
		filled, err := f.params(templates)
		if err != nil {
			return nil, err
		}
		for name, value := range filled {
			if slices.Contains(ownParams, name) {
				return nil, unsent(opAuthorize, ClassOperator, CodeIncomplete)
			}
			params.Set(name, value)
		}
	}
	scopes, err := app.scopes(f, req.Scopes)
	if err != nil {
		return nil, err
	}
	maps.Copy(params, app.scopeParams(or(how.Scope.Param, "scope"), scopes))
	resource, err := f.text(app.Connector.Token.Resource)
	if err != nil {
		return nil, err
	}
	if req.Reconsent && how.Scope.Incremental == connectors.IncrementalInclude {
		params.Set(connectors.ParamIncludeGranted, "true")
	}
	for name, value := range map[string]string{
		"resource": resource, "login_hint": req.LoginHint, "response_type": how.ResponseType,
	} {
		if value != "" {
			params.Set(name, value)
		}
	}
	return params, nil
}

// NewVerifier returns a fresh PKCE code verifier (RFC 7636 section 4.1), 43 URL-safe characters.
func NewVerifier() vault.Secret { return vault.NewSecret(oauth2.GenerateVerifier()) }

// NewState returns a fresh state parameter, 43 URL-safe characters; some providers take no more.
func NewState() vault.Secret { return vault.NewSecret(oauth2.GenerateVerifier()) }
