package integration

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/claviger-proxy/claviger"

// floors says on which floor each package lives (ARCHITECTURE.md 2.2). An import may only go down:
// neither up, nor to a sibling. A package that is not here needs a place.
var floors = map[string]int{
	"connectors": 0, "vault/seal": 0, "internal/replay": 0, "internal/problem": 0, "internal/netguard": 0, "client": 0,
	"vault": 1, "vault/seal/transit": 1, "internal/sign": 1, "internal/openapi": 1, "internal/declared": 1, "internal/paging": 1,
	"vault/badgerstore": 2, "vault/pgstore": 2, "internal/oauth": 2, "internal/inject": 2, "internal/policy": 2, "internal/audit": 2, "internal/transfer": 2,
	"internal/connection": 3,
	"internal/broker":     4, "internal/consent": 4,
	"internal/tools": 5, "internal/webhook": 5, "internal/trial": 5,
	"internal/api": 6, "internal/mcp": 6,
}

const topFloor = 7

// top are the packages of the top floor, with what is below them. The command imports them all.
var top = []string{"caddymodule", "cmd"}

// kits are for tests, and for the demo, which runs one of them. They may import anything.
var kits = []string{"vault/vaulttest", "internal/fakeprovider", "internal/integration", "internal/comment", "examples"}

const demo = "caddymodule/demo"

// drivers are imported in one place each.
var drivers = map[string][]string{
	"github.com/caddyserver/":                 {"caddymodule", "cmd", "internal/integration", "examples"},
	"github.com/dgraph-io/badger/":            {"vault/badgerstore"},
	"golang.org/x/oauth2":                     {"internal/oauth"},
	"github.com/tink-crypto/tink-go/":         {"vault/seal"},
	"github.com/tink-crypto/tink-go-hcvault/": {"vault/seal/transit"},
	"github.com/hashicorp/vault/":             {"vault/seal/transit"},
	"github.com/zitadel/oidc/":                {"internal/fakeprovider"},
	"filippo.io/age":                          {"internal/transfer"},
	"github.com/aws/":                         {"internal/sign"},
	"github.com/dghubble/oauth1":              {"internal/sign"},
	"github.com/beevik/etree":                 {"internal/sign", "internal/declared"},
	"github.com/russellhaering/goxmldsig":     {"internal/sign", "internal/declared"},
	"github.com/go-jose/":                     {"internal/sign", "internal/fakeprovider"},
	"go.opentelemetry.io/":                    {"caddymodule"},
}

// under tells whether a package is one of the list or below one of them.
func under(pkg string, list ...string) bool {
	return slices.ContainsFunc(list, func(p string) bool { return pkg == p || strings.HasPrefix(pkg, p+"/") })
}

type goPackage struct {
	ImportPath, Name string
	Imports          []string
	Module           *struct{ Path string }
}

// packages lists the module's packages, without their tests.
func packages(t *testing.T) (list []goPackage) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=ImportPath,Name,Imports,Module", "./...")
	cmd.Dir = "../.."
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("listing the packages: %v\n%s", err, stderr.String())
	}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		if p.Module != nil && p.Module.Path == module {
			p.ImportPath = strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
			list = append(list, p)
		}
	}
}

// wrongImport says what is wrong with an import, or nothing.
func wrongImport(from, to string) string {
	for driver, places := range drivers {
		if strings.HasPrefix(to, driver) && !under(from, places...) {
			return "only " + strings.Join(places, ", ") + " may import it"
		}
	}
	to, ours := strings.CutPrefix(to, module+"/")
	if !ours || under(from, kits...) {
		return ""
	}
	if under(to, kits...) {
		if from == demo && to == "internal/fakeprovider" {
			return ""
		}
		return "it is for tests only"
	}
	if under(from, top...) {
		if under(to, "cmd") || under(to, top...) && under(from, "caddymodule/cli") {
			return "the import goes up"
		}
		return ""
	}
	floor := topFloor
	if f, ok := floors[to]; ok {
		floor = f
	}
	switch {
	case from == "client":
		return "the client has the standard library alone"
	case from == "internal/api" && to == "client":
		return ""
	case floor > floors[from]:
		return "the import goes up"
	case floor == floors[from]:
		return "siblings do not know each other"
	}
	return ""
}

