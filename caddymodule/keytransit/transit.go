// Package keytransit is the Caddy module claviger.keys.transit: the key-encryption key stays in the
// transit engine of HashiCorp Vault or OpenBao. It is apart from package caddymodule, so that a
// Caddy that does not need it does not carry the driver.
package keytransit

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/claviger-proxy/claviger/caddymodule"
	"github.com/claviger-proxy/claviger/vault/seal"
	"github.com/claviger-proxy/claviger/vault/seal/transit"
)

func init() {
	caddy.RegisterModule(new(Transit))
}

// Transit has the server of a transit engine encrypt and decrypt the vault's keyset. Caddyfile:
//
//	key transit {
//		address    <url>
//		token_file <path>
//		token      <placeholder>
//		mount      <path>
//		key        <name>
//		retired    <name>...
//		namespace  <path>
//		ca_file    <path>
//		timeout    <duration>
//	}
//
// The strings of it but Token are filled with placeholders.
type Transit struct {
	// Address is the server's URL: https, or http on a loopback host.
	Address string `json:"address,omitempty"`
	// TokenFile is a file with the token, read anew for each request to the server.
	TokenFile string `json:"token_file,omitempty"`
	// Token is a placeholder, such as {env.NAME}, that yields the token when the configuration is
	// loaded. The token itself is refused, because whoever can read the configuration could read it.
	Token string `json:"token,omitempty"`
	// Mount is where the engine is mounted, by default transit.
	Mount string `json:"mount,omitempty"`
	// Key is the name of the key in use.
	Key string `json:"key,omitempty"`
	// Retired are the names of earlier keys, not of earlier versions of one key.
	Retired []string `json:"retired,omitempty"`
	// Namespace is the namespace of the mount.
	Namespace string `json:"namespace,omitempty"`
	// CAFile has the authorities that may have signed the server's certificate, by default the
	// system's.
	CAFile string `json:"ca_file,omitempty"`
	// Timeout is how long an answer may take, by default 10 seconds.
	Timeout caddy.Duration `json:"timeout,omitempty"`

	keys *transit.Keys
}

// CaddyModule returns the Caddy module information.
func (*Transit) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "claviger.keys.transit", New: func() caddy.Module { return new(Transit) }}
}

// Provision fills in placeholders and checks the options; the server is asked, and the files are
// read, when the vault is opened.
func (t *Transit) Provision(caddy.Context) error {
	if t.Address == "" || t.Key == "" {
		return errors.New("key transit needs an address and a key")
	}
	o := transit.Options{Timeout: time.Duration(t.Timeout)}
	for _, s := range []struct {
		name, value string
		into        *string
	}{
		{"address", t.Address, &o.Address},
		{"mount", t.Mount, &o.Mount},
		{"key", t.Key, &o.Key},
		{"namespace", t.Namespace, &o.Namespace},
		{"ca_file", t.CAFile, &o.CAFile},
	} {
		var err error
		if *s.into, err = fill(s.name, s.value); err != nil {
			return err
		}
	}
	for _, value := range t.Retired {
		name, err := fill("retired", value)
		if err != nil {
			return err
		}
		o.Retired = append(o.Retired, name)
	}
	var err error
	if o.Token, err = t.token(); err != nil {
		return err
	}
	if t.keys, err = transit.New(o); err != nil {
		return fmt.Errorf("key transit: %w", err)
	}
	return nil
}

var placeholder = regexp.MustCompile(`^\{[^{}]+\}$`)

// token is where the token comes from.
func (t *Transit) token() (func() (string, error), error) {
	switch {
	case (t.Token == "") == (t.TokenFile == ""):
		return nil, errors.New("key transit needs either token_file or token")
	case t.TokenFile != "":
		path, err := fill("token_file", t.TokenFile)
		return transit.TokenFile(path), err
	case !placeholder.MatchString(t.Token):
		return nil, errors.New("token of key transit must not stand in the configuration, where others can read it; use token_file, or a placeholder such as {env.NAME}")
	}
	token, err := fill("token", t.Token)
	token = strings.TrimSpace(token)
	return func() (string, error) { return token, nil }, err
}

// fill replaces the placeholders of an option. One that is set must not come out empty, as it does
// for a file that cannot be read.
func fill(name, value string) (string, error) {
	if value == "" {
		return "", nil
	}
	got, err := caddy.NewReplacer().ReplaceOrErr(value, true, true)
	if err != nil || strings.TrimSpace(got) == "" {
		return "", fmt.Errorf("%s of key transit is empty: %s gives nothing; set the variable, or check that the file exists and can be read", name, value)
	}
	return got, nil
}

// KeyProvider returns the keys of the server.
func (t *Transit) KeyProvider() seal.KeyProvider { return t.keys }

// Interface guards
var (
	_ caddymodule.KeyModule = (*Transit)(nil)
	_ caddy.Provisioner     = (*Transit)(nil)
)
