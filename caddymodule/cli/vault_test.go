package cli

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

// output is what a command has printed, and whether it has failed.
type output struct {
	out, err string
	failed   bool
}

// runVault runs `claviger vault` with the arguments, against a server that answers with h.
func runVault(t *testing.T, h http.HandlerFunc, args ...string) output {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return runAt(t, s.URL, args...)
}

func runAt(t *testing.T, admin string, args ...string) output {
	t.Helper()
	c := build(vaultCommand())
	var out, err bytes.Buffer
	c.SetOut(&out)
	c.SetErr(&err)
	c.SetArgs(append(args, "--admin", admin))
	failed := c.Execute() != nil
	return output{out.String(), err.String(), failed}
}

func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) }
}

func TestVerifyFaults(t *testing.T) {
	const found = `{"records":{"account":2},"faults":1002,"found":[{"kind":"account","id":"ca_1","problem":"it cannot be opened"},{"kind":"grant","id":"ca_2","problem":"it \u001b[2Jis odd"}]}`
	got := runVault(t, says(found), "verify")
	want := "account ca_1: it cannot be opened\ngrant ca_2: it [2Jis odd\n… and 1000 more\nIn order: 2 accounts.\n"
	if !got.failed || got.out != want || !strings.Contains(got.err, "The vault has 1002 faults (vault_damaged)") {
		t.Errorf("got %+v", got)
	}
	got = runVault(t, says(found), "verify", "--json")
	if !got.failed || !strings.Contains(got.out, `"faults": 1002`) || got.err != "" {
		t.Errorf("got %+v", got)
	}
	got = runVault(t, says(`{"records":{},"faults":0}`), "verify")
	if got.failed || got.out != "The vault is in order: no records.\n" {
		t.Errorf("got %+v", got)
	}
}

// A backup that is not whole leaves no file.
func TestBackupBroken(t *testing.T) {
	dir := t.TempDir()
	for name, h := range map[string]http.HandlerFunc{
		"broken off": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/octet-stream")
			fmt.Fprint(w, "claviger backup 1\n")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		},
		"refused": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprint(w, `{"code":"vault_unavailable","detail":"it is closed"}`)
		},
	} {
		got := runVault(t, h, "backup", filepath.Join(dir, "vault"))
		files, err := os.ReadDir(dir)
		if !got.failed || err != nil || len(files) > 0 {
			t.Errorf("%s: %+v, files %v, %v", name, got, files, err)
		}
	}
}

// With --admin, the vault itself is not opened when that server is away.
func TestAdminOnly(t *testing.T) {
	s := httptest.NewServer(says("{}"))
	s.Close()
	for _, args := range [][]string{{"verify"}, {"backup", filepath.Join(t.TempDir(), "x")}, {"status"}} {
		if got := runAt(t, s.URL, args...); !got.failed || !strings.Contains(got.err, "admin_unreachable") {
			t.Errorf("%v: %+v", args, got)
		}
	}
}

func TestWaitPaused(t *testing.T) {
	vault := `{"keys":[{"id":"ab","primary":true}],"resealing":{"needed":true,"paused":true,"seen":5,"total":1200}}`
	got := runVault(t, says(vault), "keys", "rotate", "--wait")
	if !got.failed || !strings.Contains(got.err, "reseal_paused") {
		t.Errorf("got %+v", got)
	}
	if got = runVault(t, says(vault), "status"); got.failed || !strings.Contains(got.out, "re-sealing   paused, 5 of 1,200 records done") {
		t.Errorf("got %+v", got)
	}
	if got = runVault(t, says(vault), "keys", "rotate"); got.failed || !strings.Contains(got.out, "being sealed anew") {
		t.Errorf("got %+v", got)
	}
}

func TestForgotten(t *testing.T) {
	got := runVault(t, says(`{"accounts":[{"account":{"id":"ca_1"},"revoke_error":"no way"}],"removed":["ca_1","ca_2"],"links":0,"erased":false}`), "forget", "ada", "--yes")
	for _, want := range []string{
		"ca_1 (a connection that is gone): deleted. The provider has not ended the grant: no way.\n",
		"ca_2: deleted. It could not be opened, so its provider was not asked.\n", "cannot tell whether its files",
	} {
		if got.failed || !strings.Contains(got.out, want) {
			t.Errorf("got %+v, want %q", got, want)
		}
	}
}

func TestDamagedAccounts(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("after") == "" {
			fmt.Fprint(w, `{"items":[],"next":"n","damaged":["ca_1"]}`)
			return
		}
		fmt.Fprint(w, `{"items":[{"id":"ca_2","identifier":"ada"},{"id":"ca_3","identifier":"ben"}]}`)
	}))
	t.Cleanup(s.Close)
	c := build(accountsCommand())
	var out, err bytes.Buffer
	c.SetOut(&out)
	c.SetErr(&err)
	c.SetArgs([]string{"list", "--limit", "1", "--admin", s.URL})
	if e := c.Execute(); e != nil || !strings.Contains(out.String(), "ca_2") || strings.Contains(out.String(), "ca_3") ||
		!strings.Contains(err.String(), "1 record cannot be opened: ca_1; `") || !strings.Contains(err.String(), "There are more than 1") {
		t.Errorf("got %v, %s, %s", e, out.String(), err.String())
	}
}

// An import is sent in batches, each with the connections that it needs.
func TestImportBatches(t *testing.T) {
	var rows strings.Builder
	rows.WriteString("connection,identifier,access_token\n")
	for i := range 250 {
		fmt.Fprintf(&rows, "mail,user%d,fictional\n", i)
	}
	file := filepath.Join(t.TempDir(), "accounts.csv")
	if err := os.WriteFile(file, []byte(rows.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	var sizes []int
	got := runVault(t, func(w http.ResponseWriter, r *http.Request) {
		in := strings.Count(readBody(t, r), `"identifier"`)
		sizes = append(sizes, in)
		list := strings.TrimSuffix(strings.Repeat(`{"connection":"mail","identifier":"x","outcome":"created"},`, in), ",")
		fmt.Fprintf(w, `{"accounts":[%s]}`, list)
	}, "import", file)
	if got.failed || got.out != "Accounts: 250 created.\n" || fmt.Sprint(sizes) != "[100 100 50 100 100 50]" || sizes[0] > client.MaxImport {
		t.Errorf("got %+v in batches of %v", got, sizes)
	}
}

func readBody(t *testing.T, r *http.Request) string {
	t.Helper()
	var b bytes.Buffer
	if _, err := b.ReadFrom(r.Body); err != nil {
		t.Error(err)
	}
	return b.String()
}

// What a restore has left that was cut short is told from no vault.
func TestHalfRestored(t *testing.T) {
	c, err := parseConfig("caddy.json", []byte(`{"apps":{"claviger":{"vault":{"backend":"badger","path":"/v"},"key":{"provider":"file"}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	g := &guests{config: c, keys: vaulttest.NewKeys(t)}
	for _, tt := range []struct {
		records int
		says    string
	}{{0, "there is no vault yet"}, {1, "is not whole"}} {
		store := vaulttest.NewStore(t)
		for range tt.records {
			if err := store.Apply(t.Context(), vault.Change{Record: vault.Record{Key: vault.Key{Kind: vault.KindAccount, ID: "a"}}}); err != nil {
				t.Fatal(err)
			}
		}
		_, err := openSealed(t.Context(), store, g)
		if f := failureOf(err); f.Code != "vault_missing" || !strings.Contains(f.Detail, tt.says) {
			t.Errorf("with %d records: %+v", tt.records, f)
		}
	}
}
