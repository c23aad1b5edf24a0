package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestNewEndpoint(t *testing.T) {
	for _, test := range []struct{ in, address, base string }{
		{"localhost:2019", "localhost:2019", "http://localhost:2019"},
		{":2019", "127.0.0.1:2019", "http://127.0.0.1:2019"},
		{"0.0.0.0:2019", "127.0.0.1:2019", "http://127.0.0.1:2019"},
		{"[::1]:2019", "[::1]:2019", "http://[::1]:2019"},
		{"tcp/127.0.0.1:2019", "127.0.0.1:2019", "http://127.0.0.1:2019"},
		{"unix//run/claviger/admin.sock|0600", "unix//run/claviger/admin.sock", "unix//run/claviger/admin.sock"},
		{"http://127.0.0.1:2019/", "http://127.0.0.1:2019/", "http://127.0.0.1:2019"},
	} {
		got, err := newEndpoint(test.in)
		if err != nil || got.address != test.address || got.base != test.base {
			t.Errorf("%s: got %+v, %v, want %s and %s", test.in, got, err, test.address, test.base)
		}
	}
	for _, bad := range []string{"localhost", "localhost:1-5", "http://", "a b:1x"} {
		if got, err := newEndpoint(bad); err == nil || got != (endpoint{}) {
			t.Errorf("%q: got %+v, %v, want an error", bad, got, err)
		}
	}
}

// The order is: flag, environment, --config, ./Caddyfile, default configuration, Caddy's address.
func TestWhereTheAdminEndpointIsFound(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("XDG_DATA_HOME", filepath.Join(dir, "data"))
	t.Setenv(adminVariable, "")
	write := func(name, port string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(`{"admin":{"listen":"localhost:`+port+`"}}`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := new(settings)
	expect := func(want string) {
		t.Helper()
		got, err := s.endpoint()
		if err != nil || got.address != want {
			t.Errorf("got %q, %v, want %q", got.address, err, want)
		}
	}
	expect("localhost:2019")
	write("data/claviger/Caddyfile", "1001")
	expect("localhost:1001")
	write("Caddyfile", "1002")
	expect("localhost:1002")
	write("other.json", "1003")
	s.config = "other.json"
	expect("localhost:1003")
	t.Setenv(adminVariable, "localhost:1004")
	expect("localhost:1004")
	s.admin = "localhost:1005"
	expect("localhost:1005")
}

func TestDefaultConfig(t *testing.T) {
	text := string(defaultConfig("/home/ada/.local/share/claviger", true))
	for _, want := range []string{"unix//home/ada/.local/share/claviger/admin.sock|0600", "default_bind 127.0.0.1 [::1]"} {
		if !strings.Contains(text, want) {
			t.Errorf("got\n%s\nwithout %q", text, want)
		}
	}
	text = string(defaultConfig("/home/"+strings.Repeat("a", 100)+"/my files", false))
	for _, want := range []string{"admin localhost:2019", "default_bind 127.0.0.1\n", `/my files/vault"`} {
		if !strings.Contains(text, want) {
			t.Errorf("got\n%s\nwithout %q", text, want)
		}
	}
}

func TestServerArgs(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("XDG_DATA_HOME", dir)
	path := filepath.Join(dir, "claviger", "Caddyfile")
	for _, test := range []struct{ in, want string }{
		{"stop", "claviger-stop"}, // there is no configuration yet, and stop makes none
		{"version", "version"},
		{"run --help", "run --help"},
		{"run --config x", "claviger-run --config x"},
		{"run -c x", "claviger-run -c x"},
		{"run --resume", "claviger-run --resume"},
		{"run --watch", "claviger-run --watch --config " + path},
		{"reload", "claviger-reload --config " + path},
		{"stop --address localhost:2019", "claviger-stop --address localhost:2019"},
	} {
		got, err := serverArgs(strings.Fields(test.in))
		if err != nil || strings.Join(got, " ") != test.want {
			t.Errorf("%s: got %q, %v, want %q", test.in, got, err, test.want)
		}
	}
	if err := os.WriteFile("Caddyfile", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := serverArgs([]string{"run"}); err != nil || strings.Join(got, " ") != "claviger-run" {
		t.Errorf("with a ./Caddyfile: got %q, %v", got, err)
	}
}
