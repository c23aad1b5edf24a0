package caddymodule

import (
	"errors"
	"fmt"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/claviger-proxy/claviger/vault"
)

// resolve fills the placeholders of a setting, such as {env.X} and {file.X}. What comes out empty
// is refused, because Caddy turns a file that cannot be read into nothing.
func resolve(what, value string) (string, error) {
	if value == "" {
		return "", fmt.Errorf("%s is missing", what)
	}
	got, err := caddy.NewReplacer().ReplaceOrErr(value, true, true)
	if err != nil || strings.TrimSpace(got) == "" {
		return "", fmt.Errorf("%s is empty: %s gives nothing; set the variable, or check that the file exists and can be read", what, value)
	}
	return got, nil
}

// resolveSecret is resolve for secrets: a final line break, as editors leave one in files, is cut.
func resolveSecret(what, value string) (vault.Secret, error) {
	got, err := resolve(what, value)
	if err != nil {
		return vault.Secret{}, hideLiteral(what, value, err)
	}
	return vault.NewSecret(strings.TrimRight(got, "\r\n")), nil
}

// expand replaces a placeholder that a caller of the management API has sent.
func expand(placeholder string) (string, error) {
	got, err := resolve("client_secret", placeholder)
	return strings.TrimRight(got, "\r\n"), err
}

// hideLiteral keeps a secret written into the configuration, alone or beside a placeholder, out of the
// error about it.
func hideLiteral(what, value string, err error) error {
	if value == "" || isPlaceholder(value) {
		return err
	}
	return errors.New(what + " is not usable; use {env.NAME} or {file.PATH}")
}

// isPlaceholder tells whether value is one placeholder and nothing else.
func isPlaceholder(value string) bool {
	rest, ok := strings.CutSuffix(value, "}")
	return ok && (strings.HasPrefix(rest, "{env.") || strings.HasPrefix(rest, "{file.")) && !strings.ContainsAny(rest[1:], "{}")
}
