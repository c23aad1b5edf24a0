package vault

import (
	"errors"
	"testing"
	"time"
)

// What takes long is not done again at once; what is quick, or has failed, is.
func TestRemembered(t *testing.T) {
	failed := errors.New("failed")
	for _, c := range []struct {
		name string
		took time.Duration
		err  error
		want int
	}{{"quick", 0, nil, 3}, {"slow", 2 * quickCount, nil, 1}, {"failed", 2 * quickCount, failed, 3}} {
		var r remembered[int]
		done := 0
		for range 3 {
			got, err := r.get(func() (int, error) {
				done++
				time.Sleep(c.took)
				return 7, c.err
			})
			if !errors.Is(err, c.err) || err == nil && got != 7 {
				t.Errorf("%s: got %d, %v", c.name, got, err)
			}
		}
		if done != c.want {
			t.Errorf("%s: counted %d times, want %d", c.name, done, c.want)
		}
	}
}
