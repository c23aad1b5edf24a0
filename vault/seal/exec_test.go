package seal_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/vault/seal"
)

// printKey makes the test's program a command that prints a key.
const printKey = "print-key"

func TestMain(m *testing.M) {
	if len(os.Args) > 3 && os.Args[1] == printKey {
		os.Exit(command(os.Args[2], os.Args[3:]))
	}
	os.Exit(m.Run())
}

// command behaves as its first argument says. The second one is the name of the variable with what
// it prints, further ones are a file that counts its runs, and an address.
func command(mode string, args []string) int {
	text := os.Getenv(args[0])
	if len(args) > 1 && filepath.IsAbs(args[1]) {
		f, err := os.OpenFile(args[1], os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return 9
		}
		f.WriteString("x")
		f.Close()
	}
	switch mode {
	case "good":
		fmt.Print(text)
	case "large":
		fmt.Print(strings.Repeat(text, 1<<20/len(text)))
	case "fail":
		fmt.Print(text)
		fmt.Fprint(os.Stderr, os.Getenv("CLAVIGER_TEST_STDERR"))
		return 1
	case "silent":
		fmt.Fprint(os.Stderr, os.Getenv("CLAVIGER_TEST_STDERR"))
	case "input":
		b, _ := io.ReadAll(os.Stdin)
		fmt.Print(string(b), text)
	case "hang", "fork":
		child := exec.Command(os.Args[0], printKey, "hold", args[0], "", args[2])
		child.Stdout = os.Stdout
		if child.Start() != nil {
			return 9
		}
		if mode == "hang" {
			child.Wait()
		}
		fmt.Print(text)
	case "hold": // as long as the listener holds the connection
		c, err := net.Dial("tcp", args[2])
		if err != nil {
			return 9
		}
		io.Copy(io.Discard, c)
	}
	return 0
}

// printer is the command for a mode, with a secret argument that no error may show.
func printer(mode, variable string, more ...string) []string {
	return append(append([]string{os.Args[0], printKey, mode, variable}, more...), "secret-argument")
}

func wantHidden(t *testing.T, err error, key string) {
	t.Helper()
	for _, secret := range []string{"secret-argument", printKey, strings.TrimSpace(key), strings.TrimPrefix(strings.TrimSpace(key), "claviger-key-1:")} {
		if secret != "" && strings.Contains(err.Error(), secret) {
			t.Errorf("error %q shows %q", err, secret)
		}
	}
	if !strings.Contains(err.Error(), "key command "+os.Args[0]) {
		t.Errorf("error %q does not name the program", err)
	}
}

func TestExecKeysRefuse(t *testing.T) {
	key := seal.NewKeyText()
	bare := strings.TrimPrefix(key, "claviger-key-1:")
	tests := []struct {
		name, mode, text, stderr string
		want                     error
		says, hides              string
	}{
		{"a megabyte", "large", key, "", seal.ErrBadKey, "more than 4096 bytes", ""},
		{"two keys", "good", key + seal.NewKeyText(), "", seal.ErrBadKey, "base64", ""},
		{"pass-phrase", "good", "correct horse", "", seal.ErrBadKey, "begin with", "correct horse"},
		{"nothing", "silent", key, "", seal.ErrBadKey, "printed nothing", ""},
		{"white space", "good", " \n", "", seal.ErrBadKey, "printed nothing", ""},
		{"nothing but a complaint", "silent", key, "not signed in\n", seal.ErrBadKey, "printed nothing: not signed in", ""},
		{"status 1", "fail", key, "\nnot signed in\nsecond line", seal.ErrUnavailable, "exit status 1: not signed in", "second line"},
		{"status 1, key complained of", "fail", key, "bad key: " + key, seal.ErrUnavailable, "exit status 1", "bad key"},
		{"status 1, key in a later line", "fail", key, "bad key\n" + key, seal.ErrUnavailable, "exit status 1", "bad key"},
		{"status 1, key without prefix", "fail", key, "bad key " + bare, seal.ErrUnavailable, "exit status 1", "bad key"},
		{"control characters", "fail", key, "a\x1b[31mb\a\u202ec\xff\rd", seal.ErrUnavailable, "status 1: a[31mbcd", "\x1b"},
		{"long complaint", "fail", key, strings.Repeat("y", 199) + "éz", seal.ErrUnavailable, strings.Repeat("y", 199), "é"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("CLAVIGER_TEST_KEY", tt.text)
			t.Setenv("CLAVIGER_TEST_STDERR", tt.stderr)
			e := &seal.ExecKeys{Command: printer(tt.mode, "CLAVIGER_TEST_KEY")}
			k, err := e.Active(t.Context())
			if !errors.Is(err, tt.want) || k != (seal.Key{}) {
				t.Fatalf("got key %q and error %v, want %v", k.ID, err, tt.want)
			}
			wantHidden(t, err, key)
			if !strings.Contains(err.Error(), tt.says) || tt.hides != "" && strings.Contains(err.Error(), tt.hides) {
				t.Errorf("error %q: want %q, and not %q", err, tt.says, tt.hides)
			}
		})
	}
}

