package integration

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what the Caddyfiles adapt to into their files")

const dashes = "\n----------\n"

// Each file of testdata/adapt is a Caddyfile, ten dashes, and what it adapts to: JSON, or an error.
func TestAdapt(t *testing.T) {
	files, err := filepath.Glob("testdata/adapt/*.caddyfiletest")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files, %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".caddyfiletest"), func(t *testing.T) {
			caddyfile, want, found := strings.Cut(readFile(t, file), dashes)
			if !found && !*update {
				t.Fatal("the file has no line of ten dashes")
			}
			got := adapted(t, caddyfile)
			if *update {
				if err := os.WriteFile(file, []byte(strings.TrimRight(caddyfile, "\n")+"\n"+dashes+got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// adapted is the JSON of a Caddyfile with its keys in order, or its error.
func adapted(t *testing.T, caddyfile string) string {
	t.Helper()
	config, err := adapt(caddyfile)
	if err != nil {
		return "error: " + err.Error() + "\n"
	}
	var v any
	if err := json.Unmarshal(config, &v); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "\t")
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return out.String()
}
