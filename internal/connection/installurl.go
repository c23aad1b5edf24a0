package connection

import (
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/vault"
)

const maxInstallURL = 2048

// checkInstallURL refuses a page that browsers cannot be sent to, and one that nobody would ever be sent to.
func checkInstallURL(c vault.Connection, k *connectors.Connector) error {
	switch {
	case c.InstallURL == "":
		return nil
	case !k.Install.Inbound:
		return &Error{Code: CodeInvalidConnection, Message: fmt.Sprintf(
			"connection %s: install_url has no use, because connector %s declares no installs that begin at the provider: leave it out", c.Name, k.Name)}
	case !webPage(c.InstallURL):
		return &Error{Code: CodeInvalidConnection, Message: fmt.Sprintf(
			"connection %s: install_url must be a whole https URL, or http on a loopback host, without user and fragment", c.Name)}
	}
	return nil
}

// webPage tells whether s is a URL that every parser reads in the same way, and that a browser may be sent to.
func webPage(s string) bool {
	u, err := url.Parse(s)
	if err != nil || len(s) > maxInstallURL || strings.ContainsAny(s, `\#`) || !strings.HasPrefix(s, u.Scheme+"://") {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	host := u.Hostname()
	if host == "" || u.User != nil || strings.HasSuffix(u.Host, ":") {
		return false
	}
	if _, err := url.ParseQuery(u.RawQuery); err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return u.Scheme == "https" || u.Scheme == "http" && (host == "localhost" || ip != nil && ip.IsLoopback())
}
