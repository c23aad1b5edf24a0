package declared_test

import (
	"regexp"
	"slices"
	"strings"

	"github.com/claviger-proxy/claviger/connectors"
)

// invisible are places that a provider cannot see, or that say nothing for a connector, each with the reason.
var invisible = []struct {
	pattern string
	when    func(*connectors.Connector, mutant) bool // nil means always
	reason  string
}{
	{`authorize\.scope\.known\b`, nil, "descriptions for people"},
	{`authorize\.raw_params more`, nil, "it names a parameter that is not sent"},
	{`limits\b`, nil, "what people are told"},
	{`callback\.local\b`, nil, "redirect URIs that are not registered here; see TestPublicRedirect"},
	{`refresh\.rotates`, nil, "a note for people: a new refresh token is stored whenever it comes"},
	{`refresh\.(margin|keepalive|limit)\b`, nil, "when and how often the client refreshes"},
	{`token\.(expires_from|ttl|default_ttl)|steps\[\d+\]\.default_ttl`, nil, "what the client concludes from what the answer does not say"},
	{`api\.(hosts|within)\b`, nil, "what the client guards itself against"},
	{`refresh\.ttl`, func(c *connectors.Connector, _ mutant) bool { return c.Token.Response.RefreshExpires.Path != "" }, "the answer says it"},
	{`refresh\.ttl`, added, "a life of refresh tokens that nobody tells"},
	{`.*\.capture more|.*\.slots more|.*\.refresh_expires\.path|authorize\.issuer|authorize\.issuer_required`, added, "a provider that says more than is asked for"},
	{`errors\.(permanent|operator|transient)_when\[\d+\]\.(code|text|status)`, added, "as above: what was declared is said still"},
	{`steps\[\d+\]\.response\.(refresh_expires|refresh|id_token)\b`, added, "as above: what is not declared is not in a step's answer"},
	{`errors\..*\] gone|callback\.error_params\[\d+\] gone|install\.pass\[\d+\] gone`, nil, "a provider that never says it"},
	{`errors\.operator_when\[\d+\]\.code`, nil, "a refusal that nobody knows is taken for one that the operator has to look at, too"},
	{`callback\.state`, func(c *connectors.Connector, _ mutant) bool { return c.Callback.State == connectors.StateInstall }, "a state that is given back is always understood"},
	{`.*\.refresh_expires\.as`, func(c *connectors.Connector, _ mutant) bool { return c.Token.Response.RefreshExpires.Path == "" }, "it says nothing without a path"},
	{`refresh\.`, func(c *connectors.Connector, _ mutant) bool { return !refreshes(c) }, "there is no refresh, but the grant once more"},
	{`refresh\.scope`, func(c *connectors.Connector, _ mutant) bool { return c.Authorize.Scope.None }, "there are no scopes to send"},
	{`token\.response\.(refresh|refresh_expires)\b|revoke\.token`, noRefreshToken, "there is no refresh token"},
	{`revoke\.token`, func(c *connectors.Connector, _ mutant) bool { return c.Revoke.Body == "none" }, "the token is not in the call"},
	{`token\.echo_state`, func(c *connectors.Connector, _ mutant) bool { return !c.Mode.Consents() }, "there is no state"},
	{`authorize\.response_type`, func(c *connectors.Connector, _ mutant) bool {
		return slices.Contains(c.Authorize.Omit, "response_type")
	}, "it is not sent"},
	{`token\.response\.(expires|scope|scope_separator)\b`, toldElsewhere, "a later answer says it"},
	{`steps\[\d+\]\.response\.(scope|scope_separator)\b`, func(c *connectors.Connector, _ mutant) bool { return !c.Token.URL.IsZero() }, "the token endpoint has said it"},
	{`steps\[\d+\]\.response\.expires\b`, func(c *connectors.Connector, _ mutant) bool { return c.Steps[0].DefaultTTL > 0 }, "the answer does not say it"},
	{`steps\[\d+\]\.response\.(access|expires|scope|scope_separator|error_path)\b`, hasText, "the answer is the token and nothing else"},
	{`steps\[\d+\]\.response\.scope_separator\b`, noBody, "the answer has no scopes"},
	{`signer\.(key|key_id|timestamp_as)`, added, "it is in no part of the request"},
	{`signer\.token_secret`, func(c *connectors.Connector, _ mutant) bool { return c.Signer.Method == "RSA-SHA1" }, "the private key signs alone"},
	{`client_cert\.key`, nil, "the provider sees the certificate"},
	{`errors\.(permanent|operator|transient)_when\b`, func(c *connectors.Connector, _ mutant) bool {
		return c.Token.URL.IsZero() && len(c.Steps) == 0
	}, "there are no calls for tokens"},
	{`rate\.max_wait`, nil, "how long the client believes what it is told"},
	{`rate\..*\] gone`, nil, "a provider that never says it"},
	{`rate\.`, asksNothing, "the client asks nothing by itself"},
	{`.*(ok|success)_when\.in\[\d+\] gone`, nil, "a provider that says the others only"},
	{`verify\.ok_when`, func(c *connectors.Connector, _ mutant) bool { return isAbsent(c.Verify.OKWhen) }, "it is not there in an answer with status 200"},
	{`revoke\.ok_when`, func(c *connectors.Connector, _ mutant) bool { return isAbsent(c.Revoke.OKWhen) }, "as above"},
	{`discover\[\d+\]\.label`, added, "a provider that calls things by a name that nobody asks for"},
	{`paginate\b`, func(c *connectors.Connector, _ mutant) bool {
		return !slices.ContainsFunc(c.Discover, func(d connectors.Discover) bool { return d.Paginate == nil })
	}, "there is no list that it holds for"},
	{`(discover\[\d+\]\.)?paginate( gone|\.style)`, whole, "a provider that gives the whole list at once"},
	{`(api|token|revoke|steps\[\d+\]\.request)\.headers\.(Accept|User-Agent) gone`, nil, "every request may have it"},
}