func TestFloors(t *testing.T) {
	list := packages(t)
	if len(list) < 15 {
		t.Fatalf("go list gives %d packages of this module", len(list))
	}
	for _, p := range list {
		if _, ok := floors[p.ImportPath]; !ok && !under(p.ImportPath, top...) && !under(p.ImportPath, kits...) {
			t.Errorf("package %s has no floor", p.ImportPath)
		}
		for _, to := range p.Imports {
			if wrong := wrongImport(p.ImportPath, to); wrong != "" {
				t.Errorf("%s imports %s: %s", p.ImportPath, to, wrong)
			}
			if p.ImportPath == "client" && strings.Contains(strings.SplitN(to, "/", 2)[0], ".") {
				t.Errorf("client imports %s: it has the standard library alone", to)
			}
		}
	}
}

// What the floors refuse, so that a mistake in wrongImport is noticed.
func TestFloorsRefuse(t *testing.T) {
	for _, c := range []struct{ from, to string }{
		{"vault", module + "/internal/broker"},
		{"connectors", module + "/vault"},
		{"internal/oauth", module + "/internal/inject"},
		{"internal/broker", module + "/internal/consent"},
		{"internal/consent", module + "/internal/api"},
		{"internal/webhook", module + "/internal/api"},
		{"internal/api", module + "/caddymodule"},
		{"client", module + "/internal/problem"},
		{"internal/broker", module + "/internal/fakeprovider"},
		{"caddymodule", module + "/vault/vaulttest"},
		{"caddymodule/cli", module + "/caddymodule"},
		{"caddymodule", module + "/cmd/claviger"},
		{"internal/api", "github.com/caddyserver/caddy/v2"},
		{"caddymodule", "github.com/dgraph-io/badger/v4"},
		{"internal/broker", "go.opentelemetry.io/otel/trace"},
		{"internal/broker", "golang.org/x/oauth2"},
		{"vault", "github.com/tink-crypto/tink-go/v2/tink"},
		{"vault/seal", "github.com/tink-crypto/tink-go-hcvault/v2/integration/hcvault"},
		{"caddymodule/keytransit", "github.com/hashicorp/vault/api"},
		{"vault/seal", module + "/vault/seal/transit"},
		{"vault", module + "/vault/seal/transit"},
		{"internal/sign", module + "/vault"},
		{"internal/inject", "github.com/aws/aws-sdk-go-v2/aws/signer/v4"},
		{"internal/oauth", "github.com/go-jose/go-jose/v4"},
	} {
		if wrongImport(c.from, c.to) == "" {
			t.Errorf("%s may import %s", c.from, c.to)
		}
	}
}

// revealers are where a secret may be turned into text: where it is sealed, sent or injected, and
// where consent writes it into a URL or a cookie of the user's browser, an export encrypts it, an import
// sends it to the server, or the API hands an access token out, or an answer that it has kept.
var revealers = []string{
	"vault", "internal/oauth", "internal/inject", "internal/consent/cookie.go", "internal/consent/held.go", "internal/transfer/write.go", "caddymodule/cli/moved.go",
	"internal/api/token.go", "internal/api/idempotency.go", "internal/connection/connection.go",
}

func TestRevealIsRare(t *testing.T) {
	root, seen := os.DirFS("../.."), 0
	err := fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && path != "." || d.Name() == "node_modules" || d.Name() == "testdata") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || under(path, kits...) {
			return nil
		}
		text, err := fs.ReadFile(root, path)
		if err != nil {
			return err
		}
		for i, line := range strings.Split(string(text), "\n") {
			if !strings.Contains(line, ".Reveal()") {
				continue
			}
			if seen++; !under(path, revealers...) {
				t.Errorf("%s:%d reveals a secret", path, i+1)
			}
		}
		return nil
	})
	if err != nil || seen == 0 {
		t.Errorf("found %d places, %v", seen, err)
	}
}
