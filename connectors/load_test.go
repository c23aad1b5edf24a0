package connectors_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the .err files of testdata/bad")

// minimal has only what a connector must have.
const minimal = `
schema: 1
name: minimal
title: Minimal
authorize:
  url: https://login.example.com/authorize
token:
  url: https://login.example.com/token
  client_auth: basic
api:
  base_url: https://api.example.com
`

// several are the files of testdata/bad with more than one mistake.
var several = map[string]bool{
	"anchor.yaml": true, "condition.yaml": true, "engine-params.yaml": true, "error-cases-twice.yaml": true, "error-cases.yaml": true,
	"error-codes.yaml": true, "expired-when.yaml": true, "hosts.yaml": true, "identity.yaml": true, "introspect.yaml": true,
	"introspection-missing.yaml": true, "missing-keys.yaml": true, "rate-body.yaml": true, "rate-header.yaml": true,
	"rate-status.yaml": true, "rate-window.yaml": true, "refresh-life.yaml": true, "refresh-none.yaml": true, "revoke.yaml": true,
	"register-names.yaml": true, "register-params.yaml": true, "token-expiry.yaml": true, "token-headers.yaml": true, "visible-value.yaml": true, "wrong-type.yaml": true,
}

func TestDecodeRefused(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in testdata/bad: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			c, err := connectors.Decode(filepath.Base(file), data)
			if err == nil || c != nil {
				t.Fatalf("Decode = %+v, %v; want nil and an error", c, err)
			}
			if e := new(connectors.Error); !errors.As(err, &e) {
				t.Errorf("error is a %T, want *connectors.Error", err)
			}
			if strings.Contains(err.Error(), "\n") != several[filepath.Base(file)] {
				t.Errorf("one mistake is told once, and several each: %v", err)
			}
			golden := strings.TrimSuffix(file, ".yaml") + ".err"
			if *update {
				if err := os.WriteFile(golden, []byte(err.Error()+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, readErr := os.ReadFile(golden)
			if readErr != nil {
				t.Fatal(readErr)
			}
			if diff := cmp.Diff(string(want), err.Error()+"\n"); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodeLimits(t *testing.T) {
	tests := []struct {
		name string
		data string
		want string
	}{
		{"too large", minimal + strings.Repeat("#", 256<<10), "x.yaml: the file is larger than 256 KiB"},
		{"not UTF-8", minimal + "# \xff\n", "x.yaml: the file is not UTF-8"},
		{"deep brackets", strings.Repeat("[\n", 100_000), "x.yaml:2001: nested too deeply"},
		{"deep dashes", strings.Repeat("- ", 100_000), "x.yaml:1: nested too deeply"},
		{"deep keys", strings.Repeat("? ", 100_000), "x.yaml:1: nested too deeply"},
		{"deep tags", strings.Repeat("!a ", 80_000), "x.yaml:1: nested too deeply"},
		{"deep brackets that pass", strings.Repeat("[", 2000), "x.yaml:1: sequence end token ']' not found"},
		{"deep dashes that pass", strings.Repeat("- ", 2000), "x.yaml:1: must be a mapping of keys to values"},
		{"long text", minimal + "description: " + strings.Repeat("x", 1001), "x.yaml:12: description: must not be longer than 1000 bytes"},
		{"empty", "", "x.yaml: the file is empty"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := connectors.Decode("x.yaml", []byte(tt.data))
			if err == nil || err.Error() != tt.want {
				t.Errorf("Decode: %v, want %q", err, tt.want)
			}
		})
	}
}

func TestDecodeMinimal(t *testing.T) {
	c := decode(t, minimal)
	if c.Authorize.PKCE != "" || len(c.Inject) != 0 || c.Verify != nil {
		t.Errorf("Decode = %+v, want empty optional parts", c)
	}
	e, err := c.Endpoints(nil)
	if err != nil || e.Refresh != e.Token {
		t.Errorf("Endpoints: Refresh = %q, %v; want %q", e.Refresh, err, e.Token)
	}
}

func TestDecodeEquals(t *testing.T) {
	for _, text := range []string{"true", "0", "ok", `"true"`, "1.10"} {
		c := decode(t, minimal+"verify: {path: /me, ok_when: {path: ok, equals: "+text+"}}\n")
		if got, want := c.Verify.OKWhen.Equals, strings.Trim(text, `"`); got != want {
			t.Errorf("equals: %s decodes to %q, want %q", text, got, want)
		}
	}
}

func TestLoadDir(t *testing.T) {
	file := func(name string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte(strings.ReplaceAll(minimal, "minimal", name))}
	}
	tests := []struct {
		name  string
		files fstest.MapFS
		want  string // names, or the error
	}{
		{"two", fstest.MapFS{"c/b.yaml": file("b"), "c/a.yml": file("a"), "c/README.md": {}, "c/d/x.yaml": {}}, "a b"},
		{"none", fstest.MapFS{"c/README.md": {}}, ""},
		{"no folder", fstest.MapFS{}, "c: reading the folder: open c: file does not exist"},
		{"other name", fstest.MapFS{"c/a.yaml": file("b")}, "c/a.yaml:3: name: is b, so the file must be called b.yaml"},
		{"twice", fstest.MapFS{"c/a.yaml": file("a"), "c/a.yml": file("a")}, "c/a.yml: name: connector a is already in c/a.yaml"},
		{
			"several mistakes",
			fstest.MapFS{"c/a.yaml": {Data: []byte("a: b")}, "c/b.yaml": {Data: []byte("[]")}, "c/c.yaml": file("c")},
			"c/a.yaml:1: a: unknown key",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			all, err := connectors.LoadDir(tt.files, "c")
			if err != nil {
				if !strings.HasPrefix(err.Error(), tt.want) || tt.want == "" || all != nil {
					t.Errorf("LoadDir = %v, %v; want nil and %q", all, err, tt.want)
				}
				return
			}
			var names []string
			for _, c := range all {
				names = append(names, c.Name)
			}
			if got := strings.Join(names, " "); got != tt.want {
				t.Errorf("LoadDir = %q, want %q", got, tt.want)
			}
		})
	}
}

// FuzzDecode: what decodes is valid, and after encoding it decodes to the same value.
func FuzzDecode(f *testing.F) {
	for _, pattern := range []string{"catalog/*.yaml", "testdata/good/*.yaml", "testdata/bad/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := connectors.Decode("fuzz.yaml", data)
		if err != nil {
			if e := new(connectors.Error); c != nil || !errors.As(err, &e) {
				t.Fatalf("Decode = %v, %v (%T)", c, err, err)
			}
			return
		}
		if err := c.Validate(); err != nil {
			t.Fatalf("Validate of what was decoded: %v", err)
		}
		checkRoundTrip(t, c)
	})
}