func TestExecKeysNoProgram(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name    string
		command []string
		want    error
		says    string
	}{
		{"no command", nil, seal.ErrNoKey, "no command is set"},
		{"empty program", []string{"", "secret-argument"}, seal.ErrNoKey, "no command is set"},
		{"not in PATH", []string{"claviger-no-such-program", "secret-argument"}, seal.ErrUnavailable, "claviger-no-such-program: key is out of reach: there is no such program"},
		{"no file", []string{filepath.Join(dir, "none"), "secret-argument"}, seal.ErrUnavailable, "there is no such program"},
		{"a zero byte", []string{os.Args[0], "secret-argument\x00"}, seal.ErrUnavailable, "cannot be run"},
		{"not executable", []string{plain, "secret-argument"}, seal.ErrUnavailable, plain},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := (&seal.ExecKeys{Command: tt.command}).Active(t.Context())
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "secret-argument") {
				t.Errorf("got error %v, want %v with %q", err, tt.want, tt.says)
			}
		})
	}
}

// What a command started ends with it, and what it leaves behind is not waited for.
func TestExecKeysChildren(t *testing.T) {
	key := seal.NewKeyText()
	t.Setenv("CLAVIGER_TEST_KEY", key)
	for _, mode := range []string{"hang", "fork"} {
		t.Run(mode, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { l.Close() })
			held := make(chan net.Conn, 1)
			go func() { // until the listener is closed
				if c, err := l.Accept(); err == nil {
					held <- c
				}
				close(held)
			}()
			e := &seal.ExecKeys{Command: printer(mode, "CLAVIGER_TEST_KEY", "", l.Addr().String()), Timeout: 5 * time.Second}
			start := time.Now()
			k, err := e.Active(t.Context())
			if took := time.Since(start); took > 20*time.Second {
				t.Errorf("took %v", took)
			}
			l.Close()
			c, ok := <-held
			if !ok {
				t.Fatal("the command's child has not come up")
			}
			defer c.Close()
			if mode == "fork" {
				if want, _ := seal.ParseKey(key); err != nil || k.ID != want.ID {
					t.Errorf("got key %q and error %v, want %s", k.ID, err, want.ID)
				}
				return // closing the connection ends the child
			}
			if !errors.Is(err, seal.ErrUnavailable) || !strings.Contains(err.Error(), "killed after 5s") {
				t.Errorf("got error %v, want ErrUnavailable", err)
			}
			wantHidden(t, err, key)
			wantKilled(t, c)
		})
	}
}

func TestExecKeysKept(t *testing.T) {
	dir := t.TempDir()
	runs := func(name string) int {
		b, _ := os.ReadFile(filepath.Join(dir, name))
		return len(b)
	}
	counted := func(name, mode, variable string) []string {
		return printer(mode, variable, filepath.Join(dir, name))
	}
	old := seal.NewKeyText()
	t.Setenv("CLAVIGER_TEST_OLD", old)
	e := &seal.ExecKeys{
		Command: counted("active", "good", "CLAVIGER_TEST_KEY"),
		Retired: [][]string{counted("broken", "fail", "CLAVIGER_TEST_OLD"), counted("old", "good", "CLAVIGER_TEST_OLD"), counted("older", "good", "CLAVIGER_TEST_KEY")},
	}
	// A failure is not kept.
	t.Setenv("CLAVIGER_TEST_KEY", "")
	if _, err := e.Active(t.Context()); err == nil {
		t.Fatal("there is a key")
	}
	t.Setenv("CLAVIGER_TEST_KEY", seal.NewKeyText())
	var all sync.WaitGroup
	ids := make([]string, 16)
	for i := range ids {
		all.Go(func() {
			k, err := e.Active(t.Context())
			if err != nil {
				t.Error(err)
			}
			ids[i] = k.ID
		})
	}
	all.Wait()
	if n := runs("active"); n != 2 || ids[0] != ids[15] {
		t.Errorf("the command ran %d times, want 2", n)
	}
	if k, err := e.Find(t.Context(), ids[0]); err != nil || k.ID != ids[0] || runs("broken") != 0 {
		t.Errorf("got key %s and error %v, and %d runs of a retired command", k.ID, err, runs("broken"))
	}
	want, _ := seal.ParseKey(old)
	for range 2 {
		if k, err := e.Find(t.Context(), want.ID); err != nil || k.ID != want.ID {
			t.Errorf("got key %s and error %v, want the retired one", k.ID, err)
		}
	}
	if runs("active") != 2 || runs("broken") != 2 || runs("old") != 1 || runs("older") != 0 {
		t.Errorf("runs: active %d, broken %d, old %d, older %d; want 2, 2, 1, 0", runs("active"), runs("broken"), runs("old"), runs("older"))
	}
	// The broken one may be it.
	_, err := e.Find(t.Context(), "0123456789abcdef")
	if !errors.Is(err, seal.ErrUnavailable) || !strings.Contains(err.Error(), "0123456789abcdef") {
		t.Errorf("got error %v, want ErrUnavailable with the ID", err)
	}
	wantHidden(t, err, old)
	e.Retired = e.Retired[1:]
	if _, err := e.Find(t.Context(), "0123456789abcdef"); !errors.Is(err, seal.ErrUnknownKey) {
		t.Errorf("got error %v, want ErrUnknownKey", err)
	}
}

// Who gives up does not end the run of the others, and a command has nothing to read.
func TestExecKeysContext(t *testing.T) {
	t.Setenv("CLAVIGER_TEST_KEY", seal.NewKeyText())
	e := &seal.ExecKeys{Command: printer("input", "CLAVIGER_TEST_KEY")}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := e.Active(gone); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v, want Canceled", err)
	}
	if k, err := e.Active(t.Context()); err != nil {
		t.Errorf("got key %s and error %v", k.ID, err)
	}
}
