package declared_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/connectors"
)

// hardCases are what others had to write code for, each with what says it in a connector file. What needs no key is
// not among them: a lifetime that is a number in quotes is read as one everywhere, and so is a refresh token kept that
// an answer does not replace. Nor is the webhook that tells the code of an installation, as the browser brings it, too
// (docs/decisions/0018-installs.md).
var hardCases = map[string]func(*connectors.Connector) bool{
	"the answer is below a member": func(c *connectors.Connector) bool {
		return anyAnswer(c, func(r connectors.TokenResponse) bool { return r.Root != "" })
	},
	"members have other names": func(c *connectors.Connector) bool {
		return anyAnswer(c, func(r connectors.TokenResponse) bool { return r.Access+r.RefreshToken+r.Expires.Path != "" })
	},
	"the answer is the token": func(c *connectors.Connector) bool {
		return anyAnswer(c, func(r connectors.TokenResponse) bool { return r.Format == "text" })
	},
	"the token is a cookie": func(c *connectors.Connector) bool {
		return anyAnswer(c, func(r connectors.TokenResponse) bool { return r.Format == "cookie" })
	},
	"success is a member's value": func(c *connectors.Connector) bool {
		return anyAnswer(c, func(r connectors.TokenResponse) bool { return r.SuccessWhen != nil })
	},
	"errors have another place": func(c *connectors.Connector) bool {
		return anyAnswer(c, func(r connectors.TokenResponse) bool { return r.ErrorPath != "" })
	},
	"several tokens": func(c *connectors.Connector) bool {
		return len(c.API.Slots) > 0 && anyAnswer(c, func(r connectors.TokenResponse) bool { return len(r.Slots) > 0 })
	},
	"the expiry is a moment": func(c *connectors.Connector) bool {
		return anyAnswer(c, func(r connectors.TokenResponse) bool {
			return slices.Contains([]string{"at_s", "at_ms", "rfc3339"}, r.Expires.As)
		})
	},
	"the expiry has another unit": func(c *connectors.Connector) bool {
		return anyAnswer(c, func(r connectors.TokenResponse) bool {
			return slices.Contains([]string{"in_ms", "in_min"}, r.Expires.As)
		})
	},
	"nobody says the expiry": func(c *connectors.Connector) bool {
		return c.Token.DefaultTTL > 0 || slices.ContainsFunc(c.Steps, func(s connectors.Step) bool { return s.DefaultTTL > 0 })
	},
	"the token says its expiry": func(c *connectors.Connector) bool { return c.Token.ExpiresFrom == connectors.ExpiresFromJWT },
	"introspection for the expiry": func(c *connectors.Connector) bool {
		return c.Token.ExpiresFrom == connectors.ExpiresFromIntrospection && c.Introspect != nil
	},
	"the token has no end": func(c *connectors.Connector) bool { return c.Token.TTL == connectors.TTLNever },

	"parameters are renamed": func(c *connectors.Connector) bool { return len(c.Authorize.ParamNames)+len(c.Token.FieldNames) > 0 },
	"parameters are left out": func(c *connectors.Connector) bool {
		return len(c.Authorize.Omit)+len(c.Token.Omit)+len(c.Refresh.Omit) > 0
	},
	"another grant type":           func(c *connectors.Connector) bool { return !c.Token.Params["grant_type"].IsZero() },
	"fields in the URL":            func(c *connectors.Connector) bool { return c.Token.Body == "query" },
	"public client":                func(c *connectors.Connector) bool { return c.Token.ClientAuth == connectors.ClientAuthNone },
	"the redirect URI is no field": func(c *connectors.Connector) bool { return slices.Contains(c.Token.Omit, "redirect_uri") },
	"the redirect URI once more":   func(c *connectors.Connector) bool { return c.Refresh.RedirectURI },
	"the state once more":          func(c *connectors.Connector) bool { return c.Token.EchoState },
	"client assertion":             func(c *connectors.Connector) bool { return c.Token.ClientAssertion != nil },
	"signature over sorted fields": func(c *connectors.Connector) bool {
		return c.Token.Sign != nil && named(c.Token.Sign.Key, "client_secret")
	},
	"the secret is the user": func(c *connectors.Connector) bool {
		b := c.Token.Basic
		return b != nil && named(b.User, "client_secret") && b.Password.IsZero()
	},
	"MD5 of the secret": func(c *connectors.Connector) bool {
		return anyParam(c.Token.Params, func(t connectors.Template) bool { return strings.Contains(t.String(), "md5(client_secret)") })
	},
	"digest with the code": func(c *connectors.Connector) bool {
		return anyParam(c.Token.Params, func(t connectors.Template) bool { return named(t, "code") && strings.Contains(t.String(), "sha256(") })
	},
	"something fresh in a header": func(c *connectors.Connector) bool { return anyParam(c.Token.Headers, connectors.Template.Volatile) },

	"exchanges after the code": func(c *connectors.Connector) bool { return c.Mode.Consents() && len(c.Steps) > 0 },
	"a token for a longer one": func(c *connectors.Connector) bool {
		return slices.ContainsFunc(c.Steps, func(s connectors.Step) bool { return s.When == "connect" && s.Response != nil })
	},
	"a login": func(c *connectors.Connector) bool { return c.Mode == connectors.ModeLogin && len(c.Steps) > 0 },
	"a body of XML": func(c *connectors.Connector) bool {
		return slices.ContainsFunc(c.Steps, func(s connectors.Step) bool {
			return !s.Request.Text.IsZero() && strings.Contains(s.Request.ContentType, "xml")
		})
	},
	"refreshed with the access token": func(c *connectors.Connector) bool { return c.Refresh.With == connectors.RefreshWithAccess },
	"refreshed elsewhere":             func(c *connectors.Connector) bool { return !c.Refresh.URL.IsZero() },
	"refreshed without grant type":    func(c *connectors.Connector) bool { return slices.Contains(c.Refresh.Omit, "grant_type") },
	"refreshed without secret":        func(c *connectors.Connector) bool { return slices.Contains(c.Refresh.Omit, "client_secret") },
	"the refresh token stays":         func(c *connectors.Connector) bool { return c.Refresh.Rotates == "never" },
	"no refresh at once":              func(c *connectors.Connector) bool { return c.Refresh.MinAge > 0 },

	"the host is in an answer": func(c *connectors.Connector) bool {
		captured := func(name string) bool { return strings.HasPrefix(name, "captured.") }
		return slices.ContainsFunc(c.HostNames(), captured) && len(c.API.Within) > 0
	},
	"the callback tells more":          func(c *connectors.Connector) bool { return len(c.Callback.Capture) > 0 },
	"the install page drops the state": func(c *connectors.Connector) bool { return c.Callback.State == connectors.StateInstall },
	"the install begins elsewhere":     func(c *connectors.Connector) bool { return c.Install.Inbound },
	"a client that is registered":      func(c *connectors.Connector) bool { return c.Register != nil },
	"SAML assertion":                   func(c *connectors.Connector) bool { return c.Mode == connectors.ModeSAMLBearer && c.SAML != nil },
	"static signatures of OAuth 1.0a": func(c *connectors.Connector) bool {
		return c.Mode == connectors.ModeStatic && c.Signer != nil && c.Signer.Kind == connectors.SignerOAuth1
	},
	"the code has another parameter": func(c *connectors.Connector) bool { return c.Callback.CodeParam != "" },
	"who it is, after the connect":   func(c *connectors.Connector) bool { return c.Identity != nil && c.Identity.From == "" },
	"one of several tenants":         func(c *connectors.Connector) bool { return len(c.Discover) > 0 },
	"a bad key is answered with 200": func(c *connectors.Connector) bool { return c.Verify != nil && c.Verify.OKWhen != nil },
	"a dead token is answered with 200": func(c *connectors.Connector) bool {
		return slices.ContainsFunc(c.Errors.ExpiredWhen, func(e connectors.Expired) bool { return e.Status == 200 })
	},
	"the token has a header of its own": func(c *connectors.Connector) bool {
		return slices.ContainsFunc(c.Inject, func(in connectors.Injection) bool {
			return in.In == connectors.InHeader && in.Name != "Authorization" && named(in.Template, "token")
		})
	},
}

