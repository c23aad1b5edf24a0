package seal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"regexp"
	"strings"
	"time"
	"unicode"
)

const (
	// heldOutput is how long a command that has ended, or was killed, may leave its output open
	// in the hands of another process.
	heldOutput = time.Second
	// maxComplaint is how much of a command's standard error is shown, in bytes.
	maxComplaint = 200
)

// keyCommand is a program and its arguments. It prints as the program alone.
type keyCommand []string

// String returns the program.
func (c keyCommand) String() string { return c[0] }

// run runs the command once and returns the key that it printed.
func (c keyCommand) run(ctx context.Context, timeout time.Duration) (Key, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	stdout, stderr := &head{max: maxKeyText}, &head{max: maxKeyText}
	cmd := exec.CommandContext(ctx, c[0], c[1:]...)
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = stdout, stderr, heldOutput
	apart(cmd)
	err := cmd.Run()
	switch exit := (*exec.ExitError)(nil); {
	case err == nil, errors.Is(err, exec.ErrWaitDelay): // it has ended well; a child of it goes on
	case ctx.Err() != nil:
		return Key{}, fmt.Errorf("%w: it was killed after %v%s", ErrUnavailable, timeout, complaint(stderr.text))
	case errors.As(err, &exit):
		return Key{}, fmt.Errorf("%w: it ended with %v%s", ErrUnavailable, exit.ProcessState, complaint(stderr.text))
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		return Key{}, fmt.Errorf("%w: there is no such program; install it, or give its absolute path", ErrUnavailable)
	case errors.Is(err, fs.ErrPermission):
		return Key{}, fmt.Errorf("%w: this user may not run it", ErrUnavailable)
	default:
		return Key{}, fmt.Errorf("%w: it cannot be run", ErrUnavailable)
	}
	switch {
	case stdout.over:
		return Key{}, fmt.Errorf("%w: it printed more than %d bytes", ErrBadKey, maxKeyText)
	case strings.TrimSpace(string(stdout.text)) == "":
		return Key{}, fmt.Errorf("%w: it printed nothing%s", ErrBadKey, complaint(stderr.text))
	}
	return ParseKey(string(stdout.text))
}

// head keeps the first bytes that are written to it.
type head struct {
	text []byte
	max  int
	over bool
}

// Write takes everything, so that the writer is not stopped.
func (h *head) Write(p []byte) (int, error) {
	keep := min(len(p), h.max-len(h.text))
	h.text = append(h.text, p[:keep]...)
	h.over = h.over || keep < len(p)
	return len(p), nil
}

// keyLike is what a key looks like without its prefix.
var keyLike = regexp.MustCompile(`[A-Za-z0-9+/]{43}=`)

// complaint is the first line of standard error, to be put behind a message; nothing when a key
// may be in it.
func complaint(stderr []byte) string {
	text := string(stderr)
	if strings.Contains(text, keyTextPrefix) || keyLike.MatchString(text) {
		return ""
	}
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	line = strings.TrimSpace(strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, line))
	if len(line) > maxComplaint {
		line = strings.ToValidUTF8(line[:maxComplaint], "")
	}
	if line == "" {
		return ""
	}
	return ": " + line
}
