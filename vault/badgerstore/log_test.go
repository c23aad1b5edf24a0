package badgerstore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/claviger-proxy/claviger/vault"
)

// logged is the log of transactions 1 to n, of three records each, and where each begins.
func logged(n uint64) (log []byte, starts []int) {
	log = make([]byte, logHeader)
	for version := uint64(1); version <= n; version++ {
		starts = append(starts, len(log))
		for i := range 3 {
			key := recordKey(vault.Key{Kind: "thing", ID: string(rune('a' + i))})
			key = binary.BigEndian.AppendUint64(key, math.MaxUint64-version)
			e := []byte{logInTxn, 0, byte(len(key)), 0xbc, 0x05, 0} // a value of 700 bytes
			e = append(append(e, key...), bytes.Repeat([]byte{byte(version)}, 700)...)
			log = append(log, binary.BigEndian.AppendUint32(e, crc32.Checksum(e, castagnoli))...)
		}
		log = append(log, logEnd(version)...)
	}
	return log, append(starts, len(log))
}

// judged is judgeLog for a log of the usual size.
func judged(b []byte) (versions, error) {
	return judgeLog("00001.mem", append(slices.Clip(b), make([]byte, 4*diskSector)...), 2*memTableSize)
}

// What a crash leaves opens: the transactions before the last one are there.
func TestTornLog(t *testing.T) {
	const n = 4
	log, starts := logged(n)
	last := starts[n-1]
	want := func(t *testing.T, b []byte, at int) {
		t.Helper()
		v, err := judged(b)
		if err != nil || v.first != 1 || v.last < n-1 {
			t.Fatalf("byte %d: got %+v and error %v", at, v, err)
		}
	}
	t.Run("killed", func(t *testing.T) {
		for end := last; end <= len(log); end++ {
			want(t, log[:end], end)
		}
	})
	t.Run("power failure", func(t *testing.T) {
		// Any sectors of the last transaction may be missing, each from where it began.
		first, count := last/diskSector, (len(log)-1)/diskSector-last/diskSector+1
		for lost := range 1 << count {
			b := slices.Clone(log)
			for i := range count {
				if lost>>i&1 != 0 {
					from, to := max(last, (first+i)*diskSector), min(len(b), (first+i+1)*diskSector)
					clear(b[from:to])
				}
			}
			want(t, b, lost)
		}
	})
}

// V-03: a log that is damaged elsewhere is told from one that a crash has torn, whichever bit it is.
func TestV03DamagedLog(t *testing.T) {
	const n = 3
	log, _ := logged(n)
	for at := logHeader; at < len(log); at++ {
		for bit := range 8 {
			if (at+bit)%7 != 0 { // enough of them
				continue
			}
			b := slices.Clone(log)
			b[at] ^= 1 << bit
			if _, err := judged(b); !errors.Is(err, vault.ErrDamaged) {
				t.Fatalf("bit %d of byte %d: got error %v, want ErrDamaged", bit, at, err)
			}
		}
	}
}

// A log without a byte is what a crash leaves of one that has just been made, or was about to go.
// The database would not open.
func TestEmptyLog(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "vault")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"00007.mem", "000007.vlog"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Open(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
