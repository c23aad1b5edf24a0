package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/caddyserver/caddy/v2"
)

// maxSocket is the longest path of a unix socket that works everywhere: macOS has room for 104
// bytes with the final zero, and Caddy may add to it.
const maxSocket = 100

// dataDir is where the default configuration and its vault are: beside Caddy's own directory,
// which follows XDG_DATA_HOME and each system's custom.
func dataDir() string {
	dir := caddy.AppDataDir()
	name := binary
	if filepath.Base(dir) == "Caddy" {
		name = "Claviger"
	}
	return filepath.Join(filepath.Dir(dir), name)
}

// ensureDefault returns the path of the default configuration and writes it if it is not there. A
// file that exists is never touched.
func ensureDefault() (string, error) {
	dir, err := filepath.Abs(dataDir())
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, caddyfileName)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", failed("data_directory", "the directory "+dir+" cannot be made: "+cause(err),
			"set XDG_DATA_HOME to a directory of this user, or give a configuration with --config")
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return path, nil
	}
	if err == nil {
		_, err = file.Write(defaultConfig(dir, hasIPv6()))
		err = errors.Join(err, file.Close())
	}
	if err != nil {
		return "", failed("data_directory", "the default configuration "+path+" cannot be written: "+cause(err),
			"make the directory writable, or give a configuration with --config")
	}
	return path, nil
}

// defaultConfig is what the server runs with when nobody has written a configuration.
func defaultConfig(dir string, ipv6 bool) []byte {
	admin := "localhost:2019"
	if socket := filepath.Join(dir, "admin.sock"); len(socket) <= maxSocket && runtime.GOOS != "windows" {
		admin = "unix/" + socket + "|0600"
	}
	bind := "127.0.0.1"
	if ipv6 {
		bind += " [::1]"
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, defaultText, quote(admin), bind, quote(filepath.Join(dir, "vault")), quote(filepath.Join(dir, "key")))
	return b.Bytes()
}

const defaultText = `# The configuration that ` + "`claviger run`" + ` wrote because it found none. Change it as you like:
# it is never overwritten.
{
	admin %s
	default_bind %s
	persist_config off
	grace_period 30s # on Ctrl-C, open streams get this long
	claviger {
		vault badger %s
		key file %s
		callback http://localhost:8091/oauth/callback
	}
}

# Your app sends its requests here, with the header Connected-Account.
http://:8090 {
	claviger_proxy
}

# Users come here with their browsers to connect accounts; probes find /live and /ready.
http://localhost:8091, http://127.0.0.1:8091 {
	claviger_consent
	claviger_health
	respond 404
}
`

// quote writes a word of a Caddyfile.
func quote(word string) string {
	if !strings.ContainsAny(word, " \t\"`{}#") {
		return filepath.ToSlash(word)
	}
	return `"` + strings.ReplaceAll(filepath.ToSlash(word), `"`, `\"`) + `"`
}

// hasIPv6 tells whether ::1 can be listened at. Many containers have no IPv6, and a listener that
// cannot be opened would keep the server from starting.
func hasIPv6() bool {
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		return false
	}
	_ = l.Close()
	return true
}
