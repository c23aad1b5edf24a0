//go:build peers

package peers

import (
	"bytes"
	"context"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	startTime = 30 * time.Second
	stopTime  = 15 * time.Second
)

// output collects what a process writes; it may be read while the process runs.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// process is a server that runs until the test ends.
type process struct {
	name string
	out  *output
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
}

// launch starts a server, and waits until ready says so. When the test ends it is asked to stop, and
// must do so with exit status 0; its output is shown if the test has failed.
func launch(t *testing.T, name string, env []string, ready func(*process) bool, argv ...string) *process {
	t.Helper()
	p := &process{name: name, out: new(output), cmd: exec.Command(argv[0], argv[1:]...), done: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() { p.stop(t) })
	for deadline := time.Now().Add(startTime); !ready(p); time.Sleep(20 * time.Millisecond) {
		select {
		case <-p.done:
			t.Fatalf("%s has ended at once", name)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is not ready after %s", name, startTime)
		}
	}
	return p
}

func (p *process) stop(t *testing.T) {
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(stopTime):
		p.cmd.Process.Kill()
		<-p.done
		t.Errorf("%s did not stop within %s", p.name, stopTime)
	}
	if status := p.cmd.ProcessState; !status.Success() {
		t.Errorf("%s: %s", p.name, status)
	}
	if t.Failed() {
		t.Logf("output of %s:\n%s", p.name, tail(p.out.String()))
	}
}

// script runs a Node script to its end and returns its standard output.
func script(ctx context.Context, t *testing.T, env []string, argv ...string) ([]byte, error) {
	t.Helper()
	return command(ctx, t, env, append([]string{tools.node}, argv...)...)
}

// command runs a program to its end and returns its standard output. What it wrote to standard error
// is logged.
func command(ctx context.Context, t *testing.T, env []string, argv ...string) ([]byte, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Logf("%s: %v\n%s", strings.Join(argv[1:min(len(argv), 2)], " "), err, tail(stderr.String()))
	}
	return out, err
}

func tail(text string) string {
	return text[max(0, len(text)-6000):]
}

var (
	usedPorts   = map[int]bool{}
	usedPortsMu sync.Mutex
)

// freePort returns a port that nobody listens on, and never the same twice. It is below those that
// the system gives to clients, and no other package of tests takes from the same range.
func freePort(t *testing.T) int {
	t.Helper()
	usedPortsMu.Lock()
	defer usedPortsMu.Unlock()
	for {
		port := 18000 + rand.IntN(2000)
		if usedPorts[port] {
			continue
		}
		l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
		if err != nil {
			continue // somebody has it
		}
		l.Close()
		usedPorts[port] = true
		return port
	}
}
