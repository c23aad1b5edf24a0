package vault

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
	"time"

	"github.com/claviger-proxy/claviger/vault/seal"
)

// A backup is a file of records as they are stored, sealed ones sealed; n is an unsigned varint:
//
//	18 bytes  "claviger backup 1\n"
//	for each record, the keyset's first:
//	  n         length of what follows
//	  n, kind | n, ID | the record as [AppendRecord] makes it
//	n         0
//	n         length of the end
//	  the end   backupEnd as JSON, sealed, and bound to the SHA-256 of all bytes before this length
//
// The end tells a whole backup from one that was cut short, or put together from others.
const backupMagic = "claviger backup 1\n"

// ErrBackup: a file is no backup, or not a whole one.
var ErrBackup = errors.New("backup is not usable")

// BackupFacts are about a backup.
type BackupFacts struct {
	Created time.Time
	// Records counts by kind, without the keyset.
	Records map[Kind]int
}

type backupEnd struct {
	Created time.Time    `json:"created"`
	Records map[Kind]int `json:"records"`
}

// Backup writes all records as they are at one moment, still sealed, with the keyset, which is
// encrypted by the key-encryption key as ever: whoever reads the backup needs that key. It works
// beside everything else, in flat memory, and nothing waits for it but the store's Close; until it
// ends, the store keeps what is deleted or replaced. A record that cannot be read is left out and
// reported.
func (v *Vault) Backup(ctx context.Context, w io.Writer, report func(Fault)) (BackupFacts, error) {
	b := &backupWriter{sum: sha256.New(), facts: BackupFacts{Created: v.now(), Records: map[Kind]int{}}}
	out := bufio.NewWriterSize(w, 1<<16)
	b.w = io.MultiWriter(out, b.sum)
	if err := b.run(ctx, v, report); err != nil {
		return BackupFacts{}, fmt.Errorf("writing backup: %w", err)
	}
	if err := out.Flush(); err != nil {
		return BackupFacts{}, fmt.Errorf("writing backup: %w", err)
	}
	return b.facts, nil
}

type backupWriter struct {
	w     io.Writer
	sum   hash.Hash
	buf   []byte
	facts BackupFacts
}

func (b *backupWriter) run(ctx context.Context, v *Vault, report func(Fault)) error {
	keyset, sealer, err := v.storedKeyset(ctx)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(b.w, backupMagic); err != nil {
		return err
	}
	if err := b.record(keyset); err != nil {
		return err
	}
	for r, err := range v.store.Walk(ctx, Key{}) {
		switch {
		case errors.Is(err, ErrDamaged):
			report(Fault{r.Key, "it cannot be read, and is not in the backup"})
			continue
		case err != nil:
			return err
		case r.Key == keysetKey && r.Version != keyset.Version:
			return errors.New("the keys were changed meanwhile; make another one")
		case r.Kind == KindMeta:
			continue
		}
		if err := b.record(r); err != nil {
			return err
		}
		b.facts.Records[r.Kind]++
	}
	if err := b.frame(nil); err != nil {
		return err
	}
	end, err := json.Marshal(backupEnd(b.facts))
	if err != nil {
		return err
	}
	sealed, err := sealer.Seal(ctx, boundBackup(b.sum), end)
	if err != nil {
		return err
	}
	return b.frame(sealed)
}

// storedKeyset returns the keyset's record, and what it holds.
func (v *Vault) storedKeyset(ctx context.Context) (Record, *seal.Sealer, error) {
	for {
		seen := v.ring.Load()
		r, err := v.store.Get(ctx, keysetKey)
		if err != nil {
			return Record{}, nil, missing(keysetKey, err)
		}
		if r.Version == seen.version {
			return r, seen.sealer, nil
		}
		if _, err := v.reload(ctx); err != nil {
			return Record{}, nil, err
		}
	}
}

func boundBackup(sum hash.Hash) seal.Bound {
	return seal.Bound{Kind: "backup", ID: hex.EncodeToString(sum.Sum(nil)), Field: "end", Version: 1}
}

func (b *backupWriter) record(r Record) error {
	b.buf = appendBytes(b.buf[:0], string(r.Kind))
	b.buf = appendBytes(b.buf, r.ID)
	b.buf = AppendRecord(b.buf, r)
	return b.frame(b.buf)
}

func (b *backupWriter) frame(p []byte) error {
	if _, err := b.w.Write(binary.AppendUvarint(nil, uint64(len(p)))); err != nil {
		return err
	}
	_, err := b.w.Write(p)
	return err
}

// Restore puts a backup into a store that must be empty, and returns what was restored. Every
// record is opened on the way, and reported when it is damaged; it is restored all the same. keys
// must have the key-encryption key of the time of the backup, else the error names it. Until all
// is there, the store has no keyset, so that a restore that was cut short cannot be opened as a
// vault; clear the store then.
func Restore(ctx context.Context, r io.Reader, store Store, keys seal.KeyProvider, report func(Fault)) (BackupFacts, error) {
	empty, err := isEmpty(ctx, store)
	if err != nil {
		return BackupFacts{}, fmt.Errorf("restoring: %w", err)
	}
	if !empty {
		return BackupFacts{}, errors.New("restoring: the vault has records already; restore into an empty one")
	}
	b, err := openBackup(ctx, r, keys)
	if err != nil {
		return BackupFacts{}, fmt.Errorf("restoring: %w", err)
	}
	b.report = report
	if err := store.Load(ctx, b.records(ctx)); err != nil {
		return BackupFacts{}, fmt.Errorf("restoring: %w", err)
	}
	err = store.Load(ctx, func(yield func(Record, error) bool) { yield(b.keyset, nil) })
	if err != nil {
		return BackupFacts{}, fmt.Errorf("restoring the keyset: %w", err)
	}
	return b.facts, nil
}

