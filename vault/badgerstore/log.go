package badgerstore

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// The database's log of the writes that are not yet in a table is a header, entries, and zeros:
//
//	1 byte meta | 1 byte | uvarint length of key | uvarint length of value | uvarint | key | value | 4 bytes checksum
//
// The entries of a transaction stand together and end with one that has the key !badger!txn and
// the transaction's version. Each transaction is on disk before the next one begins.
const (
	logSuffix  = 8 // a key ends with the version, counted down from the highest number
	logInTxn   = 1 << 6
	logEndTxn  = 1 << 7
	logMaxKey  = 1 << 16
	logEndKey  = "!badger!txn"
	diskSector = 512
	// logKeys are what the keys of our entries and of the ends of transactions begin with.
	logKeys = string(recordPrefix) + string(entryPrefix) + "p!"
)

// versions are those of the transactions in a log; 0 and 0 for none.
type versions struct{ first, last uint64 }

// checkLog checks a log. The database reads it up to the first entry that is not whole and cuts
// off the rest. That is right for what a crash has left of the last transaction, and nowhere
// else.
func checkLog(dir, name string) (versions, error) {
	path := filepath.Join(dir, name)
	b, size, err := readUsed(path)
	if err != nil {
		return versions{}, err
	}
	if size == 0 { // the crash came before its first byte, or after its last use
		return versions{}, os.Remove(path)
	}
	return judgeLog(name, b, size)
}

// judgeLog is checkLog for the contents of a log, of which the rest up to size is zeros.
func judgeLog(name string, b []byte, size int) (versions, error) {
	if len(b) < logHeader || !zero(b[:8]) {
		return versions{}, damaged{name, "it has no header"}
	}
	l := readLog(b)
	if l.damaged() {
		return versions{}, damaged{name, "the entry at byte " + strconv.Itoa(l.at) + " has another checksum"}
	}
	// The database makes logs of one size, and cuts off what a crash has left only where it ends.
	if size != 2*memTableSize && size != l.whole && !zero(b[l.whole:]) {
		return versions{}, damaged{name, "its end is missing"}
	}
	return l.versions, nil
}

// readUsed reads a file up to where nothing but zeros follows, or somewhat further, and returns
// the size of the whole.
func readUsed(path string) (used []byte, size int, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	const step = len(zeros)
	buf := make([]byte, step)
	end := 0 // of the last step that has more than zeros
	for {
		n, err := io.ReadFull(f, buf)
		size += n
		if !bytes.Equal(buf[:n], zeros[:n]) {
			used = append(used, make([]byte, size-n-end)...)
			used = append(used, buf[:n]...)
			end = size
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			// An entry may end with zeros.
			return append(used, zeros[:min(step, size-end)]...), size, nil
		}
		if err != nil {
			return nil, 0, err
		}
	}
}

// logEntry is one entry; size is that of all its parts.
type logEntry struct {
	meta       byte
	key, value []byte
	size       int
}

func (e logEntry) version() uint64 {
	if len(e.key) < logSuffix {
		return 0
	}
	return math.MaxUint64 - binary.BigEndian.Uint64(e.key[len(e.key)-logSuffix:])
}

// decodeLogEntry decodes the entry at the beginning of b, if it is whole.
func decodeLogEntry(b []byte) (logEntry, bool) {
	e, ok := sizeLogEntry(b)
	if !ok || binary.BigEndian.Uint32(b[e.size-crc32.Size:]) != crc32.Checksum(b[:e.size-crc32.Size], castagnoli) {
		return logEntry{}, false
	}
	return e, true
}

