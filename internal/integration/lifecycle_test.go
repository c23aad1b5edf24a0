package integration

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/claviger-proxy/claviger/vault/badgerstore"
	"github.com/claviger-proxy/claviger/vault/seal"
)

// holdVault makes this test binary a program that keeps a vault's directory open.
const holdVault = "CLAVIGER_TEST_HOLD_VAULT"

// hold opens the directory, says so, and keeps it until its input ends.
func hold(dir string) int {
	store, err := badgerstore.Open(badgerstore.Options{Dir: dir})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("open")
	io.Copy(io.Discard, os.Stdin)
	if err := store.Close(); err != nil {
		return 1
	}
	return 0
}

// otherProcess starts hold and returns the first line that it says.
func otherProcess(t *testing.T, dir string) (said string, stop func()) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), holdVault+"="+dir)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said, _ = bufio.NewReader(stdout).ReadString('\n')
	return strings.TrimSpace(said), func() {
		stdin.Close()
		cmd.Wait()
	}
}

// wantError fails unless there is an error with all those words.
func wantError(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("got no error, want one with %q", words)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("got error %q, want one with %q", err, w)
		}
	}
}

// A wrong key is told by its ID, and nothing is lost by it.
func TestWrongKey(t *testing.T) {
	s := start(t, options{})
	s.connect("alice", "user_1")
	key := readFile(t, filepath.Join(s.dir, "key"))
	k, err := seal.ParseKey(key)
	if err != nil {
		t.Fatal(err)
	}
	caddy.Stop()
	for name, text := range map[string]string{
		"another key": seal.NewKeyText(), "no key": "", "no file": "-", "half a key": key[:len(key)/2],
	} {
		t.Run(name, func(t *testing.T) {
			if s.write("key", text); text == "-" {
				os.Remove(filepath.Join(s.dir, "key"))
			}
			err := load(s.caddyfile())
			wantError(t, err, "key", filepath.Join(s.dir, "key"))
			if name == "another key" {
				wantError(t, err, k.ID)
			}
			if strings.Contains(err.Error(), strings.TrimSpace(text)) && len(text) > 10 {
				t.Errorf("the error prints the key: %v", err)
			}
			if text == "-" {
				if _, err := os.Stat(filepath.Join(s.dir, "key")); err == nil {
					t.Error("a key was made for a vault that has one")
				}
			}
		})
	}
	s.write("key", key)
	s.load(s.caddyfile())
	s.get("/api/me", "Connected-Account: demo/user_1").wantOK(t)
}

// A directory that others can read is refused, and so is a key that they can.
func TestLooseModes(t *testing.T) {
	s := start(t, options{})
	caddy.Stop()
	vault, key := filepath.Join(s.dir, "vault"), filepath.Join(s.dir, "key")
	os.Chmod(vault, 0o755)
	wantError(t, load(s.caddyfile()), vault, "0755", "chmod 700")
	os.Chmod(vault, 0o700)
	os.Chmod(key, 0o644)
	wantError(t, load(s.caddyfile()), key)
	os.Chmod(key, 0o600)
	s.load(s.caddyfile())
}

// one process at a time.
func TestVaultInUse(t *testing.T) {
	s := start(t, options{})
	s.connect("alice", "user_1")
	said, stop := otherProcess(t, filepath.Join(s.dir, "vault"))
	stop()
	if !strings.Contains(said, "in use by another process") {
		t.Errorf("the other process said %q, want that the vault is in use", said)
	}
	s.get("/api/me", "Connected-Account: demo/user_1").wantOK(t)
	caddy.Stop()
	said, stop = otherProcess(t, filepath.Join(s.dir, "vault"))
	defer stop()
	if said != "open" {
		t.Fatalf("the other process said %q after the stop, want open", said)
	}
	wantError(t, load(s.caddyfile()), filepath.Join(s.dir, "vault"), "in use by another process")
	stop()
	s.load(s.caddyfile())
	s.get("/api/me", "Connected-Account: demo/user_1").wantOK(t)
}

