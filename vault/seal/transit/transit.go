// Package transit has key-encryption keys that never leave a server: those of the transit engine of
// HashiCorp Vault or OpenBao.
//
// Begin with [New], whose [Keys] are a seal.KeyProvider. The server encrypts and decrypts the
// vault's keyset, which happens when the vault is opened or its keys change, and at no request of a
// caller. Only [Options] count: no VAULT_ variable and no proxy of the environment does. TLS is
// always verified, redirects are not followed, and nothing is tried twice.
//
// The engine must know associated data: Vault has it since 1.13, and OpenBao always.
package transit

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/claviger-proxy/claviger/vault/seal"
)

const (
	defaultMount   = "transit"
	defaultTimeout = 10 * time.Second
)

// Options say which keys of which server to use.
type Options struct {
	// Address is the server's URL: https, or http on a loopback host, such as an agent.
	Address string
	// Token yields the token. It is called for every request, so that a token can be renewed by
	// another program; see [TokenFile]. An error of it is shown and must not hold the token.
	Token func() (string, error)
	// Mount is where the engine is mounted; "transit" when empty.
	Mount string
	// Key is the name of the key in use. Its type must be aes256-gcm96, or another one that takes
	// associated data, and it must not be derived.
	Key string
	// Retired are names of earlier keys of the same mount. Earlier versions of one key need no
	// mention: the server finds them.
	Retired []string
	// Namespace is the namespace of the mount, for servers that have namespaces.
	Namespace string
	// CAFile is a PEM file with the authorities that may have signed the server's certificate; the
	// system's when empty. It is read for every request.
	CAFile string
	// Timeout is how long one answer may take; 10 seconds when zero.
	Timeout time.Duration
}

// Keys are keys of a transit engine. It is safe for concurrent use.
type Keys struct {
	o Options
}

// New checks the options. It asks the server nothing.
func New(o Options) (*Keys, error) {
	if o.Mount == "" {
		o.Mount = defaultMount
	}
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	if o.Timeout < 0 {
		return nil, errors.New("timeout must not be negative")
	}
	if err := checkAddress(o.Address); err != nil {
		return nil, err
	}
	if o.Token == nil {
		return nil, errors.New("token is missing")
	}
	if !isPath(o.Mount) {
		return nil, fmt.Errorf("mount %q is not a path such as transit", o.Mount)
	}
	if o.Namespace != "" && !isPath(o.Namespace) {
		return nil, fmt.Errorf("namespace %q is not a path such as team/apps", o.Namespace)
	}
	for _, name := range append([]string{o.Key}, o.Retired...) {
		if !segment.MatchString(name) {
			return nil, fmt.Errorf("key %q is not the name of a transit key: letters, digits, and in between . and -", name)
		}
	}
	return &Keys{o: o}, nil
}

// segment is what the engine takes as the name of a key.
var segment = regexp.MustCompile(`^\w(?:[\w.-]*\w)?$`)

func isPath(path string) bool {
	for s := range strings.SplitSeq(path, "/") {
		if !segment.MatchString(s) {
			return false
		}
	}
	return true
}

// checkAddress does not show what it refuses: an address may hold a password.
func checkAddress(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("address is not a URL such as https://vault.example.com:8200")
	}
	switch {
	case u.Scheme == "https", u.Scheme == "http" && isLoopback(u.Hostname()):
		return nil
	case u.Scheme == "http":
		return fmt.Errorf("address on host %s must begin with https://; http is for loopback hosts only", u.Hostname())
	}
	return errors.New("address must begin with https://")
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// ID is the ID of the key with that name. It has the mount and not the address, so that a vault
// opens as well where the server has moved or was restored.
func (k *Keys) ID(name string) string { return "transit:" + k.o.Mount + "/" + name }

// Active returns the key in use. Whether the server has it turns out when it encrypts.
func (k *Keys) Active(context.Context) (seal.Key, error) {
	return k.key(k.o.Key), nil
}

// Find returns the key with that ID, or seal.ErrUnknownKey when no option names it.
func (k *Keys) Find(_ context.Context, id string) (seal.Key, error) {
	var ids []string
	for _, name := range append([]string{k.o.Key}, k.o.Retired...) {
		if k.ID(name) == id {
			return k.key(name), nil
		}
		ids = append(ids, k.ID(name))
	}
	return seal.Key{}, fmt.Errorf("%w: nothing has the ID %s (there is %s)", seal.ErrUnknownKey, id, strings.Join(ids, ", "))
}

func (k *Keys) key(name string) seal.Key {
	return seal.Key{ID: k.ID(name), AEAD: remote{keys: k, name: name}}
}

var _ seal.KeyProvider = (*Keys)(nil)
