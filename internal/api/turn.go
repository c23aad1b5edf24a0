package api

import (
	"context"
	"sync"
)

// turns let one request at a time do what is not to be done twice at once. The zero value is ready.
type turns struct {
	taken sync.Map // name to a channel that is closed when the turn is over
}

// inTurn are the turns of the whole process: handlers of two configurations work on one vault, and all
// of them on the same processor.
var inTurn turns

// wholeVault is the turn of requests that read the whole vault: several at once would only take the
// processor from those of callers.
const wholeVault = "vault"

// take waits until nobody else has the turn of that name. done gives it back.
func (t *turns) take(ctx context.Context, name string) (done func(), err error) {
	mine := make(chan struct{})
	for {
		other, taken := t.taken.LoadOrStore(name, mine)
		if !taken {
			return func() {
				t.taken.Delete(name)
				close(mine)
			}, nil
		}
		select {
		case <-other.(chan struct{}):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
