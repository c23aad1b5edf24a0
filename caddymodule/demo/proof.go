package demo

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// searchLogs looks for every secret of the run in everything that was logged and printed.
func (d *demo) searchLogs(context.Context) error {
	d.heading("No token is in the logs")
	text, err := os.ReadFile(d.path("claviger.log"))
	if err != nil {
		return fmt.Errorf("reading the logs: %w", err)
	}
	logged := string(text)
	for _, trace := range []string{`"level":"debug"`, "/api/messages", "/oauth/callback"} {
		if !strings.Contains(logged, trace) {
			return fmt.Errorf("the logs do not have %s, so nothing is proved", trace)
		}
	}
	secrets := d.provider.Secrets()
	if len(secrets) == 0 {
		return fmt.Errorf("the provider has made no secrets, so nothing is proved")
	}
	if n := leaks(logged, append(secrets, d.links...)); n > 0 {
		return fmt.Errorf("%d secrets are in the logs", n)
	}
	if n := leaks(d.out.seen.String(), secrets); n > 0 {
		return fmt.Errorf("%d secrets are in what the demo has printed", n)
	}
	d.out.checked("%d KB of logs, at debug level and with access logs, searched for all %d secrets of this run:", len(logged)>>10, len(secrets)+len(d.links))
	d.out.say("  access and refresh tokens, ID tokens, codes, verifiers, the client secret, links. 0 found.")
	return d.searchVault(secrets)
}

// searchVault looks for the secrets in the files of the vault, where all of them are stored.
func (d *demo) searchVault(secrets []string) error {
	size := 0
	err := filepath.WalkDir(d.path("vault"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		size += len(text)
		if n := leaks(string(text), secrets); n > 0 {
			return fmt.Errorf("%d secrets are in the clear in the vault's file %s", n, entry.Name())
		}
		return nil
	})
	if err != nil {
		return err
	}
	d.out.checked("the vault's files hold them encrypted: 0 found in %d KB", size>>10)
	return nil
}

// suggest prints what to try by hand.
func (d *demo) suggest(stays bool) {
	d.out.line("")
	if stays {
		d.out.line(d.out.paint(bold, "Everything stays up until you press Ctrl-C.") + " Try:")
	} else {
		d.out.line(d.out.paint(bold, "On a terminal everything stays up") + ", to try by hand:")
	}
	d.out.line("")
	d.out.show("curl '%s%s' -H 'Connected-Account: %s/%s'", d.proxy, mailPath, connection, identifier)
	d.out.show("curl %s/@%s/%s/api/me", d.proxy, connection, identifier)
	d.out.show("claviger curl %s/%s /api/me --admin %s", connection, identifier, d.adminAt)
	d.out.show("claviger accounts list --admin %s", d.adminAt)
	d.out.line("")
	d.out.line("With a provider of your own: claviger run, claviger connectors list, claviger connections add.")
}
