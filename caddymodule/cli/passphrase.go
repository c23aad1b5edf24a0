package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// readPassphrase reads the first line of a file; - is standard input, and on a terminal a question.
func readPassphrase(ctx context.Context, c *call, path string) (string, error) {
	if path == "-" && atTerminal() {
		text, err := hidden(ctx, c, "Passphrase (not shown): ")
		if err == nil && text == "" {
			err = failed("passphrase_unusable", "the passphrase is empty", "")
		}
		return text, err
	}
	in := os.Stdin
	if path != "-" {
		f, err := openFile(path)
		if err != nil {
			return "", err
		}
		defer f.Close()
		in = f
	}
	text, err := awaited(ctx, func() ([]byte, error) { return io.ReadAll(io.LimitReader(in, maxSecret+1)) })
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case err != nil:
		return "", failed("file_unreadable", "the passphrase cannot be read: "+cause(err), "check where it comes from")
	}
	line, _, _ := strings.Cut(string(text), "\n")
	line = strings.TrimSuffix(line, "\r")
	if line == "" || len(text) > maxSecret {
		return "", failed("passphrase_unusable", "the passphrase is empty, or longer than 16 KiB", "check the file that it comes from")
	}
	return line, nil
}

// newPassphrase is readPassphrase for a file that is made: on a terminal it is asked for twice, for
// nobody could open the file with a slip.
func newPassphrase(ctx context.Context, c *call, path string) (string, error) {
	text, err := readPassphrase(ctx, c, path)
	if err != nil || path != "-" || !atTerminal() {
		return text, err
	}
	again, err := hidden(ctx, c, "Once more: ")
	if err == nil && again != text {
		err = failed("passphrase_unusable", "the two passphrases are not the same", "")
	}
	if err != nil {
		return "", err
	}
	return text, nil
}

// askPassphrase asks for the passphrase of a file on the terminal, once.
func askPassphrase(ctx context.Context, c *call, file string) func() (string, error) {
	known := ""
	return func() (_ string, err error) {
		if known != "" {
			return known, nil
		}
		if !atTerminal() {
			return "", usage("%s is encrypted with a passphrase: give --passphrase-file", file)
		}
		known, err = hidden(ctx, c, fmt.Sprintf("Passphrase of %s (not shown): ", file))
		return known, err
	}
}

// atTerminal tells whether somebody can be asked.
func atTerminal() bool { return term.IsTerminal(int(os.Stdin.Fd())) }

// hidden asks for a secret on the terminal, which shows again what is typed when ctx ends.
func hidden(ctx context.Context, c *call, question string) (string, error) {
	fd := int(os.Stdin.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", err
	}
	fmt.Fprint(c.err, question)
	text, err := awaited(ctx, func() ([]byte, error) { return term.ReadPassword(fd) })
	fmt.Fprintln(c.err)
	if ctx.Err() != nil {
		_ = term.Restore(fd, before)
		return "", ctx.Err()
	}
	return string(text), err
}

// awaited is what read returns, unless ctx ends before: nothing else ends a read of standard input.
func awaited[T any](ctx context.Context, read func() (T, error)) (T, error) {
	type result struct {
		got T
		err error
	}
	done := make(chan result, 1)
	go func() { // ends with the read, or with the process
		got, err := read()
		done <- result{got, err}
	}()
	select {
	case r := <-done:
		return r.got, r.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}
