//go:build linux

package bench

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard"
	"golang.org/x/sys/unix"

	_ "github.com/claviger-proxy/claviger/caddymodule"
	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/badgerstore"
	"github.com/claviger-proxy/claviger/vault/seal"
)

// childVariable holds the path of a Caddyfile: then this test binary is a proxy and nothing else.
const childVariable = "CLAVIGER_BENCH_CADDYFILE"

func TestMain(m *testing.M) {
	if path := os.Getenv(childVariable); path != "" {
		serve(path)
		return
	}
	os.Exit(m.Run())
}

// serve runs the Caddyfile until standard input ends.
func serve(path string) {
	text, err := os.ReadFile(path)
	if err == nil {
		var config []byte
		if config, _, err = caddyconfig.GetAdapter("caddyfile").Adapt(text, nil); err == nil {
			err = caddy.Load(config, true)
		}
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("ready")
	io.Copy(io.Discard, os.Stdin)
	caddy.Stop()
}

// child is a proxy in a process of its own.
type child struct {
	cmd  *exec.Cmd
	addr string
	// stop ends it, and waits until it has ended.
	stop func()
}

// spawn starts a proxy with a Caddyfile that listens on addr. env is added to the environment.
func spawn(b *testing.B, addr, caddyfile string, env ...string) *child {
	b.Helper()
	path := filepath.Join(b.TempDir(), "Caddyfile")
	if err := os.WriteFile(path, []byte(caddyfile), 0o600); err != nil {
		b.Fatal(err)
	}
	c := &child{cmd: exec.Command(os.Args[0]), addr: addr}
	c.cmd.Env = append(append(os.Environ(), childVariable+"="+path), env...)
	in, err := c.cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		b.Fatal(err)
	}
	c.stop = sync.OnceFunc(func() {
		in.Close()
		c.cmd.Wait()
	})
	b.Cleanup(c.stop)
	if line, _ := bufio.NewReader(out).ReadString('\n'); strings.TrimSpace(line) != "ready" {
		b.Fatalf("the proxy did not start: %s", line)
	}
	return c
}

// cpu is the processor time that the child has used so far.
func (c *child) cpu(b *testing.B) time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^c.cmd.Process.Pid<<3|2), &ts); err != nil {
		b.Fatal(err)
	}
	return time.Duration(ts.Nano())
}

// seed fills a new vault with ACTIVE accounts user_0 … of a connection, whose tokens have that long to
// live, and returns its directory and key file.
func seed(b testing.TB, connection vault.Connection, accounts int, life time.Duration) (dir, key string) {
	b.Helper()
	base := b.TempDir()
	dir, key = filepath.Join(base, "vault"), filepath.Join(base, "key")
	store, err := badgerstore.Open(badgerstore.Options{Dir: dir})
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	ctx := context.Background()
	v, err := vault.Open(ctx, store, seal.FileKeys{Path: key})
	if err != nil {
		b.Fatal(err)
	}
	secret := connection.ClientSecret
	connection.ClientSecret = vault.Secret{}
	if err := v.PutConnection(ctx, &connection); err != nil {
		b.Fatal(err)
	}
	connection.ClientSecret = secret
	for i := range accounts {
		_, err := v.Connect(ctx, vault.Link{}, vault.ConnectedAccount{
			Project: connection.Project, ConnectionID: connection.ID, Connector: connection.Connector,
			Identifier: fmt.Sprintf("user_%d", i),
		}, vault.Grant{
			// Opaque tokens of the size that large providers give.
			Access:  vault.NewSecret(fmt.Sprintf("ya29.%0215d", i)),
			Refresh: vault.NewSecret(fmt.Sprintf("1//%0100d", i)),
			Expires: time.Now().Add(life), ClientID: connection.ClientID,
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	return dir, key
}
