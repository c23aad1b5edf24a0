package transfer

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"filippo.io/age"
	"filippo.io/age/agessh"
)

// maxKeyFile is the size of a file with recipients or identities.
const maxKeyFile = 1 << 20

// Recipient is somebody who will be able to open an export. The zero value is nobody.
type Recipient struct {
	to   age.Recipient
	kind recipientKind
}

type recipientKind int

const (
	classic recipientKind = iota
	postQuantum
	passphrase
)

// ParseRecipient reads a public key: age1…, age1pq1…, ssh-ed25519 … or ssh-rsa …. The form @FILE
// stands for all public keys of a file, one a line; empty lines and lines with # are skipped.
func ParseRecipient(text string) ([]Recipient, error) {
	path, isFile := strings.CutPrefix(text, "@")
	if !isFile {
		r, err := parseRecipient(strings.TrimSpace(text))
		if err != nil {
			return nil, err
		}
		return []Recipient{r}, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening the recipients: %w", err)
	}
	defer file.Close()
	return parseRecipients(path, file)
}

func parseRecipients(path string, r io.Reader) ([]Recipient, error) {
	var list []Recipient
	lines := bufio.NewScanner(io.LimitReader(r, maxKeyFile))
	for n := 1; lines.Scan(); n++ {
		text := strings.TrimSpace(lines.Text())
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		r, err := parseRecipient(text)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, n, err)
		}
		list = append(list, r)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading the recipients: %w", err)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s: no recipient in the file", path)
	}
	return list, nil
}

// parseRecipient never puts the text into an error: it may be a secret key given by mistake.
func parseRecipient(text string) (Recipient, error) {
	var r Recipient
	var err error
	switch {
	case strings.HasPrefix(text, "AGE-SECRET-KEY-"), strings.HasPrefix(text, "-----BEGIN"):
		return Recipient{}, errors.New("this is a secret key: give the public key that belongs to it; for age, `age-keygen -y` prints it")
	case strings.HasPrefix(text, "age1pq1"):
		r.kind = postQuantum
		r.to, err = age.ParseHybridRecipient(text)
	case strings.HasPrefix(text, "age1"):
		r.to, err = age.ParseX25519Recipient(text)
	case strings.HasPrefix(text, "ssh-"):
		r.to, err = agessh.ParseRecipient(text)
	default:
		err = errors.New("unknown form")
	}
	if err != nil {
		return Recipient{}, errors.New("not a recipient: it must be age1…, ssh-ed25519 … or ssh-rsa …, whole and unchanged, or @FILE; plugins are not supported")
	}
	return r, nil
}

// PassphraseRecipient is whoever knows the passphrase. It must be an export's only recipient.
func PassphraseRecipient(text string) (Recipient, error) {
	if text == "" {
		return Recipient{}, errors.New("the passphrase is empty")
	}
	to, err := age.NewScryptRecipient(text)
	if err != nil {
		return Recipient{}, errors.New("the passphrase cannot be used")
	}
	return Recipient{to: to, kind: passphrase}, nil
}

// checkRecipients tells whether one file can be encrypted to all of them.
func checkRecipients(list []Recipient) error {
	if len(list) == 0 {
		return errors.New("no recipient: an export is always encrypted")
	}
	for _, r := range list {
		switch {
		case r.to == nil:
			return errors.New("no recipient: use ParseRecipient or PassphraseRecipient")
		case r.kind == list[0].kind && (r.kind != passphrase || len(list) == 1):
		case r.kind == passphrase || list[0].kind == passphrase:
			return errors.New("a passphrase cannot be combined with other recipients: give one or the other")
		default:
			return errors.New("age1pq1… recipients cannot be combined with others: the file would be no safer than the others make it")
		}
	}
	return nil
}
