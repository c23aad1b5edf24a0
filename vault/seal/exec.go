package seal

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// defaultKeyTimeout is enough for a command that asks a server.
const defaultKeyTimeout = 10 * time.Second

// ExecKeys are keys that commands print, each in the form that [NewKeyText] makes: for keychains,
// password managers, encrypted files and key services of a cloud. A command runs without a shell,
// with the environment of this process and without standard input or terminal. A key that it has
// printed is kept as long as the ExecKeys; a failure is not. Errors show the program and the first
// line of its standard error, neither arguments nor output. It is safe for concurrent use, and must
// not be copied.
type ExecKeys struct {
	// Command is the program and the arguments that print the key in use.
	Command []string
	// Retired are commands that print earlier keys. They run only when the key in use is another.
	Retired [][]string
	// Timeout is how long a command may take before it is killed; 10 seconds when zero.
	Timeout time.Duration

	flights singleflight.Group
	mu      sync.Mutex
	printed map[string]Key
}

// Active returns the key that Command prints. It is [ErrUnavailable] when the command fails, and
// [ErrBadKey] when it prints something else.
func (e *ExecKeys) Active(ctx context.Context) (Key, error) {
	return e.read(ctx, e.Command)
}

// Find returns the key with that ID, or [ErrUnknownKey]. It is [ErrUnavailable] when a command
// failed that may have it.
func (e *ExecKeys) Find(ctx context.Context, id string) (Key, error) {
	commands := []keyCommand{e.Command}
	for _, c := range e.Retired {
		commands = append(commands, c)
	}
	return findKey(id, commands, func(c keyCommand) (Key, error) { return e.read(ctx, c) })
}

// read returns the key that a command has printed, or runs it. Callers that come at one time share
// a run, so that it ends with its own time and not with one of theirs.
func (e *ExecKeys) read(ctx context.Context, c keyCommand) (Key, error) {
	if len(c) == 0 || c[0] == "" {
		return Key{}, fmt.Errorf("key command: %w: no command is set", ErrNoKey)
	}
	name := strings.Join(c, "\x00")
	if k, ok := e.known(name); ok {
		return k, nil
	}
	flight := e.flights.DoChan(name, func() (any, error) {
		if k, ok := e.known(name); ok {
			return k, nil
		}
		timeout := e.Timeout
		if timeout <= 0 {
			timeout = defaultKeyTimeout
		}
		k, err := c.run(context.WithoutCancel(ctx), timeout)
		if err != nil {
			return nil, fmt.Errorf("key command %s: %w", c, err)
		}
		e.keep(name, k)
		return k, nil
	})
	select {
	case <-ctx.Done():
		return Key{}, fmt.Errorf("key command %s: %w", c, ctx.Err())
	case r := <-flight:
		if r.Err != nil {
			return Key{}, r.Err
		}
		return r.Val.(Key), nil
	}
}

func (e *ExecKeys) known(name string) (Key, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	k, ok := e.printed[name]
	return k, ok
}

func (e *ExecKeys) keep(name string, k Key) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.printed == nil {
		e.printed = map[string]Key{}
	}
	e.printed[name] = k
}

var _ KeyProvider = (*ExecKeys)(nil)
