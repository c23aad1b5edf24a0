package badgerstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/dgraph-io/badger/v4/fb"
)

// checkTables checks the tables that the manifest names. Others were merged into these, or made,
// shortly before a crash. What is in the latter is also in a log, or in tables that they were
// merged from; if it is not, the manifest has lost them.
func checkTables(dir string, there []string, m manifest, logged []versions) error {
	var newest uint64
	for name := range m.named {
		if !slices.Contains(there, name) {
			return damaged{name, "it is missing"}
		}
	}
	results := checkEach(dir, there)
	for i, name := range there {
		if !m.named[name] {
			continue
		}
		if results[i].err != nil {
			return results[i].err
		}
		newest = max(newest, results[i].newest)
	}
	for i, name := range there {
		v := results[i].newest
		if m.named[name] || m.removed[name] || results[i].err != nil || v <= newest {
			continue
		}
		if !slices.ContainsFunc(logged, func(l versions) bool { return l.first <= v && v <= l.last }) {
			return damaged{"MANIFEST", "it has lost " + name}
		}
	}
	return nil
}

// largeBuffers is what is worth a collection of a small heap.
const largeBuffers = 8 << 20

// checked is what checkTable returns.
type checked struct {
	newest uint64
	err    error
}

// checkEach checks several tables at once, in a few buffers.
func checkEach(dir string, names []string) []checked {
	results := make([]checked, len(names))
	next := make(chan int)
	var wg sync.WaitGroup
	var buffers atomic.Int64
	for range min(runtime.GOMAXPROCS(0), 4, len(names)) {
		wg.Go(func() {
			var buf []byte
			for i := range next {
				results[i].newest, results[i].err = checkTable(dir, names[i], &buf)
			}
			buffers.Add(int64(cap(buf)))
		})
	}
	for i := range names {
		next <- i
	}
	close(next)
	wg.Wait()
	if buffers.Load() > largeBuffers {
		debug.FreeOSMemory() // nothing after the start needs as much
	}
	return results
}

// checkTable checks all checksums of a table, and returns its newest version.
//
//	blocks | index | 4 bytes length of the index | checksum | 4 bytes length of the checksum
//
// Each block, which the index tells the place of, ends with its own checksum and the length of it.
func checkTable(dir, name string, buf *[]byte) (newest uint64, err error) {
	defer func() {
		if r := recover(); r != nil { // the index is right, but not what we think
			newest, err = 0, damaged{name, "its index is not readable"}
		}
	}()
	if err := readWhole(filepath.Join(dir, name), buf); err != nil {
		return 0, err
	}
	b := *buf
	rest, stored, ok := cutTail(b)
	if !ok {
		return 0, damaged{name, "it has no end"}
	}
	blocks, index, ok := cutTail(rest)
	if !ok || !sum(stored, index) {
		return 0, damaged{name, "its index has another checksum"}
	}
	table := fb.GetRootAsTableIndex(index, 0)
	var place fb.BlockOffset
	at := 0
	for i := range table.OffsetsLength() {
		if !table.Offsets(&place, i) || int(place.Offset()) != at || int(place.Len()) > len(blocks)-at {
			return 0, damaged{name, "its index is not readable"}
		}
		block := blocks[at:][:place.Len()]
		at += len(block)
		if data, stored, ok := cutTail(block); !ok || !sum(stored, data) {
			return 0, damaged{name, fmt.Sprintf("block %d has another checksum", i)}
		}
	}
	if at != len(blocks) {
		return 0, damaged{name, "it has bytes that belong to no block"}
	}
	return table.MaxVersion(), nil
}

// cutTail cuts off a part that is followed by its length.
func cutTail(b []byte) (rest, tail []byte, ok bool) {
	const size = 4
	if len(b) < size {
		return nil, nil, false
	}
	end := len(b) - size
	n := binary.BigEndian.Uint32(b[end:])
	if uint64(n) > uint64(end) {
		return nil, nil, false
	}
	start := end - int(n)
	return b[:start], b[start:end], true
}

// readWhole reads a file into buf, which grows.
func readWhole(path string, buf *[]byte) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	if !fi.Mode().IsRegular() {
		return damaged{fi.Name(), "it is not a file"}
	}
	*buf = slices.Grow((*buf)[:0], int(fi.Size()))[:fi.Size()]
	_, err = io.ReadFull(f, *buf)
	var pe *fs.PathError
	if errors.As(err, &pe) { // the disk cannot read it
		return damaged{fi.Name(), pe.Err.Error()}
	}
	return err
}
