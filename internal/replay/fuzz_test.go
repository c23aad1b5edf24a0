package replay_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/claviger-proxy/claviger/internal/replay"
)

// script is a source that returns its data in given portions and calls hook inside one of its
// Reads, which is where another goroutine would act.
type script struct {
	data  []byte
	sizes []byte
	calls int
	at    int
	hook  func()
}

func (s *script) Read(p []byte) (int, error) {
	s.calls++
	if s.calls == s.at {
		s.hook()
	}
	if len(s.data) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.data[:min(len(s.data), size(s.sizes, s.calls))])
	s.data = s.data[n:]
	return n, nil
}

// size takes the ith portion of a split.
func size(sizes []byte, i int) int {
	if len(sizes) == 0 {
		return 1
	}
	return 1 + int(sizes[i%len(sizes)])
}

// collect reads r in the given portions until it ends or stop says so, and returns what came.
func collect(r io.Reader, sizes []byte, stop func(reads int) bool) ([]byte, error) {
	var got []byte
	for i := 0; !stop(i); i++ {
		p := make([]byte, size(sizes, i))
		n, err := r.Read(p)
		got = append(got, p[:n]...)
		if err != nil {
			return got, err
		}
	}
	return got, nil
}

// FuzzBody checks against a model: whatever the portions and wherever the switch, inside a Read of
// the source or between two, the second attempt gives the input; if there is none, the first does.
func FuzzBody(f *testing.F) {
	f.Add([]byte("hello world"), []byte{2}, []byte{4}, int64(100), uint8(3), true, false)
	f.Add([]byte("hello world"), []byte{0}, []byte{200}, int64(5), uint8(7), false, false)
	f.Add([]byte("hello world"), []byte{255}, []byte{0, 1}, int64(0), uint8(1), true, true)
	f.Add(bytes.Repeat([]byte("0123456789"), 600), []byte{255, 9}, []byte{255}, int64(5000), uint8(20), true, false)
	f.Add([]byte{}, []byte{}, []byte{}, int64(-1), uint8(0), false, true)
	f.Fuzz(func(t *testing.T, input, portions, reads []byte, limit int64, at uint8, inside, closed bool) {
		src := &script{data: bytes.Clone(input), sizes: portions}
		b := replay.New(src, limit)
		first := b.First()
		var second io.ReadCloser
		var ok, switched bool
		change := func() {
			if closed {
				first.Close()
			}
			switched = true
			second, ok = b.Again()
		}
		if inside {
			src.at, src.hook = int(at), change
		}
		sent, err := collect(first, reads, func(n int) bool {
			return !inside && n == int(at)
		})
		between := !switched
		if between {
			change()
		}
		if !bytes.HasPrefix(input, sent) {
			t.Fatalf("first attempt sent %q, want a beginning of the input", sent)
		}
		if want := limit >= 0 && int64(len(sent)) <= limit; between && ok != want {
			t.Fatalf("Again() = %t after %d bytes with limit %d, want %t", ok, len(sent), limit, want)
		}
		if !ok {
			checkFirst(t, first, input, sent, err, closed)
			return
		}
		if _, err := first.Read(make([]byte, 8)); !errors.Is(err, replay.ErrTakenOver) {
			t.Fatalf("first attempt's Read after Again: %v", err)
		}
		got, err := collect(second, reads, func(int) bool { return false })
		if !errors.Is(err, io.EOF) || !bytes.Equal(got, input) {
			t.Fatalf("second attempt got %q, %v, want %q", got, err, input)
		}
	})
}

// checkFirst finishes a first attempt that stays the only one.
func checkFirst(t *testing.T, first io.Reader, input, sent []byte, err error, closed bool) {
	t.Helper()
	if closed {
		return
	}
	if err == nil {
		rest, end := io.ReadAll(first)
		sent, err = append(sent, rest...), end
	}
	if err != nil && !errors.Is(err, io.EOF) || !bytes.Equal(sent, input) {
		t.Fatalf("only attempt got %q, %v, want %q", sent, err, input)
	}
}
