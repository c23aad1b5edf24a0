package replay_test

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/claviger-proxy/claviger/internal/replay"
)

// plain and sink have no other methods, so that every copy goes through a buffer as it does for a
// client's connection.
type (
	plain struct{ io.Reader }
	sink  struct{ io.Writer }
)

// BenchmarkSend compares a body sent as it is, one that is kept, and one that is sent twice. The
// largest is over the limit.
func BenchmarkSend(b *testing.B) {
	const limit = 1 << 20
	buf := make([]byte, 32<<10)
	send := func(b *testing.B, r io.Reader, size int) {
		if n, err := io.CopyBuffer(sink{io.Discard}, plain{r}, buf); err != nil || n != int64(size) {
			b.Fatalf("sent %d bytes, %v, want %d", n, err, size)
		}
	}
	for _, size := range []int{0, 1 << 10, 64 << 10, 1 << 20, 8 << 20} {
		src := bytes.NewReader(make([]byte, size))
		run := func(name string, once func(b *testing.B)) {
			b.Run(fmt.Sprintf("%s/%dKiB", name, size>>10), func(b *testing.B) {
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					src.Seek(0, io.SeekStart)
					once(b)
				}
			})
		}
		run("plain", func(b *testing.B) { send(b, src, size) })
		run("kept", func(b *testing.B) {
			body := replay.New(src, limit)
			send(b, body.First(), size)
			body.Release()
		})
		if size > limit {
			continue
		}
		run("twice", func(b *testing.B) {
			body := replay.New(src, limit)
			send(b, body.First(), size)
			second, _ := body.Again()
			send(b, second, size)
			second.Close()
		})
	}
}
