package cli

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// readPassphrase reads the first line of a file; - is standard input.
func readPassphrase(path string) (string, error) {
	in := os.Stdin
	if path != "-" {
		f, err := openFile(path)
		if err != nil {
			return "", err
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, maxSecret+1))
	if err != nil {
		return "", failed("file_unreadable", "the passphrase cannot be read: "+cause(err), "check where it comes from")
	}
	line, _, _ := strings.Cut(string(text), "\n")
	line = strings.TrimSuffix(line, "\r")
	if line == "" || len(text) > maxSecret {
		return "", failed("passphrase_unusable", "the passphrase is empty, or longer than 16 KiB", "check the file that it comes from")
	}
	return line, nil
}

// askPassphrase asks for the passphrase of a file on the terminal, once.
func askPassphrase(c *call, file string) func() (string, error) {
	known := ""
	return func() (string, error) {
		if known != "" {
			return known, nil
		}
		if !term.IsTerminal(int(os.Stdin.Fd())) {
			return "", usage("%s is encrypted with a passphrase: give --passphrase-file", file)
		}
		fmt.Fprintf(c.err, "Passphrase of %s (not shown): ", file)
		text, err := term.ReadPassword(int(os.Stdin.Fd()))
		fmt.Fprintln(c.err)
		known = string(text)
		return known, err
	}
}
