package cli

import (
	"context"
	"io"
	"os"
	"strings"
)

// maxSecret is more than any client secret has; Apple's are the longest, at about a kilobyte.
const maxSecret = 16 << 10

// secretSource is where a client secret comes from: a file, "-" for standard input, or an
// environment variable.
type secretSource struct{ file, env string }

// read returns the secret. On a terminal it is asked for when no source was named.
func (s secretSource) read(ctx context.Context, c *call, required bool) (string, error) {
	text, err := s.text(ctx, c, required)
	if err != nil {
		return "", err
	}
	text = strings.TrimSpace(text)
	if text == "" && required {
		return "", failed("client_secret_empty", "the client secret is empty", "check the file or the variable that it comes from")
	}
	return text, nil
}

func (s secretSource) text(ctx context.Context, c *call, required bool) (string, error) {
	switch {
	case s.file != "" && s.env != "":
		return "", usage("--client-secret-file and --client-secret-env exclude each other")
	case s.env != "":
		text, ok := os.LookupEnv(s.env)
		if !ok {
			return "", failed("client_secret_empty", "the environment variable "+s.env+" is not set", "set it, or use --client-secret-file")
		}
		return text, nil
	case s.file == "-":
		in := os.Stdin
		return awaited(ctx, func() (string, error) { return limited(in) })
	case s.file != "":
		file, err := os.Open(s.file)
		if err != nil {
			return "", failed("client_secret_unreadable", "the file "+s.file+" cannot be read: "+cause(err), "check the path and its permissions")
		}
		defer file.Close()
		return limited(file)
	case !required:
		return "", nil
	case atTerminal():
		return hidden(ctx, c, "Client secret (not shown): ")
	}
	return "", usage("the client secret is missing: give --client-secret-file FILE (- is standard input) or --client-secret-env NAME")
}

func limited(r io.Reader) (string, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxSecret+1))
	if err != nil {
		return "", failed("client_secret_unreadable", "the client secret cannot be read: "+cause(err), "check where it comes from")
	}
	if len(text) > maxSecret {
		return "", failed("client_secret_unreadable", "the client secret is longer than 16 KiB", "check that it is the right file")
	}
	return string(text), nil
}