// whole tells whether lists have one page.
func whole(_ *connectors.Connector, m mutant) bool {
	return strings.HasSuffix(m.path, " gone") || m.to == string(connectors.PageNone)
}

func added(_ *connectors.Connector, m mutant) bool { return m.added }

// asksNothing tells whether there are neither checks nor refreshes.
func asksNothing(c *connectors.Connector, _ mutant) bool {
	i := c.Identity
	return c.Verify == nil && (i == nil || i.From != "") && noRefreshToken(c, mutant{}) && !c.RenewsWithoutRefreshToken()
}

// isAbsent tells whether a condition is met by what is not there.
func isAbsent(c *connectors.Condition) bool { return c != nil && c.Present != nil && !*c.Present }

// refreshes tells whether there are refreshes.
func refreshes(c *connectors.Connector) bool {
	return c.Refresh.With == connectors.RefreshWithAccess || !noRefreshToken(c, mutant{})
}

func noRefreshToken(c *connectors.Connector, _ mutant) bool {
	return c.Refresh.None || c.Refresh.With != connectors.RefreshWithToken && (c.Refresh.With != "" || !c.Mode.NeedsUser())
}

// toldElsewhere tells whether the expiry is not that in the answer of the token endpoint.
func toldElsewhere(c *connectors.Connector, m mutant) bool {
	t := c.Token
	silent := t.Response.Expires.Path == "" && (t.DefaultTTL > 0 || t.ExpiresFrom != "")
	return silent && strings.Contains(m.path, ".expires") ||
		slices.ContainsFunc(c.Steps, func(s connectors.Step) bool { return s.Response != nil })
}

func hasText(c *connectors.Connector, _ mutant) bool { return hasFormat(c, "text") }

func noBody(c *connectors.Connector, _ mutant) bool {
	return hasFormat(c, "text") || hasFormat(c, "header") || hasFormat(c, "cookie")
}

func hasFormat(c *connectors.Connector, format string) bool {
	return slices.ContainsFunc(c.Steps, func(s connectors.Step) bool { return s.Response != nil && s.Response.Format == format })
}

// hidden tells whether nothing can be noticed.
func hidden(c *connectors.Connector, m mutant) bool {
	for _, place := range invisible {
		if regexp.MustCompile(`\A(?:`+place.pattern+`)`).MatchString(m.path) && (place.when == nil || place.when(c, m)) {
			return true
		}
	}
	return false
}
