package transfer

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"filippo.io/age"
	"filippo.io/age/armor"
)

const (
	ageIntro     = "age-encryption.org/v1\n"
	scryptStanza = "scrypt"
	// maxAgeHeader is the size of all recipients together.
	maxAgeHeader = 1 << 20
	// maxArmorSpace is the white space that may stand before armor.
	maxArmorSpace = 1 << 10
)

var errNotAge = errors.New("this is not an export of Claviger: the file does not begin like an age file")

// openError is an error that the caller can do something about; age's other errors mean damage.
type openError struct{ error }

func (e *openError) Unwrap() error { return e.error }

// source bounds what is read of a file before its key is found to fit, and the lines of armor
// after that: age itself would read a header or a line of any length into memory. It remembers an
// error of the file itself.
type source struct {
	r       io.Reader
	opened  bool
	armored bool
	count   int // bytes of the header, or of the line of armor
	err     error
}

// Read implements io.Reader.
func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	s.count += n
	if s.opened {
		if i := bytes.LastIndexByte(p[:n], '\n'); i >= 0 || !s.armored {
			s.count = n - i - 1
		}
	}
	if s.count > maxAgeHeader {
		return 0, ErrDamaged
	}
	return n, err
}

// open returns a reader of what is encrypted in the file.
func open(r io.Reader, ids []Identity) (io.Reader, *source, error) {
	src := &source{r: r}
	file := bufio.NewReader(src)
	start, err := file.Peek(maxArmorSpace + len(armor.Header))
	if err != nil && src.err != nil {
		return nil, nil, src.cause(src.err)
	}
	var in io.Reader = file
	switch {
	case bytes.HasPrefix(bytes.TrimLeft(start, " \t\r\n"), []byte(armor.Header)):
		src.armored = true
		in = armor.NewReader(file)
	case !bytes.HasPrefix(start, []byte(ageIntro)):
		return nil, nil, errNotAge
	}
	keys := make([]age.Identity, 0, len(ids))
	for _, id := range ids {
		if id.key != nil {
			keys = append(keys, id.key)
		}
	}
	if len(keys) == 0 {
		return nil, nil, errors.New("no key to open the export with")
	}
	plain, err := age.Decrypt(in, keys...)
	if err != nil {
		return nil, nil, src.cause(err)
	}
	src.opened = true
	return plain, src, nil
}

// cause turns an error of reading into one for the caller. age's own texts are dropped: they may
// quote the file.
func (s *source) cause(err error) error {
	var mismatch *age.NoIdentityMatchError
	var ours *openError
	switch {
	case s.err != nil:
		return fmt.Errorf("reading the export: %w", s.err)
	case errors.As(err, &ours):
		return ours.error
	case !errors.As(err, &mismatch):
		return ErrDamaged
	case slices.Contains(mismatch.StanzaTypes, scryptStanza):
		return fmt.Errorf("%w: the file is encrypted with a passphrase, and no key or other passphrase opens it", ErrWrongKey)
	}
	return fmt.Errorf("%w: the file is encrypted to other recipients; give the secret key of one of them", ErrWrongKey)
}
