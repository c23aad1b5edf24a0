package policy_test

import (
	"net/url"
	"path"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/internal/policy"
)

// FuzzCheckPath: however a provider reads an accepted path, with one decoding or two, it stays
// where it is, and net/url sends it byte for byte.
func FuzzCheckPath(f *testing.F) {
	for _, seed := range []string{
		"/", "/v1/me", "/a//b/", "//evil", "/v1/../x", "/v1/%2e%2e/x", "/v1/.%2E/x", "/v1/..;a=b/x",
		"/v1/%252e%252e%252fx", "/v1/%25%32%65%2e/x", "/grp%2Fname", "/a%2f..%2fb", "/ada%40b.c/x",
		"/v1/%5c..%5cx", "/a%255cb", "/a%00b", "/a%250ab", "/%c0%ae%c0%ae/x", "/x#y", "/100%25",
		"/a%2fb|c", "/..%20/x", "/;x/y", "/...", "/.a", "/[x]", "/%u002e", "/a%2525252525252e",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, p string) {
		if policy.CheckPath(p) != nil {
			return
		}
		u, err := url.ParseRequestURI(p)
		if err != nil || u.Host != "" || u.RawQuery != "" || u.EscapedPath() != p {
			t.Fatalf("net/url reads %q as %#v, %v", p, u, err)
		}
		if strings.HasPrefix(p, "//") {
			t.Fatalf("%q names a host", p)
		}
		for _, segment := range strings.Split(p, "/") {
			once, err := url.PathUnescape(segment)
			if err != nil {
				t.Fatalf("segment %q: %v", segment, err)
			}
			checkReading(t, p, once)
			if twice, err := url.PathUnescape(once); err == nil {
				checkReading(t, p, twice)
			}
			checkReading(t, p, lenient(once))
		}
	})
}

// lenient decodes what can be decoded and leaves bad escapes.
func lenient(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if i+3 <= len(s) && s[i] == '%' {
			if c, err := url.PathUnescape(s[i : i+3]); err == nil {
				b.WriteString(c)
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// checkReading looks at one decoded segment of p.
func checkReading(t *testing.T, p, segment string) {
	t.Helper()
	for _, c := range []byte(segment) {
		if c < ' ' || c == 0x7f || c == '\\' {
			t.Fatalf("%q holds byte %#x as %q", p, c, segment)
		}
	}
	for _, part := range strings.Split(segment, "/") {
		name, _, _ := strings.Cut(part, ";")
		for _, s := range []string{part, name} {
			if s == "." || s == ".." {
				t.Fatalf("%q has the dot segment %q as %q", p, s, segment)
			}
			if s != "" && path.Clean("/"+s) != "/"+s {
				t.Fatalf("path.Clean changes %q of %q", s, p)
			}
		}
	}
}
