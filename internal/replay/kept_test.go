package replay

import (
	"bytes"
	"io"
	"testing"
)

func TestKept(t *testing.T) {
	var k kept
	var want []byte
	for i := range 200 {
		p := bytes.Repeat([]byte{byte(i)}, i*7)
		want = append(want, p...)
		k.add(p)
	}
	got := make([]byte, len(want)+1)
	n := 0
	for step := 1; ; step += 13 {
		m := k.next(got[n:min(n+step, len(got))])
		if m == 0 {
			break
		}
		n += m
	}
	if !bytes.Equal(got[:n], want) {
		t.Errorf("took %d bytes, want the %d added", n, len(want))
	}
	if k.head != nil || k.tail != nil {
		t.Error("pieces are left after the last byte")
	}
}

func TestLimitReleasesAtOnce(t *testing.T) {
	b := New(bytes.NewReader(make([]byte, 100<<10)), 64<<10)
	first := b.First()
	if _, err := io.ReadFull(first, make([]byte, 64<<10)); err != nil {
		t.Fatal(err)
	}
	if b.kept.head == nil {
		t.Error("nothing is kept at the limit")
	}
	if _, err := io.ReadFull(first, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if b.kept.head != nil {
		t.Error("bytes are kept above the limit")
	}
}

func TestMemoryOnDemand(t *testing.T) {
	b := New(bytes.NewReader([]byte("hello")), 1<<30)
	if b.kept.head != nil {
		t.Error("memory is taken before the first byte")
	}
	if _, err := io.ReadAll(b.First()); err != nil {
		t.Fatal(err)
	}
	if got := cap(b.kept.head.data); got != smallPiece || b.kept.head.next != nil {
		t.Errorf("a short body is kept in %d bytes and more, want one piece of %d", got, smallPiece)
	}
}
