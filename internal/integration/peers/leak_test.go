//go:build peers

package peers

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
)

// The leak check (L-07) runs after all tests: whatever Claviger has written (logs at level DEBUG, access
// logs with credentials, standard error, the configuration and metrics that it serves, the vault's
// files) is searched for every secret that a provider or Claviger itself has handed out.

var secrets struct {
	mu  sync.Mutex
	all map[string]bool
}

// addSecrets makes the leak check look for values.
func addSecrets(values ...string) {
	secrets.mu.Lock()
	defer secrets.mu.Unlock()
	if secrets.all == nil {
		secrets.all = map[string]bool{}
	}
	for _, v := range values {
		if len(v) >= 8 {
			secrets.all[v] = true
		}
	}
}

// shapes are what secrets that nobody has listed would look like in a log.
var shapes = regexp.MustCompile(`(?i)bearer [a-z0-9_.~+/-]{9,}|[?&](code|state|access_token|refresh_token|client_secret)=[a-z0-9_.~%-]{9,}` +
	`|"(access_token|refresh_token|client_secret)":"[a-z0-9_.~-]{9,}|/oauth/link/[a-z0-9_-]{9,}`)

// searchLeaks fails if anything was found, and if there was nothing to look for or to look at.
func searchLeaks() error {
	var found []error
	files, size := 0, 0
	err := filepath.WalkDir(tools.scratch, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || d.Name() == "key" {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files, size = files+1, size+len(data)
		name, _ := filepath.Rel(tools.scratch, path)
		for value := range secrets.all {
			if form, i := find(data, value); i >= 0 {
				found = append(found, fmt.Errorf("%s holds a secret (%s) after %q", name, form, data[max(0, i-80):i]))
			}
		}
		if !strings.Contains(path, "/vault/") { // sealed bytes have any shape
			for _, at := range shapes.FindAllIndex(data, -1) {
				found = append(found, fmt.Errorf("%s holds what looks like a secret after %q", name, data[max(0, at[0]-80):at[0]+8]))
			}
		}
		return nil
	})
	fmt.Printf("leak check: %d secrets, %d files, %d KiB\n", len(secrets.all), files, size>>10)
	switch {
	case err != nil:
		return fmt.Errorf("leak check: %w", err)
	case len(found) > 0:
		return fmt.Errorf("leak check failed:\n%w", errors.Join(found...))
	case files > 0 && len(secrets.all) == 0:
		return errors.New("the leak check had no secrets to look for")
	}
	return nil
}

// find looks for the ways in which a secret could have been written.
func find(data []byte, secret string) (form string, at int) {
	for form, needle := range map[string]string{
		"raw": secret, "base64": base64.StdEncoding.EncodeToString([]byte(secret)), "query": url.QueryEscape(secret),
	} {
		if i := bytes.Index(data, []byte(needle)); i >= 0 {
			return form, i
		}
	}
	return "", -1
}