func checkRoundTrip(t *testing.T, c *connectors.Connector) {
	t.Helper()
	text, err := connectors.Encode(c)
	if err != nil {
		t.Fatalf("Encode: %v", err)
	}
	again, err := connectors.Decode("again.yaml", text)
	if err != nil {
		t.Fatalf("Decode of what was encoded: %v\n%s", err, text)
	}
	if diff := cmp.Diff(c, again); diff != "" {
		t.Fatalf("after a round trip (-want +got):\n%s\n%s", diff, text)
	}
}

func TestRoundTrip(t *testing.T) {
	for _, c := range builtin(t).All() {
		checkRoundTrip(t, c)
	}
	// Text that a YAML encoder has to quote.
	for _, text := range []string{
		"true", "~", "null", "1", "1.10", "0x1F", "2026-03-11", "- a", "a: b", "a #b", "#", "*a", "&a", "!a", "%a", "@a",
		"`a", "'", `"`, `\`, "{a}", "[a]", ",", "?", "? a", "|", ">", "-", "---", "...", "=", "<<", " a ", "é", "a\u2028b", ".inf",
		"\u0085", "\ufeff", "12:30:45", "yes", "a:", ":a",
	} {
		c := decode(t, minimal)
		c.Title, c.Description, c.Notes = text, text, []string{text}
		c.Authorize.Params = map[string]connectors.Template{}
		for _, name := range []string{"x", "true", "null", "1", "-", "~", "1.5"} {
			c.Authorize.Params[name] = parse(t, strings.NewReplacer("{", "{{", "}", "}}").Replace(text))
		}
		checkRoundTrip(t, c)
	}
}

func BenchmarkLoadDir(b *testing.B) {
	fsys, files := os.DirFS("."), 0
	b.ReportAllocs()
	for b.Loop() {
		all, err := connectors.LoadDir(fsys, "catalog")
		if err != nil {
			b.Fatal(err)
		}
		files += len(all)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(files), "ns/file")
}
