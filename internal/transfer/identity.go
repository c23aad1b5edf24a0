package transfer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"filippo.io/age/armor"
)

// maxWorkFactor bounds the memory that somebody else's file can ask for: 2^20 is 1 GiB. Files are
// written with 2^18.
const maxWorkFactor = 20

// Identity opens exports that are encrypted to its recipient. The zero value opens none.
type Identity struct{ key age.Identity }

// ParseIdentities reads a key file as age-keygen writes it (lines with AGE-SECRET-KEY-…), or an
// SSH private key of type ed25519 or RSA that has no passphrase of its own.
func ParseIdentities(r io.Reader) ([]Identity, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxKeyFile))
	if err != nil {
		return nil, fmt.Errorf("reading the key file: %w", err)
	}
	data = bytes.TrimSpace(data)
	switch {
	case bytes.HasPrefix(data, []byte(ageIntro)), bytes.HasPrefix(data, []byte(armor.Header)):
		return nil, errors.New("the key file is encrypted itself: open it with `age -d` first")
	case bytes.HasPrefix(data, []byte("-----BEGIN")):
		key, err := agessh.ParseIdentity(data)
		if err != nil {
			return nil, errors.New("the SSH key cannot be used: it must be ed25519 or RSA, and have no passphrase (`ssh-keygen -p` removes it from a copy)")
		}
		return []Identity{{key}}, nil
	}
	var list []Identity
	for n, line := range strings.Split(string(data), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, err := parseIdentity(line)
		if err != nil {
			// Neither the line nor age's error, which may quote it.
			return nil, fmt.Errorf("line %d of the key file is not an age key: it must be AGE-SECRET-KEY-1…, whole and unchanged", n+1)
		}
		list = append(list, Identity{key})
	}
	if len(list) == 0 {
		return nil, errors.New("no key in the key file")
	}
	return list, nil
}

func parseIdentity(line string) (age.Identity, error) {
	if strings.HasPrefix(line, "AGE-SECRET-KEY-PQ-1") {
		return age.ParseHybridIdentity(line)
	}
	return age.ParseX25519Identity(line)
}

// PassphraseIdentity opens exports that are encrypted with a passphrase. ask is called when such a
// file is opened, and not for others.
func PassphraseIdentity(ask func() (string, error)) Identity {
	return Identity{passphraseKey(ask)}
}

type passphraseKey func() (string, error)

// Unwrap implements age.Identity.
func (ask passphraseKey) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	if len(stanzas) != 1 || stanzas[0].Type != scryptStanza {
		return nil, age.ErrIncorrectIdentity
	}
	text, err := ask()
	if err != nil {
		return nil, &openError{fmt.Errorf("asking for the passphrase: %w", err)}
	}
	key, err := age.NewScryptIdentity(text)
	if err != nil {
		return nil, &openError{errors.New("the passphrase is empty")}
	}
	if args := stanzas[0].Args; len(args) == 2 {
		if n, err := strconv.Atoi(args[1]); err == nil && n > maxWorkFactor {
			return nil, &openError{errors.New("the file asks for more than 1 GiB of memory to check the passphrase")}
		}
	}
	key.SetMaxWorkFactor(maxWorkFactor)
	return key.Unwrap(stanzas)
}
