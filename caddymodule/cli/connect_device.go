package cli

import (
	"cmp"
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/claviger-proxy/claviger/client"
)

// byDevice tells whether the user gets a code to type in on another machine, and why, where nobody has said so.
func (o *connectOptions) byDevice(k client.Connector) (device bool, why string) {
	switch {
	case o.chosen:
		return o.device, ""
	case k.Mode == client.ModeDevice && o.returnURL == "" && o.state == "":
		return true, "the provider has no consent page that leads back"
	case !k.Device || o.open || o.returnURL != "" || o.state != "":
		return false, ""
	}
	why = noBrowser(runtime.GOOS, os.Getenv)
	return why != "", why
}

// noBrowser says why there can be no browser on this machine, if so.
func noBrowser(system string, getenv func(string) string) string {
	switch {
	case getenv("SSH_CONNECTION") != "" || getenv("SSH_TTY") != "":
		return "this is an SSH session"
	case system == "linux" && getenv("DISPLAY") == "" && getenv("WAYLAND_DISPLAY") == "":
		return "there is no display here"
	}
	return ""
}

// printCode shows a user code, and where to type it in. Both come from the provider.
func printCode(c *call, link client.Link) {
	fmt.Fprintf(c.out, "Code for %s/%s, for that user only. It works once, until %s:\n\n  %s\n\n",
		link.Connection, link.Identifier, moment(link.ExpiresAt, time.Now()), clean(link.UserCode))
	fmt.Fprintf(c.out, "To be typed in, on any machine, at\n\n  %s\n\n", clean(link.VerificationURI))
	if link.VerificationURIComplete != "" {
		fmt.Fprintf(c.out, "or to be confirmed at\n\n  %s\n\n", clean(link.VerificationURIComplete))
	}
}

// pageOf is what the user opens in a browser.
func pageOf(link client.Link) string {
	return cmp.Or(link.URL, link.VerificationURIComplete, link.VerificationURI)
}
