package connectors_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/connectors"
)

func TestInputClean(t *testing.T) {
	site := connectors.Input{Prefix: "https://", Suffix: ".example.com", Pattern: "[a-z0-9-]{1,63}", Normalize: []string{"trim", "host"}}
	host := connectors.Input{Pattern: ".*", Normalize: []string{"host"}}
	tests := []struct {
		name        string
		in          connectors.Input
		value, want string // empty means refused
	}{
		{"as it is", site, "acme", "acme"},
		{"with its suffix", site, "acme.example.com", "acme"},
		{"a whole URL", site, "https://acme.example.com/agent/dashboard?tab=1#top", "acme"},
		{"a whole URL in upper case", site, " HTTPS://ACME.Example.COM ", "acme"},
		{"a host with a path", site, "acme.example.com/x", "acme"},
		{"a host with a query", site, "acme.example.com?x", "acme"},
		{"without a scheme", site, "//acme.example.com/", "acme"},
		{"with a user", site, "https://me:pw@acme.example.com", "acme"},
		{"blanks", site, " acme\n", "acme"},
		{"another site", site, "https://acme.evil.test", ""},
		{"suffix in the middle", site, "acme.example.com.evil.test", ""},
		{"suffix only", site, ".example.com", ""},
		{"user before another host", site, "https://acme.example.com@evil.test", ""},
		{"backslash", site, `https://evil.test\.acme.example.com`, ""},
		{"several labels", site, "a.b.example.com", ""},
		{"control character", site, "ac\x00me", ""},
		{"empty", site, "", ""},
		{"nothing left", site, "https://.example.com", ""},
		{"host with a port", host, "https://Jira.Example.com:8443/browse", "jira.example.com:8443"},
		{"host with a port alone", host, "jira.example.com:8443/browse", "jira.example.com:8443"},
		{"host keeps other letters", host, "https://\u212aelvin.example.com", "\u212aelvin.example.com"},
		{"lower before suffix", connectors.Input{Suffix: ".x", Pattern: ".*", Normalize: []string{"lower"}}, "A.X", "a"},
		{"trim is asked for", connectors.Input{Pattern: "[a-z]+"}, " a", ""},
		{"prefix once", connectors.Input{Prefix: "x-", Pattern: ".*"}, "x-x-a", "x-a"},
		{"order", connectors.Input{Pattern: ".*", Normalize: []string{"host", "trim"}}, " a / b", "a"},
		{"whole pattern", connectors.Input{Pattern: "a|b"}, "ab", ""},
		{"line end", connectors.Input{Pattern: "a"}, "a\n", ""},
		{"enum", connectors.Input{Enum: []string{"eu", "us"}}, "us", "us"},
		{"not in the enum", connectors.Input{Enum: []string{"eu", "us"}}, "US", ""},
		{"enum after lower", connectors.Input{Enum: []string{"eu", "us"}, Normalize: []string{"lower"}}, "US", "us"},
		{"secret", connectors.Input{Secret: true}, "s3cret value", "s3cret value"},
		{"secret with a line", connectors.Input{Secret: true}, "s3cret\nvalue", ""},
		{"multiline", connectors.Input{Secret: true, Multiline: true}, "-----BEGIN\r\nx\n-----END\t", "-----BEGIN\r\nx\n-----END\t"},
		{"multiline with nul", connectors.Input{Secret: true, Multiline: true}, "s3cret\x00", ""},
		{"multiline with escape", connectors.Input{Secret: true, Multiline: true}, "s3cret\x1b", ""},
		{"secret with a pattern", connectors.Input{Secret: true, Pattern: "[0-9]+"}, "s3cret", ""},
		{"secret with an enum", connectors.Input{Secret: true, Enum: []string{"a"}}, "s3cret", ""},
		{"as long as can be", connectors.Input{Secret: true}, strings.Repeat("x", 16<<10), strings.Repeat("x", 16<<10)},
		{"too long", connectors.Input{Secret: true}, strings.Repeat("x", 16<<10+1), ""},
		{"braces", connectors.Input{Pattern: ".*"}, "{token}", "{token}"},
		{"broken pattern", connectors.Input{Pattern: "("}, "a", ""},
		{"pattern that closes its group", connectors.Input{Pattern: "a)|(?:b"}, "b", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.in.Clean(tt.value)
			if got != tt.want || (err == nil) != (tt.want != "") {
				t.Errorf("Clean(%.80q) = %.80q, %v; want %.80q", tt.value, got, err, tt.want)
			}
			if err != nil && tt.in.Secret && strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the error shows the secret: %v", err)
			}
			if err != nil && len(err.Error()) > 300 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
		})
	}
}

const asking = `
app:
  - {name: region, enum: [eu, us], default: eu}
  - {name: key, secret: true, example: sk_1}
account:
  - {name: site, pattern: "[a-z]+", example: acme, suffix: .example.com, normalize: [trim, host]}
  - {name: team, pattern: "[0-9]+", optional: true, normalize: [trim]}
`

