package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/claviger-proxy/claviger/vault/seal"
)

// ports remembers which ones were given out, because scripts run at the same time.
var ports struct {
	sync.Mutex
	given map[int]bool
}

// freePort returns a port that nobody has: below those that systems give to clients, so that no
// connection takes it before the script does.
func freePort() (string, error) {
	ports.Lock()
	defer ports.Unlock()
	if ports.given == nil {
		ports.given = map[int]bool{}
	}
	for range 1000 {
		port := 20000 + rand.IntN(10000)
		if ports.given[port] {
			continue
		}
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			continue
		}
		_ = l.Close()
		ports.given[port] = true
		return strconv.Itoa(port), nil
	}
	return "", fmt.Errorf("no port is free")
}

// setFreePort is `freeport VAR...`.
func setFreePort(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		port, err := freePort()
		ts.Check(err)
		ts.Setenv(name, port)
	}
}

// writeSidecar is `sidecar [FILE]`: it writes the configuration that most scripts use, ./Caddyfile
// if no name is given.
func writeSidecar(ts *testscript.TestScript, _ bool, args []string) {
	name := "Caddyfile"
	if len(args) > 0 {
		name = args[0]
	}
	text, err := os.ReadFile(sidecarFile)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(name), text, 0o600))
}

// sidecarFile is absolute, because scripts run elsewhere.
var sidecarFile = func() string {
	dir, err := os.Getwd()
	if err != nil {
		return "testdata/Caddyfile"
	}
	return dir + "/testdata/Caddyfile"
}()

// waitReady is `ready [ADDRESS]`: it waits until the server at that admin endpoint, $ADMIN if none
// is given, is ready.
func waitReady(ts *testscript.TestScript, _ bool, args []string) {
	address := "127.0.0.1:" + ts.Getenv("ADMIN")
	if len(args) > 0 {
		address = args[0]
	}
	client := &http.Client{Timeout: 5 * time.Second, Transport: new(http.Transport)}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); <-tick.C {
		res, err := client.Get("http://" + address + "/claviger/ready")
		if err != nil {
			continue
		}
		_ = res.Body.Close()
		if res.StatusCode == http.StatusOK {
			return
		}
	}
	ts.Fatalf("no server has become ready at %s", address)
}

// readField is `field VAR NAME`: it puts a field of the JSON that the last command has printed
// into a variable.
func readField(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: field VAR NAME")
	}
	var document map[string]any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &document))
	ts.Setenv(args[0], fmt.Sprint(document[args[1]]))
}

// damageFile is `damage FILE`: it changes a byte in the middle.
func damageFile(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	text, err := os.ReadFile(path)
	ts.Check(err)
	text[len(text)/2] ^= 1
	ts.Check(os.WriteFile(path, text, 0o600))
}

// writeKey is `newkey FILE`.
func writeKey(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(seal.NewKeyText()), 0o600))
}
