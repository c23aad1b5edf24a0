package connectors_test

import (
	"cmp"
	_ "embed"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	texttemplate "text/template"

	"github.com/claviger-proxy/claviger/connectors"
)

const pageFolder = "../docs/connectors"

//go:embed testdata/page.tmpl
var pageText string

//go:embed testdata/pages.tmpl
var pagesText string

// Each connector has a page, and a list leads to them: `go test ./connectors -run Pages -update` writes both.
func TestPages(t *testing.T) {
	catalog, err := connectors.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	pages := map[string]string{"README.md": write(t, "list", pagesText, catalog.All())}
	for _, c := range catalog.All() {
		pages[c.Name+".md"] = write(t, c.Name, pageText, c)
	}
	there, err := filepath.Glob(pageFolder + "/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range there {
		if _, ok := pages[filepath.Base(file)]; ok {
			continue
		}
		if *update {
			err = os.Remove(file)
		} else {
			err = fmt.Errorf("%s is of no connector; run the test with -update", file)
		}
		if err != nil {
			t.Error(err)
		}
	}
	for name, want := range pages {
		file := filepath.Join(pageFolder, name)
		if *update {
			if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(file); err != nil || string(got) != want {
			t.Errorf("%s is out of date (%v); run the test with -update", file, err)
		}
	}
}

func write(t *testing.T, name, text string, data any) string {
	t.Helper()
	page, err := texttemplate.New(name).Funcs(pageFuncs).Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := page.Execute(&b, data); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// pageWay is a connector in one of its ways.
type pageWay struct {
	*connectors.Connector
	ID, Heading string
}

var pageFuncs = texttemplate.FuncMap{
	"ways":  pageWays,
	"modes": pageModes,
	"mode": func(m connectors.Mode) string {
		text := pageMode[cmp.Or(m, connectors.ModeCode)]
		return strings.ToUpper(text[:1]) + text[1:]
	},
	"flags": pageFlags,
	"cell":  func(text string) string { return strings.ReplaceAll(text, "|", `\|`) },
	"join":  func(list []string) string { return strings.Join(list, ", ") },
	"texts": func(list []connectors.Template) string {
		texts := make([]string, len(list))
		for i, t := range list {
			texts[i] = "`" + t.String() + "`"
		}
		return strings.Join(texts, " ")
	},
	"client": func(w pageWay) bool { id, _ := w.NeedsClient(); return id && w.Register == nil },
	"secret": func(w pageWay) bool { _, secret := w.NeedsClient(); return secret && w.Register == nil },
	"path": func(w pageWay) string {
		switch {
		case w.Verify != nil && w.Verify.Base == "" && len(w.Verify.Path.Names()) == 0 && (w.Verify.Method == "" || w.Verify.Method == "GET"):
			return w.Verify.Path.String()
		case w.Identity != nil && w.Identity.From == "" && w.Identity.Base == "" && len(w.Identity.Path.Names()) == 0 && (w.Identity.Method == "" || w.Identity.Method == "GET"):
			return w.Identity.Path.String()
		}
		return "/PATH"
	},
	"placed": func(in connectors.Injection) string {
		if in.Basic != nil {
			return "HTTP Basic, user `" + cmp.Or(in.Basic.User.String(), " ") + "`, password `" + cmp.Or(in.Basic.Password.String(), " ") + "`"
		}
		return strings.TrimSpace(in.In+" "+in.Name) + ": `" + in.Template.String() + "`"
	},
	"date": func(t connectors.Tested) string {
		switch t.How {
		case connectors.TestedDocumentation:
			return "against the provider's documentation, " + t.Date
		case connectors.TestedAccount:
			return "with a real account, " + t.Date
		case connectors.TestedEmulator:
			return "with an emulator, " + t.Date
		}
		return "not checked"
	},
}

// pageMode says what a mode is to somebody who has not met it.
var pageMode = map[connectors.Mode]string{
	connectors.ModeCode:              "OAuth 2.0 with consent",
	connectors.ModeClientCredentials: "OAuth 2.0 client credentials",
	connectors.ModePassword:          "OAuth 2.0 password grant",
	connectors.ModeDevice:            "OAuth 2.0 device authorization",
	connectors.ModeJWTBearer:         "OAuth 2.0 JWT bearer grant",
	connectors.ModeSAMLBearer:        "OAuth 2.0 SAML bearer grant",
	connectors.ModeTokenExchange:     "OAuth 2.0 token exchange",
	connectors.ModeJWT:               "JSON Web Token, signed here",
	connectors.ModeOAuth1:            "OAuth 1.0a with consent",
	connectors.ModeLogin:             "login for a session",
	connectors.ModeStatic:            "key or password",
	connectors.ModeNone:              "no credential",
}

func pageWays(c *connectors.Connector) []pageWay {
	if len(c.Ways) == 0 {
		return []pageWay{{Connector: c, Heading: "Connect"}}
	}
	var list []pageWay
	for _, w := range c.Ways {
		one, _ := c.Way(w.ID)
		list = append(list, pageWay{Connector: one, ID: w.ID, Heading: w.Title})
	}
	return list
}

func pageModes(c *connectors.Connector) string {
	var list []string
	for _, w := range pageWays(c) {
		if mode := pageMode[cmp.Or(w.Mode, connectors.ModeCode)]; !slices.Contains(list, mode) {
			list = append(list, mode)
		}
	}
	return strings.Join(list, "; ")
}

// pageFlags are what a command has to be given for the inputs, which are called name.
func pageFlags(name string, inputs []connectors.Input) string {
	var b strings.Builder
	given := map[string]string{}
	for _, in := range inputs {
		asked := slices.ContainsFunc(connectors.Asked(inputs, given), func(a connectors.Input) bool { return a.Name == in.Name })
		switch {
		case in.Optional || in.Default != "" || !asked:
		case in.Secret:
			fmt.Fprintf(&b, " --%s-file %s=%[2]s.txt", name, in.Name)
		default:
			given[in.Name] = cmp.Or(in.Example, strings.Join(in.Enum[:min(1, len(in.Enum))], ""), "VALUE")
			fmt.Fprintf(&b, " --%s %s=%s", name, in.Name, given[in.Name])
		}
	}
	return b.String()
}

// Nothing of a catalogue's text can change the page that it is on.
func TestPagesAreText(t *testing.T) {
	catalog, err := connectors.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range catalog.All() {
		texts := slices.Concat(c.Notes, c.Setup, []string{c.Title, c.Description}, slices.Collect(maps.Values(c.Authorize.Scope.Known)))
		for _, text := range texts {
			if strings.ContainsAny(text, "<>`\n|") {
				t.Errorf("%s: %q has marks that Markdown understands", c.Name, text)
			}
		}
	}
}