func TestValues(t *testing.T) {
	tests := []struct {
		name  string
		given map[string]string
		want  connectors.Values
		err   string
	}{
		{"all", map[string]string{"site": " https://acme.example.com/x", "team": "7"}, connectors.Values{"account.site": "acme", "account.team": "7"}, ""},
		{"optional left out", map[string]string{"site": "acme"}, connectors.Values{"account.site": "acme"}, ""},
		{"optional is blank", map[string]string{"site": "acme", "team": "  "}, connectors.Values{"account.site": "acme"}, ""},
		{"missing", nil, nil, "site: connector minimal needs this parameter; for example acme"},
		{"blank", map[string]string{"site": " "}, nil, "site: connector minimal needs this parameter; for example acme"},
		{"suffix alone", map[string]string{"site": ".example.com"}, nil, "site: connector minimal needs this parameter; for example acme"},
		{"unfit", map[string]string{"site": "A1"}, nil, `site: value "a1" does not match the pattern [a-z]+; for example acme`},
		{"unknown", map[string]string{"site": "a", "port": "1", "x": "2"}, nil, "port: unknown parameter; connector minimal has: site, team\nx: unknown parameter; connector minimal has: site, team"},
		{"app's", map[string]string{"site": "a", "region": "eu"}, nil, "region: unknown parameter; connector minimal has: site, team"},
	}
	c := decode(t, minimal+asking)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := c.AccountValues(tt.given)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("AccountValues (-want +got):\n%s", diff)
			}
			if (err == nil) != (tt.err == "") || err != nil && err.Error() != tt.err {
				t.Errorf("AccountValues: %v, want %q", err, tt.err)
			}
		})
	}
	app, err := c.AppValues(map[string]string{"key": "s"})
	if diff := cmp.Diff(connectors.Values{"app.region": "eu", "app.key": "s"}, app); diff != "" || err != nil {
		t.Errorf("AppValues: %v (-want +got):\n%s", err, diff)
	}
	if app, err := c.AppValues(map[string]string{"key": "s3cret\x00"}); err == nil || app != nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("AppValues = %v, %v; want an error without the secret", app, err)
	}
}

func TestInputRefused(t *testing.T) {
	tests := []struct{ input, want string }{
		{"name: Site, pattern: a", ".name: must begin with a lower-case letter and have lower-case letters, digits and '_' only"},
		{"pattern: a", ".name: must begin with a lower-case letter and have lower-case letters, digits and '_' only"},
		{"name: a", ".pattern: is required: an RE2 expression that the whole value must match"},
		{"name: a, pattern: a, multiline: true", ".multiline: is for secrets only"},
		{"name: a, secret: true, default: a", ".default: must be left out: a secret has no default"},
		{"name: a, pattern: a, default: a, optional: true", ".optional: must be left out: with a default there is always a value"},
		{"name: a, pattern: a, help: 'http://x.example.com'", ".help: must be an absolute https URL"},
		{"name: a, pattern: a, normalize: [trim, upper]", `.normalize[1]: "upper" is not allowed; use trim, lower, host`},
		{"name: a, enum: [b, b]", ".enum[1]: is there twice"},
		{"name: a, enum: [b, '']", ".enum[1]: can never be given: it is not as normalize, prefix, suffix and pattern want it"},
		{"name: a, enum: [EU], normalize: [lower]", ".enum[0]: can never be given: it is not as normalize, prefix, suffix and pattern want it"},
		{"name: a, enum: [EU, eu], normalize: [lower]", ".enum[0]: can never be given: it is not as normalize, prefix, suffix and pattern want it"},
		{"name: a, enum: [eu], pattern: '[0-9]+'", ".enum[0]: can never be given: it is not as normalize, prefix, suffix and pattern want it"},
		{"name: a, enum: [eu, us], default: de", `.default: value "de" is not one of eu, us`},
		{"name: a, pattern: '[0-9]+', example: x", `.example: value "x" does not match the pattern [0-9]+`},
		{"name: a, pattern: 'a{1001}'", ".pattern: must be an RE2 expression: error parsing regexp: invalid repeat count: `{1001}`"},
		{"name: a, pattern: '(?=a)'", ".pattern: must be an RE2 expression: error parsing regexp: invalid or unsupported Perl syntax: `(?=`"},
	}
	for _, list := range []string{"app", "account"} {
		for _, tt := range tests {
			t.Run(list+" "+tt.input, func(t *testing.T) {
				_, err := connectors.Decode("x.yaml", []byte(minimal+list+":\n  - {name: first, pattern: x}\n  - {"+tt.input+"}\n"))
				if want := "x.yaml:14: " + list + "[1]" + tt.want; err == nil || err.Error() != want {
					t.Errorf("Decode: %v, want %q", err, want)
				}
			})
		}
	}
}
