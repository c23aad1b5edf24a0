package cli

import (
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/client"
)

func TestNoBrowser(t *testing.T) {
	for _, test := range []struct {
		name, system string
		env          map[string]string
		want         string
	}{
		{"desktop", "linux", map[string]string{"DISPLAY": ":0"}, ""},
		{"Wayland", "linux", map[string]string{"WAYLAND_DISPLAY": "wayland-0"}, ""},
		{"server", "linux", nil, "there is no display here"},
		{"Mac", "darwin", nil, ""},
		{"Windows", "windows", nil, ""},
		{"SSH", "darwin", map[string]string{"SSH_CONNECTION": "192.0.2.1 1 192.0.2.2 22"}, "this is an SSH session"},
		{"SSH with X", "linux", map[string]string{"SSH_TTY": "/dev/pts/0", "DISPLAY": "localhost:10.0"}, "this is an SSH session"},
	} {
		if got := noBrowser(test.system, func(name string) string { return test.env[name] }); got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

// --device=true and false are obeyed; else it depends on the provider, on what the link is for, and on the machine.
func TestByDevice(t *testing.T) {
	device, both, code := client.Connector{Device: true}, client.Connector{Device: true}, client.Connector{}
	device.Mode, both.Mode, code.Mode = client.ModeDevice, client.ModeCode, client.ModeCode
	for _, test := range []struct {
		name      string
		options   connectOptions
		connector client.Connector
		ssh       string
		want      bool
		why       string
	}{
		{"told to", connectOptions{chosen: true, device: true}, code, "", true, ""},
		{"told not to", connectOptions{chosen: true}, device, "x", false, ""},
		{"mode", connectOptions{}, device, "", true, "no consent page"},
		{"mode, to come back", connectOptions{returnURL: "https://app.example.com"}, device, "", false, ""},
		{"offered", connectOptions{}, both, "x", true, "SSH"},
		{"offered, with a display", connectOptions{}, both, "", false, ""},
		{"offered, to open here", connectOptions{open: true}, both, "x", false, ""},
		{"offered, to come back", connectOptions{state: "x"}, both, "x", false, ""},
		{"not offered", connectOptions{}, code, "x", false, ""},
	} {
		t.Setenv("SSH_CONNECTION", "")
		t.Setenv("DISPLAY", ":0")
		t.Setenv("SSH_TTY", test.ssh)
		got, why := test.options.byDevice(test.connector)
		if got != test.want || !strings.Contains(why, test.why) || (why == "") != (test.why == "") {
			t.Errorf("%s: got %v, %q; want %v, %q", test.name, got, why, test.want, test.why)
		}
	}
}