// What is wrong with a configuration is said with its word, file and line.
func TestConfigurationErrors(t *testing.T) {
	s := prepare(t, options{})
	t.Setenv("CLAVIGER_TEST_EMPTY", "")
	good := s.caddyfile()
	for _, c := range []struct {
		name, old, new string
		want           []string
	}{
		{"unknown option", "callback ", "callbak ", []string{`"callbak"`, "Caddyfile:"}},
		{"unknown option of a connection", "client_id ", "client ", []string{`"client"`, "connection demo", "Caddyfile:"}},
		{"unknown vault", "vault badger", "vault bagder", []string{"bagder", "Caddyfile:"}},
		{"unknown key provider", "key file", "key flie", []string{"flie", "Caddyfile:"}},
		{"unknown connector", "connection demo {", "connection demo {\nconnector demoo", []string{"demoo", "did you mean demo"}},
		{"unknown parameter", "param port", "param prot", []string{"prot", "connection demo"}},
		{"unknown subdirective", "claviger_proxy {", "claviger_proxy {\nreplay_limti 1MiB", []string{"replay_limti", "Caddyfile:"}},
		{"twice", "callback ", "callback http://127.0.0.1/x\ncallback ", []string{"callback stands twice", "Caddyfile:"}},
		{"no vault", "vault badger " + s.dir + "/vault", "", []string{"no vault", "vault badger <directory>"}},
		{"no key", "key file " + s.dir + "/key", "", []string{"no key", "key file <path>"}},
		{"empty variable", "{env.CLAVIGER_TEST_CLIENT}", "{env.CLAVIGER_TEST_EMPTY}", []string{"client_id of connection demo", "{env.CLAVIGER_TEST_EMPTY}", "set the variable"}},
		{"no variable", "{env.CLAVIGER_TEST_CLIENT}", "{env.CLAVIGER_TEST_NONE}", []string{"client_id of connection demo", "{env.CLAVIGER_TEST_NONE}"}},
		{"no file", "{file." + s.dir + "/client_secret}", "{file." + s.dir + "/nowhere}", []string{"client_secret of connection demo", "nowhere"}},
		{"blank literal", "{file." + s.dir + "/client_secret}", `"  "`, []string{"client_secret of connection demo"}},
		{"no callback", "callback http", "callback ftp", []string{"callback"}},
		{"no folder", "vault badger", "connectors " + s.dir + "/nowhere\nvault badger", []string{"connectors folder", "nowhere"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			bad := strings.Replace(good, c.old, c.new, 1)
			if bad == good {
				t.Fatalf("the Caddyfile has no %q", c.old)
			}
			err := load(bad)
			wantError(t, err, c.want...)
			if secret := strings.TrimSpace(readFile(t, filepath.Join(s.dir, "client_secret"))); strings.Contains(err.Error(), secret) {
				t.Error("the error holds the client secret")
			}
			if line := regexp.MustCompile(`Caddyfile:\d+`); strings.Contains(strings.Join(c.want, " "), "Caddyfile:") && !line.MatchString(err.Error()) {
				t.Errorf("got error %q without a line", err)
			}
		})
	}
	if _, err := os.Stat(filepath.Join(s.dir, "vault")); !os.IsNotExist(err) {
		t.Error("a refused configuration has created a vault")
	}
}

// A literal secret is never printed, not even when it is the mistake.
func TestLiteralSecretStaysHidden(t *testing.T) {
	s := prepare(t, options{})
	const literal = "do-not-print-this-secret"
	for _, secret := range []string{literal + " " + literal, `"` + literal + `" {`, literal + "\nclient_secret " + literal} {
		err := load(strings.Replace(s.caddyfile(), "{file."+s.dir+"/client_secret}", secret, 1))
		wantError(t, err, "client_secret")
		if strings.Contains(err.Error(), literal) {
			t.Errorf("the error prints the secret: %v", err)
		}
	}
}

func TestPortTaken(t *testing.T) {
	s := prepare(t, options{})
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", s.ports.proxy))
	if err != nil {
		t.Fatal(err)
	}
	wantError(t, load(s.caddyfile()), fmt.Sprint(s.ports.proxy), "address already in use")
	l.Close()
	s.load(s.caddyfile())
}

// R-05, D-09: a refresh under way when the server stops is finished and saved, whether or not its
// caller is still there.
func TestStopDuringRefresh(t *testing.T) {
	for _, stays := range []bool{true, false} {
		t.Run(fmt.Sprintf("the caller stays: %t", stays), func(t *testing.T) {
			s := start(t, options{})
			s.connect("alice", "user_1")
			s.provider.ExpireAccess("alice")
			s.provider.ResetLog()
			release, waiting := s.provider.HoldToken()
			defer release()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			done := make(chan error, 1)
			req := s.request("GET", "/api/me", nil, "Connected-Account: demo/user_1").WithContext(ctx)
			go func() { // ends with the answer, or with cancel
				a, err := send(newClient(t, nil), req)
				if err == nil && a.StatusCode != 200 {
					err = fmt.Errorf("status %d: %s", a.StatusCode, a.body)
				}
				done <- err
			}()
			await(t, "the refresh is at the provider", func() bool { return waiting() == 1 })
			if !stays {
				cancel()
				<-done
			}
			stopped := make(chan error, 1)
			go func() { stopped <- caddy.Stop() }() // ends after release
			await(t, "the proxy listens no more", func() bool {
				conn, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", s.ports.proxy), time.Second)
				if err == nil {
					conn.Close()
				}
				return err != nil
			})
			if s.lock() == nil {
				t.Error("the vault was closed while a token was on its way")
			}
			release()
			if err := <-stopped; err != nil {
				t.Fatal(err)
			}
			if stays {
				if err := <-done; err != nil {
					t.Errorf("the request under way: %v", err)
				}
			}
			if s.lock() != nil {
				t.Error("the vault is open after the stop")
			}
			s.load(s.caddyfile())
			s.get("/api/me", "Connected-Account: demo/user_1").wantOK(t)
			if n := s.refreshes(); n != 1 {
				t.Errorf("got %d refreshes, want the one before the stop", n)
			}
		})
	}
}
