package replay

import "sync"

// Sizes of the pieces that bytes are kept in. Most API calls fit into one small piece; larger
// bodies come in the 32 KiB that net/http copies at a time.
const (
	smallPiece = 4 << 10
	largePiece = 32 << 10
)

var (
	smallPieces = sync.Pool{New: func() any { return &piece{data: make([]byte, 0, smallPiece)} }}
	largePieces = sync.Pool{New: func() any { return &piece{data: make([]byte, 0, largePiece)} }}
)

// A piece is a pooled buffer, linked to the one that follows it.
type piece struct {
	data []byte
	next *piece
}

// kept is a queue of bytes: added at the end, taken from the front. The zero value is empty.
type kept struct {
	head, tail *piece
	taken      int // of head
}

// add appends a copy of p.
func (k *kept) add(p []byte) {
	for len(p) > 0 {
		if k.tail == nil || len(k.tail.data) == cap(k.tail.data) {
			k.grow(len(p))
		}
		t := k.tail
		n := min(len(p), cap(t.data)-len(t.data))
		t.data = append(t.data, p[:n]...)
		p = p[n:]
	}
}

// grow appends an empty piece: a small one for a short beginning, else a large one.
func (k *kept) grow(need int) {
	pool := &largePieces
	if k.tail == nil && need <= smallPiece {
		pool = &smallPieces
	}
	t := pool.Get().(*piece)
	if k.tail == nil {
		k.head = t
	} else {
		k.tail.next = t
	}
	k.tail = t
}

// next moves bytes from the front into p and gives emptied pieces back.
func (k *kept) next(p []byte) int {
	total := 0
	for k.head != nil && total < len(p) {
		n := copy(p[total:], k.head.data[k.taken:])
		total += n
		k.taken += n
		if k.taken == len(k.head.data) {
			k.drop()
		}
	}
	return total
}

// release gives every piece back.
func (k *kept) release() {
	for k.head != nil {
		k.drop()
	}
}

// drop takes the first piece off the queue and returns it to its pool.
func (k *kept) drop() {
	h := k.head
	k.head, k.taken = h.next, 0
	if k.head == nil {
		k.tail = nil
	}
	h.data, h.next = h.data[:0], nil
	if cap(h.data) == smallPiece {
		smallPieces.Put(h)
	} else {
		largePieces.Put(h)
	}
}
