package replay_test

import (
	"errors"
	"io"
	"testing"
	"testing/synctest"

	"github.com/claviger-proxy/claviger/internal/replay"
)

type result struct {
	data string
	err  error
}

// read starts one Read of 64 bytes.
func read(r io.Reader) <-chan result {
	done := make(chan result, 1)
	go func() {
		p := make([]byte, 64)
		n, err := r.Read(p)
		done <- result{string(p[:n]), err}
	}()
	return done
}

func wantResult(t *testing.T, done <-chan result, data string, err error) {
	t.Helper()
	if got := <-done; got.data != data || !errors.Is(got.err, err) {
		t.Errorf("got %q, %v, want %q, %v", got.data, got.err, data, err)
	}
}

func wantWaiting(t *testing.T, done <-chan result) {
	t.Helper()
	synctest.Wait()
	select {
	case got := <-done:
		t.Errorf("got %q, %v, want a Read that waits", got.data, got.err)
	default:
	}
}

func send(t *testing.T, w io.Writer, data string) {
	t.Helper()
	if _, err := io.WriteString(w, data); err != nil {
		t.Errorf("writing: %v", err)
	}
}

// blocked returns a Body whose first attempt has sent "ab" and is blocked in its next Read.
func blocked(t *testing.T, limit int64) (*replay.Body, *io.PipeWriter, <-chan result) {
	t.Helper()
	src, client := io.Pipe()
	b := replay.New(src, limit)
	done := read(b.First())
	send(t, client, "ab")
	wantResult(t, done, "ab", nil)
	late := read(b.First())
	wantWaiting(t, late)
	return b, client, late
}

func again(t *testing.T, b *replay.Body) io.ReadCloser {
	t.Helper()
	second, ok := b.Again()
	if !ok {
		t.Fatal("Again() = false, want true")
	}
	return second
}

func TestLateReadBelongsToSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, client, late := blocked(t, 16)
		second := again(t, b)
		wantResult(t, read(second), "ab", nil)
		waiting := read(second)
		wantWaiting(t, waiting)

		send(t, client, "cd")
		wantResult(t, late, "", replay.ErrTakenOver)
		wantResult(t, waiting, "cd", nil)

		direct := read(second)
		send(t, client, "ef")
		wantResult(t, direct, "ef", nil)
		client.Close()
		wantResult(t, read(second), "", io.EOF)
	})
}

func TestLateReadBeyondLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, client, late := blocked(t, 2)
		second := again(t, b)
		send(t, client, "cdef")
		wantResult(t, late, "", replay.ErrTakenOver)
		wantResult(t, read(second), "abcdef", nil)
	})
}

func TestLateReadAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, client, late := blocked(t, 2)
		if err := b.First().Close(); err != nil {
			t.Fatalf("Close() = %v", err)
		}
		send(t, client, "cdef")
		wantResult(t, late, "", replay.ErrClosed)
		wantResult(t, read(again(t, b)), "abcdef", nil)
	})
}

func TestLateError(t *testing.T) {
	lost := errors.New("client lost")
	for _, end := range []error{io.EOF, lost} {
		t.Run(end.Error(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, client, late := blocked(t, 16)
				second := again(t, b)
				wantResult(t, read(second), "ab", nil)
				waiting := read(second)
				wantWaiting(t, waiting)
				client.CloseWithError(end)
				wantResult(t, late, "", replay.ErrTakenOver)
				wantResult(t, waiting, "", end)
			})
		})
	}
}

func TestCloseWakesWaitingRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, client, late := blocked(t, 16)
		second := again(t, b)
		wantResult(t, read(second), "ab", nil)
		waiting := read(second)
		wantWaiting(t, waiting)
		if err := second.Close(); err != nil {
			t.Fatalf("Close() = %v", err)
		}
		wantResult(t, waiting, "", replay.ErrClosed)
		client.Close()
		wantResult(t, late, "", replay.ErrTakenOver)
	})
}

func TestCloseOfBlockedSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src, client := io.Pipe()
		b := replay.New(src, 16)
		second := again(t, b)
		waiting := read(second)
		wantWaiting(t, waiting)
		if err := second.Close(); err != nil {
			t.Fatalf("Close() = %v", err)
		}
		send(t, client, "ab")
		wantResult(t, waiting, "", replay.ErrClosed)
	})
}

func TestReleaseWhileReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, client, late := blocked(t, 16)
		b.Release()
		send(t, client, "cd")
		wantResult(t, late, "cd", nil)
		if b.Replayable() {
			t.Error("Replayable() after Release = true, want false")
		}
	})
}

// TestParallel lets the switch happen anywhere while both attempts and the client run; -race judges.
func TestParallel(t *testing.T) {
	const input = "the quick brown fox jumps over the lazy dog, again and again and again"
	for range 300 {
		src, client := io.Pipe()
		b := replay.New(src, int64(len(input)))
		go func() {
			for i := range len(input) {
				if _, err := io.WriteString(client, input[i:i+1]); err != nil {
					return
				}
			}
			client.Close()
		}()
		sent := make(chan string)
		go func() {
			data, _ := io.ReadAll(b.First())
			sent <- string(data)
		}()
		wantAll(t, again(t, b), input)
		if got := <-sent; len(got) > len(input) || got != input[:len(got)] {
			t.Fatalf("first attempt got %q, want a beginning of the input", got)
		}
	}
}
