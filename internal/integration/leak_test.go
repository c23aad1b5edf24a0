package integration

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/claviger-proxy/claviger/internal/fakeprovider"
)

// The leak check (L-07) runs after all tests of this package: whatever the run has written, and
// whatever it has answered beside the provider's own words, is searched for every secret that any
// provider of the run has minted or seen.

var leaks struct {
	mu        sync.Mutex
	dir       string
	providers []*fakeprovider.Server
	// secrets are those that no provider has minted.
	secrets []string
	answers bytes.Buffer
}

func TestMain(m *testing.M) {
	if dir := os.Getenv(holdVault); dir != "" {
		os.Exit(hold(dir))
	}
	dir, err := os.MkdirTemp("", "claviger-logs")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	leaks.dir = dir
	stderr := captureStderr(filepath.Join(dir, "stderr.txt"))
	code := m.Run()
	stderr()
	if found := searchLeaks(); len(found) > 0 {
		fmt.Fprintln(os.Stderr, "LEAK CHECK FAILED:")
		for _, f := range found {
			fmt.Fprintln(os.Stderr, "  "+f)
		}
		code = 1
	}
	os.RemoveAll(dir)
	os.Exit(code)
}

// logFile is where every Caddy of this run logs to.
func logFile() string { return filepath.Join(leaks.dir, "caddy.log") }

// watch makes the leak check look for the provider's secrets.
func watch(p *fakeprovider.Server) {
	leaks.mu.Lock()
	defer leaks.mu.Unlock()
	leaks.providers = append(leaks.providers, p)
}

// watchSecret makes the leak check look for a secret.
func watchSecret(secret string) {
	leaks.mu.Lock()
	defer leaks.mu.Unlock()
	leaks.secrets = append(leaks.secrets, secret)
}

// keepAnswer keeps what a caller got, for the search: no answer may hold a credential. Of a long
// body the beginning is enough.
func keepAnswer(header http.Header, body []byte) {
	leaks.mu.Lock()
	defer leaks.mu.Unlock()
	header.Write(&leaks.answers)
	leaks.answers.Write(body[:min(len(body), 1<<20)])
}

// captureStderr sends this process's standard error through a file, and prints it at the end.
func captureStderr(path string) (restore func()) {
	f, err := os.Create(path)
	if err != nil {
		return func() {}
	}
	old := os.Stderr
	os.Stderr = f
	return func() {
		os.Stderr = old
		f.Seek(0, io.SeekStart)
		io.Copy(old, f)
		f.Close()
	}
}

// searchLeaks returns one line for each secret found, with the file but without the secret.
func searchLeaks() (found []string) {
	leaks.mu.Lock()
	defer leaks.mu.Unlock()
	haystacks := map[string]string{"answers": leaks.answers.String()}
	filepath.WalkDir(leaks.dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if data, err := os.ReadFile(path); err == nil {
				haystacks[filepath.Base(path)] = string(data)
			}
		}
		return nil
	})
	secrets, minted := 0, leaks.secrets
	for _, p := range leaks.providers {
		minted = append(minted, p.Secrets()...)
	}
	for _, secret := range minted {
		if len(secret) < 8 {
			continue
		}
		secrets++
		for name, text := range haystacks {
			if form, needle, ok := findSecret(text, secret); ok {
				near := context60(text, strings.Index(text, needle), len(needle))
				found = append(found, fmt.Sprintf("%s holds a secret (%s) near %q", name, form, near))
			}
		}
	}
	for name, text := range haystacks {
		for _, sign := range []string{"panic", "goroutine 1 ["} {
			if i := strings.Index(text, sign); i >= 0 && name != "answers" {
				found = append(found, fmt.Sprintf("%s tells of a panic: %q", name, text[max(0, i-200):min(len(text), i+400)]))
			}
		}
	}
	if len(leaks.providers) > 0 && secrets == 0 {
		found = append(found, "the check had no secrets to look for")
	}
	fmt.Printf("leak check: %d secrets, %d logs, %d bytes\n", secrets, len(haystacks), total(haystacks))
	return found
}

// findSecret tells whether a text holds a secret, and in which form.
func findSecret(text, secret string) (form, needle string, found bool) {
	for form, needle := range forms(secret) {
		if strings.Contains(text, needle) {
			return form, needle, true
		}
	}
	return "", "", false
}

// forms are the ways in which a secret could have been written: as it is, escaped, and within a text
// in base64, where it begins at one of three places in a group.
func forms(secret string) map[string]string {
	f := map[string]string{"raw": secret, "query": url.QueryEscape(secret), "path": url.PathEscape(secret), "hex": hex.EncodeToString([]byte(secret))}
	for shift := range 3 {
		padded := append(make([]byte, shift), secret...)
		from, to := (shift*8+5)/6, len(padded)*8/6
		f[fmt.Sprint("base64 at ", shift)] = base64.RawStdEncoding.EncodeToString(padded)[from:to]
		f[fmt.Sprint("base64url at ", shift)] = base64.RawURLEncoding.EncodeToString(padded)[from:to]
	}
	return f
}

// context60 is what stands before a secret, to find the place that wrote it.
func context60(text string, i, n int) string {
	return text[max(0, i-60):i] + "…" + text[i+n:min(len(text), i+n+20)]
}

func total(texts map[string]string) (n int) {
	for _, t := range texts {
		n += len(t)
	}
	return n
}