// hardProviders are those that have them, with the file that expresses each: one of testdata/cases, or of the
// catalogue, with the way where there are several. One whose ways are those of another is expressed by its file.
var hardProviders = []struct {
	provider, file string
	cases          []string
}{
	{"AgencyZoom", "cases/embat", []string{"a login", "members have other names"}},
	{"Agiloft", "cases/agiloft", []string{"MD5 of the secret", "the expiry has another unit"}},
	{"Amazon SP-API", "cases/selling-partner", []string{"the code has another parameter", "the callback tells more", "the token has a header of its own"}},
	{"Amazon SP-API", "catalog/amazon-selling-partner/oauth", []string{"the code has another parameter", "parameters are left out"}},
	{"Apple", "cases/secret-jwt", []string{"client assertion"}},
	{"Aspire", "cases/clover", []string{"members have other names", "refreshed elsewhere"}},
	{"Attio MCP", "cases/public-client", []string{"public client"}},
	{"Avanan", "cases/text-token", []string{"the answer is the token", "nobody says the expiry"}},
	{"Bullhorn", "cases/bullhorn", []string{"exchanges after the code", "members have other names", "the expiry is a moment", "the host is in an answer", "the token has a header of its own"}},
	{"Clover", "cases/clover", []string{"the expiry is a moment", "refreshed without grant type", "refreshed without secret", "the redirect URI is no field", "the callback tells more"}},
	{"Coros", "cases/coros", []string{"success is a member's value", "nobody says the expiry", "refreshed elsewhere"}},
	{"Docuware", "cases/chain", []string{"exchanges after the code"}},
	{"Embat", "cases/embat", []string{"a login", "members have other names"}},
	{"Epic", "cases/smart-on-fhir", []string{"client assertion"}},
	{"Facebook", "catalog/facebook", []string{"a token for a longer one", "refreshed with the access token", "fields in the URL", "nobody says the expiry"}},
	{"Figma", "cases/figma", []string{"refreshed elsewhere", "refreshed without grant type", "the refresh token stays", "who it is, after the connect"}},
	{"Fiserv", "cases/fiserv", []string{"the expiry has another unit"}},
	{"Follow Up Boss", "cases/follow-up-boss", []string{"the state once more", "who it is, after the connect"}},
	{"GitHub App with its user", "cases/github-app-user", []string{"several tokens", "exchanges after the code", "the expiry is a moment", "the callback tells more"}},
	{"GitHub App", "catalog/github-app", []string{"the install begins elsewhere"}},
	{"GitLab", "cases/selling-partner", []string{"the redirect URI once more"}},
	{"HeyGen", "cases/public-client", []string{"public client", "refreshed elsewhere"}},
	{"Instagram", "cases/instagram", []string{"a token for a longer one", "refreshed with the access token", "no refresh at once"}},
	{"Instagram", "catalog/instagram", []string{"a token for a longer one", "refreshed with the access token", "no refresh at once"}},
	{"Intercom", "cases/smart-on-fhir", []string{"the redirect URI once more"}},
	{"Jira", "cases/jira", []string{"one of several tenants", "who it is, after the connect"}},
	{"Jira", "catalog/jira/oauth", []string{"one of several tenants"}},
	{"Jobber", "cases/jwt-life", []string{"the token says its expiry"}},
	{"Lightspeed", "cases/zoho", []string{"the host is in an answer", "the callback tells more"}},
	{"Mastodon", "catalog/mastodon/oauth", []string{"a client that is registered"}},
	{"Mercury", "cases/public-client", []string{"public client"}},
	{"Microsoft, with a certificate", "cases/certificate-jwt", []string{"client assertion"}},
	{"NetSuite TBA", "catalog/netsuite/token", []string{"static signatures of OAuth 1.0a"}},
	{"NetSuite M2M", "catalog/netsuite/certificate", []string{"client assertion"}},
	{"Okta", "cases/private-key-jwt", []string{"client assertion"}},
	{"OneDrive and SharePoint", "cases/two-resources", []string{"several tokens", "exchanges after the code"}},
	{"PostHog", "cases/public-client", []string{"public client"}},
	{"QuickBooks", "catalog/quickbooks", []string{"the callback tells more", "who it is, after the connect"}},
	{"Revolut", "cases/smart-on-fhir", []string{"client assertion", "the redirect URI once more"}},
	{"Sage Intacct", "cases/intacct", []string{"a login", "a body of XML"}},
	{"Salesforce", "cases/salesforce", []string{"introspection for the expiry", "the host is in an answer"}},
	{"Salesforce", "catalog/salesforce", []string{"introspection for the expiry", "the host is in an answer"}},
	{"Salesforce CDP", "cases/chain", []string{"exchanges after the code", "members have other names"}},
	{"SAP Business One", "cases/sap-b1", []string{"a login", "the token is a cookie"}},
	{"SellerCloud", "cases/chain", []string{"exchanges after the code"}},
	{"Sentry", "catalog/sentry-integration", []string{"the install page drops the state", "the callback tells more", "members have other names", "the expiry is a moment"}},
	{"Shopify", "catalog/shopify/oauth", []string{"the install begins elsewhere"}},
	{"Shopline", "cases/shopline", []string{"signature over sorted fields", "the answer is below a member", "members have other names", "parameters are renamed", "parameters are left out", "the expiry is a moment", "success is a member's value", "something fresh in a header"}},
	{"Slack", "cases/slack-users", []string{"several tokens", "success is a member's value", "a dead token is answered with 200", "the token has no end"}},
	{"Slack", "catalog/slack", []string{"several tokens", "success is a member's value"}},
	{"Smartsheet", "cases/smartsheet", []string{"digest with the code", "parameters are left out"}},
	{"Stripe Apps", "cases/secret-as-user", []string{"the secret is the user", "nobody says the expiry"}},
	{"Teams bot", "cases/two-resources", []string{"several tokens"}},
	{"Threads", "catalog/threads", []string{"a token for a longer one", "refreshed with the access token", "no refresh at once"}},
	{"3CX", "cases/tripletex", []string{"a login", "nobody says the expiry"}},
	{"SuccessFactors", "catalog/sap-successfactors", []string{"SAML assertion"}},
	{"TikTok", "cases/tiktok", []string{"the answer is below a member", "parameters are renamed", "success is a member's value", "errors have another place", "a bad key is answered with 200"}},
	{"TikTok", "catalog/tiktok", []string{"parameters are renamed"}},
	{"TikTok Ads", "cases/tiktok-ads", []string{"the answer is below a member", "parameters are renamed", "the redirect URI is no field", "the code has another parameter", "the token has a header of its own"}},
	{"Tripletex", "cases/tripletex", []string{"a login", "the answer is below a member", "nobody says the expiry"}},
	{"Veeva", "cases/chain", []string{"exchanges after the code"}},
	{"Visual Studio", "cases/visual-studio", []string{"parameters are renamed", "another grant type", "the redirect URI once more"}},
	{"Walmart", "cases/walmart", []string{"something fresh in a header", "the token has a header of its own"}},
	{"Walmart", "catalog/walmart-marketplace", []string{"something fresh in a header"}},
	{"WeChat", "cases/wechat", []string{"fields in the URL", "parameters are renamed", "refreshed without secret", "errors have another place", "a dead token is answered with 200"}},
	{"Withings", "cases/withings", []string{"signature over sorted fields", "the answer is below a member", "success is a member's value"}},
	{"Workday Adaptive", "cases/chain", []string{"exchanges after the code"}},
	{"Xero", "catalog/xero", []string{"one of several tenants"}},
	{"Yammer", "cases/yammer", []string{"members have other names", "the token has no end"}},
	{"Zoho", "cases/zoho", []string{"the host is in an answer", "the callback tells more", "fields in the URL"}},
	{"Zoho", "catalog/zoho-crm", []string{"the host is in an answer", "the callback tells more", "the refresh token stays"}},
}

