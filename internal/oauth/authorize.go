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
	if app.Connector == nil || app.Endpoints == nil || app.ClientID == "" || req.RedirectURI == "" || req.State.IsZero() {
		return "", unsent(opAuthorize, ClassOperator, CodeIncomplete)
	}
	endpoint, err := url.Parse(app.Endpoints.Authorize)
	if err != nil || endpoint.Host == "" {
		return "", unsent(opAuthorize, ClassOperator, CodeIncomplete)
	}
	how := app.Connector.Authorize
	options, err := fixedParams(how, req)
	if err != nil {
		return "", err
	}
	if scopes := app.RequestedScopes(req.Scopes); len(scopes) > 0 {
		joined := strings.Join(scopes, or(how.Scope.Separator, " "))
		options = append(options, oauth2.SetAuthURLParam(or(how.Scope.Param, "scope"), joined))
	}
	if req.LoginHint != "" {
		options = append(options, oauth2.SetAuthURLParam("login_hint", req.LoginHint))
	}
	if how.PKCE != connectors.PKCEOff {
		if req.Verifier.IsZero() {
			return "", unsent(opAuthorize, ClassOperator, CodeIncomplete)
		}
		options = append(options, oauth2.S256ChallengeOption(req.Verifier.Reveal()))
	}
	config := oauth2.Config{
		ClientID:    app.ClientID,
		RedirectURL: req.RedirectURI,
		Endpoint:    oauth2.Endpoint{AuthURL: app.Endpoints.Authorize},
	}
	return config.AuthCodeURL(req.State.Reveal(), options...), nil
}

func fixedParams(how connectors.Authorize, req AuthorizeRequest) ([]oauth2.AuthCodeOption, error) {
	params := maps.Clone(how.Params)
	if req.Reconsent && len(how.ReconsentParams) > 0 {
		if params == nil {
			params = make(map[string]string)
		}
		maps.Copy(params, how.ReconsentParams)
	}
	var options []oauth2.AuthCodeOption
	for name, value := range params {
		if slices.Contains(ownParams, name) {
			return nil, unsent(opAuthorize, ClassOperator, CodeIncomplete)
		}
		options = append(options, oauth2.SetAuthURLParam(name, value))
	}
	return options, nil
}

// NewVerifier returns a fresh PKCE code verifier (RFC 7636 section 4.1), 43 URL-safe characters.
func NewVerifier() vault.Secret { return vault.NewSecret(oauth2.GenerateVerifier()) }

// NewState returns a fresh state parameter, 43 URL-safe characters; some providers take no more.
func NewState() vault.Secret { return vault.NewSecret(oauth2.GenerateVerifier()) }
