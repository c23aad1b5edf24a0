package replay_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/claviger-proxy/claviger/internal/replay"
)

func TestAgain(t *testing.T) {
	long := strings.Repeat("0123456789abcdef", 8<<10)
	tests := []struct {
		name  string
		input string
		limit int64
		read  int // bytes the first attempt takes before the switch
		want  bool
	}{
		{name: "nothing sent", input: "hello", limit: 10, read: 0, want: true},
		{name: "nothing sent, no limit to keep", input: "hello", limit: 0, read: 0, want: true},
		{name: "one byte sent, nothing kept", input: "hello", limit: 0, read: 1, want: false},
		{name: "part sent", input: "hello", limit: 10, read: 2, want: true},
		{name: "all sent", input: "hello", limit: 10, read: 5, want: true},
		{name: "exactly the limit", input: "hello", limit: 5, read: 5, want: true},
		{name: "one more than the limit", input: "hello!", limit: 5, read: 6, want: false},
		{name: "long body refused early", input: long, limit: 1 << 10, read: 1 << 10, want: true},
		{name: "several pieces", input: long, limit: 1 << 20, read: 100 << 10, want: true},
		{name: "several pieces, too many", input: long, limit: 64 << 10, read: 100 << 10, want: false},
		{name: "never", input: "hello", limit: -1, read: 0, want: false},
		{name: "empty", input: "", limit: 10, read: 0, want: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := replay.New(strings.NewReader(tt.input), tt.limit)
			first := b.First()
			got := make([]byte, tt.read)
			if _, err := io.ReadFull(first, got); err != nil {
				t.Fatalf("first attempt: %v", err)
			}
			if string(got) != tt.input[:tt.read] {
				t.Fatalf("first attempt got other bytes than the source has")
			}
			if got := b.Replayable(); got != tt.want {
				t.Errorf("Replayable() = %t, want %t", got, tt.want)
			}
			second, ok := b.Again()
			if ok != tt.want {
				t.Fatalf("Again() = %t, want %t", ok, tt.want)
			}
			if !ok {
				if second != nil {
					t.Errorf("Again() returned a reader together with false")
				}
				wantAll(t, first, tt.input[tt.read:])
				return
			}
			wantRead(t, first, replay.ErrTakenOver)
			wantAll(t, second, tt.input)
			wantRead(t, first, replay.ErrTakenOver)
			if _, ok := b.Again(); ok {
				t.Errorf("second Again() = true, want false")
			}
		})
	}
}

func TestNilSource(t *testing.T) {
	b := replay.New(nil, 10)
	wantAll(t, b.First(), "")
	second, ok := b.Again()
	if !ok {
		t.Fatal("Again() = false, want true")
	}
	wantAll(t, second, "")
}

func TestCloseLeavesSource(t *testing.T) {
	src := &closer{Reader: strings.NewReader("hello")}
	b := replay.New(src, 10)
	first := b.First()
	if err := first.Close(); err != nil {
		t.Fatalf("Close() = %v", err)
	}
	wantRead(t, first, replay.ErrClosed)
	second, ok := b.Again()
	if !ok {
		t.Fatal("Again() = false, want true")
	}
	wantAll(t, second, "hello")
	if err := second.Close(); err != nil {
		t.Fatalf("Close() = %v", err)
	}
	wantRead(t, second, replay.ErrClosed)
	if src.closed {
		t.Error("source was closed")
	}
}

func TestRelease(t *testing.T) {
	b := replay.New(strings.NewReader("hello"), 10)
	first := b.First()
	if _, err := io.ReadFull(first, make([]byte, 2)); err != nil {
		t.Fatal(err)
	}
	b.Release()
	if _, ok := b.Again(); ok {
		t.Error("Again() after Release = true, want false")
	}
	wantAll(t, first, "llo")

	b = replay.New(strings.NewReader("hello"), 10)
	wantAll(t, b.First(), "hello")
	second, _ := b.Again()
	b.Release()
	wantAll(t, second, "hello")
}

func TestSourceError(t *testing.T) {
	lost := errors.New("client lost")
	broken := func() io.Reader {
		return io.MultiReader(strings.NewReader("hello"), iotest.ErrReader(lost))
	}

	b := replay.New(broken(), 10)
	if got, err := io.ReadAll(b.First()); string(got) != "hello" || !errors.Is(err, lost) {
		t.Errorf("first attempt: got %q, %v, want hello and the source's error", got, err)
	}
	if _, ok := b.Again(); ok {
		t.Error("Again() after the source failed = true, want false")
	}

	b = replay.New(broken(), 10)
	if _, err := io.ReadFull(b.First(), make([]byte, 3)); err != nil {
		t.Fatal(err)
	}
	second, _ := b.Again()
	if got, err := io.ReadAll(second); string(got) != "hello" || !errors.Is(err, lost) {
		t.Errorf("second attempt: got %q, %v, want hello and the source's error", got, err)
	}
	wantRead(t, second, lost)
}

func TestDataWithError(t *testing.T) {
	b := replay.New(iotest.DataErrReader(strings.NewReader("hello")), 10)
	wantAll(t, b.First(), "hello")
	second, ok := b.Again()
	if !ok {
		t.Fatal("Again() = false, want true")
	}
	wantAll(t, second, "hello")
}

type closer struct {
	io.Reader
	closed bool
}

func (c *closer) Close() error {
	c.closed = true
	return nil
}

func wantAll(t *testing.T, r io.Reader, want string) {
	t.Helper()
	got, err := io.ReadAll(r)
	if err != nil {
		t.Errorf("reading: %v", err)
	}
	if !bytes.Equal(got, []byte(want)) {
		t.Errorf("got %d bytes %.40q, want %d bytes %.40q", len(got), got, len(want), want)
	}
}

func wantRead(t *testing.T, r io.Reader, want error) {
	t.Helper()
	n, err := r.Read(make([]byte, 8))
	if n != 0 || !errors.Is(err, want) {
		t.Errorf("Read() = %d, %v, want 0, %v", n, err, want)
	}
}