// What others had to write code for is said in a file, and the file lives through [TestCases] or [TestCatalog].
func TestHardCases(t *testing.T) {
	files := map[string]*connectors.Connector{}
	catalog, err := connectors.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for folder, list := range map[string][]*connectors.Connector{"cases": cases(t), "catalog": catalog.All()} {
		for _, c := range list {
			for _, way := range ways(c) {
				files[folder+"/"+join(c.Name, way)], _ = c.Way(way)
			}
		}
	}
	shown := map[string]bool{}
	for _, p := range hardProviders {
		c := files[p.file]
		if c == nil {
			t.Errorf("%s: there is no %s", p.provider, p.file)
			continue
		}
		for _, name := range p.cases {
			says := hardCases[name]
			if says == nil {
				t.Errorf("%s: there is no case %q", p.provider, name)
				continue
			}
			if !says(c) {
				t.Errorf("%s: %s does not say: %s", p.provider, p.file, name)
			}
			shown[name] = true
		}
	}
	plain, err := connectors.Decode("plain.yaml", []byte(plainYAML))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range slices.Sorted(maps.Keys(hardCases)) {
		if !shown[name] {
			t.Errorf("no provider is there for: %s", name)
		}
		if hardCases[name](plain) {
			t.Errorf("a connector that says nothing special is taken for: %s", name)
		}
	}
}

// plainYAML is a connector of which nothing is hard.
const plainYAML = `
schema: 1
name: plain
title: Plain
authorize: {url: "https://plain.example.com/authorize"}
token: {url: "https://plain.example.com/token", client_auth: post}
api: {base_url: "https://plain.example.com/api"}
`

// anyAnswer tells whether one of the answers with a token is like that.
func anyAnswer(c *connectors.Connector, like func(connectors.TokenResponse) bool) bool {
	return like(c.Token.Response) || slices.ContainsFunc(c.Steps, func(s connectors.Step) bool { return s.Response != nil && like(*s.Response) })
}

func anyParam(params map[string]connectors.Template, like func(connectors.Template) bool) bool {
	return slices.ContainsFunc(slices.Collect(maps.Values(params)), like)
}

func named(t connectors.Template, name string) bool {
	return slices.Contains(t.Names(), name)
}
