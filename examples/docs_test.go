package examples

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/claviger-proxy/claviger/caddymodule/cli"
	"github.com/claviger-proxy/claviger/connectors"
)

// block is a fenced block of a Markdown file.
type block struct {
	file, language, text string
}

var fence = regexp.MustCompile("(?ms)^( *)```([a-z]*)\n(.*?)^ *```$")

func blocks(t *testing.T, file string) (all []block) {
	t.Helper()
	for _, m := range fence.FindAllStringSubmatch(readFile(t, file), -1) {
		text := strings.ReplaceAll("\n"+m[3], "\n"+m[1], "\n")[1:]
		all = append(all, block{file, m[2], text})
	}
	return all
}

// pages are all Markdown files that users read.
func pages(t *testing.T) []string {
	t.Helper()
	files := []string{"../README.md", "../CONTRIBUTING.md", "../SECURITY.md"}
	for _, root := range []string{"../docs", "."} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if d != nil && d.Name() == "node_modules" {
				return fs.SkipDir
			}
			if filepath.Ext(path) == ".md" {
				files = append(files, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func allBlocks(t *testing.T) (all []block) {
	t.Helper()
	for _, file := range pages(t) {
		all = append(all, blocks(t, file)...)
	}
	return all
}

func adapt(text string) ([]byte, []caddyconfig.Warning, error) {
	return caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), map[string]any{"filename": "Caddyfile"})
}

// Caddyfile.example is valid when its secrets are there, and it is formatted.
func TestCaddyfileExample(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("GITHUB_CLIENT_ID", "Iv1.example")
	if err := os.WriteFile(filepath.Join(dir, "github"), []byte("not a real one\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	text := readFile(t, "../Caddyfile.example")
	for _, change := range [][2]string{{"/run/secrets/", dir + "/"}, {"/var/lib/claviger", dir}, {"/run/claviger", dir}} {
		if !strings.Contains(text, change[0]) {
			t.Fatalf("the file has no %q", change[0])
		}
		text = strings.ReplaceAll(text, change[0], change[1])
	}
	config, warnings, err := adapt(text)
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	validate(t, config)
	if _, err := os.Stat(filepath.Join(dir, "vault")); err == nil {
		t.Error("validating has made the vault")
	}
}

func validate(t *testing.T, config []byte) {
	t.Helper()
	var c caddy.Config
	if err := json.Unmarshal(config, &c); err != nil {
		t.Fatal(err)
	}
	if err := caddy.Validate(&c); err != nil {
		t.Error(err)
	}
}

// Every Caddyfile of the documentation adapts and is formatted, every JSON configuration is valid, and
// so is every connector.
func TestConfigurations(t *testing.T) {
	t.Setenv("GITHUB_CLIENT_ID", "Iv1.example")
	t.Setenv("GITHUB_CLIENT_SECRET", "not a real one")
	t.Setenv("GOOGLE_CLIENT_ID", "example.apps.googleusercontent.com")
	catalog, err := connectors.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, b := range allBlocks(t) {
		switch b.language {
		case "caddyfile":
			n++
			if got := string(caddyfile.Format([]byte(b.text))); got != b.text {
				t.Errorf("%s: not formatted; it should be\n%s", b.file, got)
			}
			if _, _, err := adapt(whole(b.text)); err != nil {
				t.Errorf("%s: %v\n%s", b.file, err, b.text)
			}
		case "json":
			n++
			var top map[string]json.RawMessage
			if err := json.Unmarshal([]byte(b.text), &top); err != nil {
				t.Errorf("%s: %v\n%s", b.file, err, b.text)
			} else if top["apps"] != nil {
				validate(t, []byte(b.text))
			}
		case "yaml":
			if !strings.HasPrefix(b.text, "schema:") { // a part of a connector
				b.text = "schema: 1\nname: part\ntitle: Part\n" + b.text
			}
			if _, err := catalog.Decode(b.file, []byte(b.text)); err != nil {
				t.Errorf("%v\n%s", err, b.text)
			}
		}
	}
	if n < 10 {
		t.Errorf("there are %d configurations only", n)
	}
}

// whole makes a Caddyfile of a block that is a part of one: a global option, or directives of a site.
func whole(text string) string {
	word, _, _ := strings.Cut(strings.TrimLeft(text, "\n"), " ")
	switch {
	case word == "claviger" || word == "events":
		return "{\n" + text + "}\n"
	case strings.HasPrefix(word, "claviger_") || slices.Contains([]string{"handle", "route", "log_append", "reverse_proxy"}, strings.TrimSpace(word)):
		return ":8090 {\n" + text + "}\n"
	}
	return text
}

var (
	command = regexp.MustCompile("(?m)(?:^ *|[`$] ?|-- |caddy )claviger ([a-z][^`\n#]*)")
	flag    = regexp.MustCompile(` --?([a-z][a-z-]*)`)
)

// Every command that the documentation names is one of the program's, with those flags.
func TestCommands(t *testing.T) {
	n := 0
	root := program()
	for _, file := range pages(t) {
		for _, m := range command.FindAllStringSubmatch(readFile(t, file), -1) {
			n++
			args := strings.Fields(m[1])
			c, _, err := root.Find(args)
			if err != nil || c == root || c.HasSubCommands() && len(args) > 1 {
				t.Errorf("%s: there is no command `claviger %s`", file, m[1])
				continue
			}
			for _, f := range flag.FindAllStringSubmatch(m[1], -1) {
				if c.Flag(f[1]) == nil && (len(f[1]) > 1 || c.Flags().ShorthandLookup(f[1]) == nil && c.PersistentFlags().ShorthandLookup(f[1]) == nil) {
					t.Errorf("%s: `claviger %s` has no flag %s", file, m[1], f[1])
				}
			}
		}
	}
	if n < 20 {
		t.Errorf("the documentation names %d commands only", n)
	}
	reference := readFile(t, "../docs/reference/cli.md")
	for _, c := range program().Commands() {
		if c.Annotations["ours"] != "" && !strings.Contains(reference, "claviger "+c.Name()) {
			t.Errorf("docs/reference/cli.md does not name the command %s", c.Name())
		}
	}
}

// program is a command tree like that of cmd/claviger.
func program() *cobra.Command {
	root := &cobra.Command{Use: "claviger"}
	cli.Plugin().CobraFunc(root)
	for _, c := range root.Commands() {
		c.Annotations = map[string]string{"ours": "yes"}
	}
	for name, c := range caddycmd.Commands() {
		if name == "claviger" {
			continue
		}
		sub := &cobra.Command{Use: name}
		if c.CobraFunc != nil {
			c.CobraFunc(sub)
		}
		root.AddCommand(sub)
	}
	for _, name := range []string{"demo", "help", "version"} { // the program's own, beside the plugin's
		c := &cobra.Command{Use: name, Run: func(*cobra.Command, []string) {}}
		c.Flags().Bool("yes", false, "")
		c.Flags().Bool("all", false, "")
		root.AddCommand(c)
	}
	return root
}

var cliCode = regexp.MustCompile(`(?m)(?:\bfailed\(|^\t\{"[^"]*", )"([a-z_]+)"`)

// Every code that a command can end with is explained.
func TestCommandCodes(t *testing.T) {
	text := readFile(t, "../docs/reference/cli.md")
	files, err := filepath.Glob("../caddymodule/cli/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		for _, m := range cliCode.FindAllStringSubmatch(readFile(t, file), -1) {
			if !strings.Contains(text, "`"+m[1]+"`") {
				t.Errorf("docs/reference/cli.md does not explain %s of %s", m[1], filepath.Base(file))
			}
		}
	}
}

var link = regexp.MustCompile(`\]\(([^)#\s]+)(#[^)]*)?\)`)

// Links within the repository lead somewhere.
func TestLinks(t *testing.T) {
	for _, file := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(readFile(t, file), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(file), m[1])); err != nil {
				t.Errorf("%s: the link %s leads nowhere", file, m[1])
			}
		}
	}
}

