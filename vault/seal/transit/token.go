package transit

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// maxToken is more than any token has; those of batches have some hundred bytes.
const maxToken = 8192

// TokenFile yields the token in a file, such as the sink of a Vault agent. Each call reads it anew.
// Space around the token is ignored.
func TokenFile(path string) func() (string, error) {
	return func() (string, error) {
		file, err := os.Open(path)
		if err != nil {
			return "", fmt.Errorf("reading token file %s: %w", path, reason(err))
		}
		defer file.Close()
		text, err := io.ReadAll(io.LimitReader(file, maxToken+1))
		if err != nil {
			return "", fmt.Errorf("reading token file %s: %w", path, reason(err))
		}
		token := strings.TrimSpace(string(text))
		if err := checkToken(token); err != nil {
			return "", fmt.Errorf("token file %s: %w", path, err)
		}
		return token, nil
	}
}

// reason is an error without the path that it repeats.
func reason(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// checkToken refuses what cannot stand in a header.
func checkToken(token string) error {
	switch {
	case token == "":
		return errors.New("it is empty")
	case len(token) > maxToken:
		return fmt.Errorf("it has more than %d bytes", maxToken)
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return errors.New("it has characters that no token has")
	}
	return nil
}