// VerifyBackup reads a backup to its end and opens every record, without a store.
func VerifyBackup(ctx context.Context, r io.Reader, keys seal.KeyProvider, report func(Fault)) (BackupFacts, error) {
	b, err := openBackup(ctx, r, keys)
	if err != nil {
		return BackupFacts{}, fmt.Errorf("verifying backup: %w", err)
	}
	b.report = report
	for _, err := range b.records(ctx) {
		if err != nil {
			return BackupFacts{}, fmt.Errorf("verifying backup: %w", err)
		}
	}
	return b.facts, nil
}

// backupReader reads a backup, and opens what it reads.
type backupReader struct {
	r      *bufio.Reader
	sum    hash.Hash
	keyset Record
	v      *Vault // has no store; it only opens records
	report func(Fault)
	facts  BackupFacts
}

func openBackup(ctx context.Context, r io.Reader, keys seal.KeyProvider) (*backupReader, error) {
	b := &backupReader{r: bufio.NewReaderSize(r, 1<<16), sum: sha256.New(), facts: BackupFacts{Records: map[Kind]int{}}}
	magic := make([]byte, len(backupMagic))
	if _, err := io.ReadFull(b.r, magic); err != nil || string(magic) != backupMagic {
		return nil, fmt.Errorf("%w: it does not begin like one of version 1", ErrBackup)
	}
	b.sum.Write(magic)
	frame, err := b.frame()
	if err != nil {
		return nil, err
	}
	if b.keyset, err = decodeFrame(frame); err != nil || b.keyset.Key != keysetKey {
		return nil, fmt.Errorf("%w: it does not begin with a keyset", ErrBackup)
	}
	ring, err := openKeyset(ctx, b.keyset, keys)
	if err != nil {
		return nil, err
	}
	b.v = &Vault{}
	b.v.UseKeys(keys)
	b.v.ring.Store(ring)
	b.v.store = noStore{}
	return b, nil
}

// maxFrame is far more than any store takes as a record.
const maxFrame = 1 << 20

func (b *backupReader) frame() ([]byte, error) {
	n, err := b.length()
	if err != nil {
		return nil, err
	}
	p := make([]byte, n)
	if _, err := io.ReadFull(b.r, p); err != nil {
		return nil, cutShort(err)
	}
	b.sum.Write(binary.AppendUvarint(nil, n))
	b.sum.Write(p)
	return p, nil
}

// length reads a varint.
func (b *backupReader) length() (n uint64, err error) {
	for shift := 0; n <= maxFrame && shift < 28; shift += 7 {
		c, err := b.r.ReadByte()
		if err != nil {
			return 0, cutShort(err)
		}
		if n |= uint64(c&0x7f) << shift; c < 0x80 && n <= maxFrame {
			return n, nil
		}
	}
	return 0, fmt.Errorf("%w: a record of more than %d bytes", ErrBackup, maxFrame)
}

func cutShort(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it is cut short", ErrBackup)
	}
	return err
}

func decodeFrame(p []byte) (Record, error) {
	d := decoder{b: p}
	k := Key{Kind: Kind(d.bytes()), ID: string(d.bytes())}
	if d.bad || k.Kind == "" || k.ID == "" {
		return Record{}, fmt.Errorf("%w: a record has no name", ErrBackup)
	}
	r, err := DecodeRecord(k, d.b)
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrBackup, err)
	}
	return r, err
}

// records yields all records but the keyset. Its last error, if any, says that the backup is not
// whole.
func (b *backupReader) records(ctx context.Context) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for {
			frame, err := b.frame()
			if err != nil {
				yield(Record{}, err)
				return
			}
			if len(frame) == 0 {
				if err := b.end(ctx); err != nil {
					yield(Record{}, err)
				}
				return
			}
			r, err := decodeFrame(frame)
			if err == nil && r.Kind == KindMeta {
				err = fmt.Errorf("%w: %s %s does not belong there", ErrBackup, r.Kind, r.ID)
			}
			if err != nil {
				yield(Record{}, err)
				return
			}
			b.facts.Records[r.Kind]++
			if !b.check(ctx, r) {
				b.report(Fault{r.Key, "it cannot be opened: it was damaged before the backup, or in it"})
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

// check tells whether a record opens.
func (b *backupReader) check(ctx context.Context, r Record) bool {
	_, err := b.v.remake(ctx, r)
	return err == nil
}

// end reads the end of the backup.
func (b *backupReader) end(ctx context.Context) error {
	bound := boundBackup(b.sum)
	sealed, err := b.frame()
	if err != nil {
		return err
	}
	plain, err := b.v.ring.Load().sealer.Open(ctx, bound, sealed)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("%w: it was altered", ErrBackup)
	}
	var end backupEnd
	if err := json.Unmarshal(plain, &end); err != nil {
		return fmt.Errorf("%w: its end cannot be read", ErrBackup)
	}
	if _, err := b.r.ReadByte(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: something follows its end", ErrBackup)
	}
	b.facts.Created = end.Created
	return nil
}
