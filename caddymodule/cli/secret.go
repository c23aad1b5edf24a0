package cli

import (
	"context"
	"io"
	"os"
	"strings"
)

// maxSecret is more than any secret has; private keys with their certificates are the longest.
const maxSecret = 16 << 10

// secretSource is where a secret comes from: a file, "-" for standard input, or an
// environment variable.
type secretSource struct{ file, env string }

// read returns the OAuth client's secret. On a terminal it is asked for when no source was named.
func (s secretSource) read(ctx context.Context, c *call, required bool) (string, error) {
	text, err := s.ask(ctx, c, required)
	if err != nil {
		return "", err
	}
	text = strings.TrimSpace(text)
	if text == "" && required {
		return "", emptySecret("client_secret", "the client secret")
	}
	return text, nil
}

func (s secretSource) ask(ctx context.Context, c *call, required bool) (string, error) {
	switch {
	case s.file != "" && s.env != "":
		return "", usage("--client-secret-file and --client-secret-env exclude each other")
	case s.file != "" || s.env != "":
		return s.text(ctx, "client_secret", "the client secret")
	case !required:
		return "", nil
	case atTerminal():
		return hidden(ctx, c, "Client secret (not shown): ")
	}
	return "", usage("the client secret is missing: give --client-secret-file FILE (- is standard input) or --client-secret-env NAME")
}

// text is what the source has. what is its name in errors, and code how their codes begin.
func (s secretSource) text(ctx context.Context, code, what string) (string, error) {
	if s.env != "" {
		text, ok := os.LookupEnv(s.env)
		if !ok {
			return "", failed(code+"_empty", "the environment variable "+s.env+" is not set", "set it, or give "+what+" in a file")
		}
		return text, nil
	}
	if s.file == "-" {
		in := os.Stdin
		return awaited(ctx, func() (string, error) { return limited(in, code, what) })
	}
	file, err := os.Open(s.file)
	if err != nil {
		return "", failed(code+"_unreadable", "the file "+s.file+" cannot be read: "+cause(err), "check the path and its permissions")
	}
	defer file.Close()
	return limited(file, code, what)
}

func emptySecret(code, what string) error {
	return failed(code+"_empty", what+" is empty", "check the file or the variable that it comes from")
}

func limited(r io.Reader, code, what string) (string, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxSecret+1))
	if err != nil {
		return "", failed(code+"_unreadable", what+" cannot be read: "+cause(err), "check where it comes from")
	}
	if len(text) > maxSecret {
		return "", failed(code+"_unreadable", what+" is longer than 16 KiB", "check that it is the right file")
	}
	return string(text), nil
}