// sizeLogEntry decodes an entry without a look at its checksum.
func sizeLogEntry(b []byte) (logEntry, bool) {
	if len(b) < 2 {
		return logEntry{}, false
	}
	e := logEntry{meta: b[0], size: 2}
	var numbers [3]uint64
	for i := range numbers {
		v, n := binary.Uvarint(b[e.size:])
		if n <= 0 {
			return logEntry{}, false
		}
		numbers[i], e.size = v, e.size+n
	}
	keyLen, valueLen := numbers[0], numbers[1]
	rest := b[e.size:]
	if keyLen == 0 || keyLen > logMaxKey || valueLen > uint64(len(rest)) || keyLen+valueLen+crc32.Size > uint64(len(rest)) {
		return logEntry{}, false
	}
	e.key, e.value = rest[:keyLen], rest[keyLen:keyLen+valueLen]
	e.size += int(keyLen+valueLen) + crc32.Size
	return e, true
}

// logEnd is the entry that ends a transaction.
func logEnd(version uint64) []byte {
	value := strconv.FormatUint(version, 10)
	b := []byte{logEndTxn, 0, byte(len(logEndKey) + logSuffix), byte(len(value)), 0}
	b = append(b, logEndKey...)
	b = binary.BigEndian.AppendUint64(b, math.MaxUint64-version)
	b = append(b, value...)
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// logEnding is where the database stops reading a log: whole is the end of the last whole
// transaction, at the entry behind which nothing is read, and open the version of the transaction
// that it belongs to, if others of it were read.
type logEnding struct {
	b         []byte
	whole, at int
	open      uint64
	versions
}

func readLog(b []byte) logEnding {
	l := logEnding{b: b, whole: logHeader, at: logHeader}
	for {
		e, ok := decodeLogEntry(b[l.at:])
		if !ok {
			return l
		}
		v := e.version()
		switch {
		case l.open != 0 && v != l.open:
			return l
		case e.meta&logEndTxn != 0:
			if l.first == 0 {
				l.first = v
			}
			l.open, l.last, l.whole = 0, v, l.at+e.size
		case e.meta&logInTxn != 0:
			l.open = v
		default:
			l.whole = l.at + e.size
		}
		l.at += e.size
	}
}

// damaged tells damage from what a crash leaves. A process that was killed leaves the beginning
// of an entry, and zeros. A machine that has lost its power may have written some sectors of the
// last transaction and not others, which are then zeros.
func (l logEnding) damaged() bool {
	rest := bytes.TrimRight(l.b[l.at:], "\x00")
	if len(rest) == 0 {
		return false
	}
	version, hole := l.open, l.lost(0)
	for i := 0; i < len(rest); i++ {
		if (l.at+i)%diskSector == 0 && l.lost(i) {
			hole = true
			i += diskSector - 1
			continue
		}
		e, ok := laterEntry(l.b[l.at+i:])
		if !ok {
			continue
		}
		if !hole || version != 0 && version != e.version() {
			return true
		}
		version = e.version()
	}
	return l.open != 0 && damagedEnd(rest, logEnd(l.open))
}

// lost tells whether the rest of the sector at byte i of what was not read is all zeros.
func (l logEnding) lost(i int) bool {
	b := l.b[l.at+i:]
	b = b[:min(len(b), diskSector-(l.at+i)%diskSector)]
	return bytes.Equal(b, zeros[:len(b)])
}

// laterEntry is decodeLogEntry for bytes of which few are the beginning of an entry.
func laterEntry(b []byte) (logEntry, bool) {
	if b[0]&(logInTxn|logEndTxn) == 0 || len(b) < 2 || b[1] != 0 {
		return logEntry{}, false
	}
	e, ok := sizeLogEntry(b)
	if !ok || len(e.key) <= logSuffix || !strings.ContainsRune(logKeys, rune(e.key[0])) || len(e.value) > 2*maxRecord {
		return logEntry{}, false
	}
	return decodeLogEntry(b)
}

// damagedEnd tells whether b is the end of a transaction with some bits changed. Half of one, and
// zeros, is what a crash leaves.
func damagedEnd(b, end []byte) bool {
	if len(b) > len(end) || bytes.HasPrefix(end, b) {
		return false
	}
	same := 0
	for i, c := range b {
		if c == end[i] {
			same++
		}
	}
	return same > len(end)/2
}
