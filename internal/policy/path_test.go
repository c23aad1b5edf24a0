package policy_test

import (
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/internal/policy"
)

func TestCheckPath(t *testing.T) {
	tests := []struct {
		name string // row of the threat list
		path string
		want string // code, empty: accepted
	}{
		{"root", "/", ""},
		{"plain", "/v1/me", ""},
		{"trailing slash", "/v1/me/", ""},
		{"empty segment inside", "/bucket//key", ""},
		{"all of pchar", "/aZ09-._~!$&'()*+,;=:@[]", ""},
		{"dot file", "/.well-known/..x/...", ""},
		{"parameters", "/v1/item;version=2/x", ""},
		{"empty", "", policy.CodePath},
		{"relative", "v1/me", policy.CodePath},
		{"query", "/v1/me?x=1", policy.CodePath},

		{"S-01", "//evil.test/x", policy.CodePath},
		{"S-01 after a prefix", "///x", policy.CodePath},
		{"S-01 with parameters", "/;x/evil.test", policy.CodePath},

		{"S-07 dots", "/v1/../../admin", policy.CodePath},
		{"S-07 dots at the end", "/v1/..", policy.CodePath},
		{"S-07 dots first", "/../admin", policy.CodePath},
		{"S-07 one dot", "/./admin", policy.CodePath},
		{"S-07 one dot at the end", "/v1/.", policy.CodePath},
		{"S-07 encoded", "/v1/%2e%2e/admin", policy.CodePath},
		{"S-07 half encoded", "/v1/.%2e/admin", policy.CodePath},
		{"S-07 other half", "/v1/%2E./admin", policy.CodePath},
		{"S-07 encoded slash", "/v1/%2E%2E%2Fadmin", policy.CodePath},
		{"S-07 between encoded slashes", "/v1/a%2F..%2Fadmin", policy.CodePath},
		{"S-07 one encoded dot", "/%2e/admin", policy.CodePath},
		{"S-07 trailing space", "/v1/..%20/admin", policy.CodePath},
		{"S-07 overlong", "/v1/%c0%ae%c0%ae/admin", policy.CodePath},
		{"S-07 overlong slash", "/v1/..%e0%80%afadmin", policy.CodePath},
		{"S-07 overlong, four bytes", "/v1/%f0%80%80%ae/admin", policy.CodePath},

		{"S-08 bare", "/v1/..;/admin", policy.CodePath},
		{"S-08 named", "/v1/..;a=b/admin", policy.CodePath},
		{"S-08 one dot", "/v1/.;/admin", policy.CodePath},
		{"S-08 encoded dots", "/v1/%2e%2e;a/admin", policy.CodePath},
		{"S-08 encoded semicolon", "/v1/..%3b/admin", policy.CodePath},
		{"S-08 no name", "/v1/;a=b/admin", policy.CodePath},
		{"S-08 cut by a query", "/v1/..%3fx/admin", policy.CodePath},
		{"S-08 cut by a fragment", "/v1/..%23x/admin", policy.CodePath},

		{"S-09 slash", "/api/v4/projects/grp%2Fname", ""},
		{"S-09 slash, lower case", "/api/v4/projects/grp%2fsub%2fname/issues", ""},
		{"S-09 at", "/calendars/ada%40example.com/events", ""},
		{"S-09 channel", "/rooms/%23general%3Aexample.com", ""},
		{"S-09 UTF-8", "/files/%D0%B0%E2%82%AC%F0%9F%98%80", ""},
		{"S-09 percent", "/files/100%25", ""},
		{"S-09 encoded twice", "/files/a%2520b", ""},
		{"S-09 URL in a segment", "/sites/https%3A%2F%2Fexample.com%2Fa%2520b", ""},

		{"S-10 dots", "/v1/%252e%252e%252fadmin", policy.CodePath},
		{"S-10 mixed layers", "/v1/%252e%2e/admin", policy.CodePath},
		{"S-10 encoded digits", "/v1/%25%32%65%25%32%65/admin", policy.CodePath},
		{"S-10 three layers", "/v1/%25252e%25252e/admin", policy.CodePath},
		{"S-10 too many layers", "/v1/%2525252525252e/admin", policy.CodePath},
		{"S-10 literal", "/v1/%252e%252ex", ""},

		{"S-11 raw", `/v1\..\admin`, policy.CodePath},
		{"S-11 encoded", "/v1/%5c..%5cadmin", policy.CodePath},
		{"S-11 encoded, upper case", "/v1/a%5Cb", policy.CodePath},
		{"S-11 encoded twice", "/v1/a%255cb", policy.CodePath},

		{"S-12 nul", "/v1/a%00b", policy.CodePath},
		{"S-12 line break", "/v1/a%0d%0ab", policy.CodePath},
		{"S-12 line feed", "/v1/a%0Ab", policy.CodePath},
		{"S-12 encoded twice", "/v1/a%250ab", policy.CodePath},
		{"S-12 raw control", "/v1/a\x01b", policy.CodePath},
		{"S-12 raw DEL", "/v1/a\x7fb", policy.CodePath},
		{"S-12 raw UTF-8", "/v1/é", policy.CodePath},
		{"S-12 raw space", "/v1/a b", policy.CodePath},
		{"S-12 what net/url encodes anew", "/a%2fb|c", policy.CodePath},

		{"S-13 fragment before dots", "/allowed#/../denied", policy.CodePath},
		{"S-13 fragment", "/denied#x", policy.CodePath},

		{"escape cut off", "/v1/a%", policy.CodePath},
		{"escape half", "/v1/a%2", policy.CodePath},
		{"escape across a slash", "/v1/a%2/b", policy.CodePath},
		{"escape not hexadecimal", "/v1/a%zz", policy.CodePath},
		{"escape of IIS", "/v1/%u002e%u002e/x", policy.CodePath},

		{"S-16 longest", "/" + strings.Repeat("a", 16<<10-1), ""},
		{"S-16 too long", "/" + strings.Repeat("a", 16<<10), policy.CodeTooLong},
		{"S-16 long escaped segment", "/" + strings.Repeat("%41", 5<<10), ""},
		{"S-16 deep escapes", "/" + strings.Repeat("%25", 1) + strings.Repeat("25", 8000), policy.CodePath},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wantCode(t, policy.CheckPath(tt.path), tt.want)
		})
	}
}

var statuses = map[string]int{
	policy.CodeMethod: 405, policy.CodeTarget: 400, policy.CodePath: 400, policy.CodeTooLong: 414,
	policy.CodeUpgrade: 400, policy.CodeExpectation: 417, policy.CodeHost: 421,
	policy.CodeCaller: 403, policy.CodeBrowser: 403,
}

// wantCode checks the code of a refusal, the status that belongs to it, and that it says something.
func wantCode(t *testing.T, got *policy.Refusal, want string) {
	t.Helper()
	switch {
	case got == nil && want == "":
	case got == nil:
		t.Errorf("accepted, want %s", want)
	case got.Code != want:
		t.Errorf("got %q (%s), want %q", got.Code, got.Message, want)
	case got.Status != statuses[want]:
		t.Errorf("%s: got status %d, want %d", want, got.Status, statuses[want])
	case got.Message == "":
		t.Errorf("%s: no message", want)
	}
}