// The reference of the connector file names every key. A type that stands in several places, such as a JWT,
// is explained in one of them.
func TestConnectorFile(t *testing.T) {
	text := readFile(t, "../docs/reference/connector-file.md")
	paths := map[string][]string{} // of each key
	keyPaths(reflect.TypeFor[connectors.Connector](), "", nil, paths)
	for key, places := range paths {
		if !slices.ContainsFunc(places, func(path string) bool { return strings.Contains(text, "`"+path+"`") }) {
			t.Errorf("connector-file.md does not name %s, which is %s", key, strings.Join(places, " or "))
		}
	}
	if len(paths) < 150 {
		t.Errorf("there are %d keys only", len(paths))
	}
}

// keyPaths collects the paths of the keys of typ, by the name of the type that has them. within are the types around it.
func keyPaths(typ reflect.Type, path string, within []reflect.Type, paths map[string][]string) {
	for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice || typ.Kind() == reflect.Map {
		typ = typ.Elem()
	}
	if typ.Kind() != reflect.Struct || slices.Contains(within, typ) {
		return
	}
	for i := range typ.NumField() {
		f := typ.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		full := strings.TrimPrefix(path+"."+name, ".")
		switch {
		case options == "inline":
			keyPaths(f.Type, path, within, paths)
		case name != "":
			paths[typ.Name()+"."+name] = append(paths[typ.Name()+"."+name], full)
			keyPaths(f.Type, full, append(within, typ), paths)
		}
	}
}
