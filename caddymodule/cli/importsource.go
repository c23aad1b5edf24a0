package cli

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"os"

	"github.com/claviger-proxy/claviger/internal/transfer"
	"github.com/claviger-proxy/claviger/vault"
)

// importSource is a file that is read twice: to check it, and to take it over.
type importSource struct {
	path    string
	memory  []byte // of standard input
	format  transfer.Format
	options transfer.Options
	keys    []transfer.Identity
}

// maxMemory bounds what is taken from standard input.
const maxMemory = 256 << 20

func newImportSource(ctx context.Context, c *call, f importFlags) (*importSource, error) {
	names, err := newNames(f.renamed)
	if err != nil {
		return nil, err
	}
	s := &importSource{path: c.args[0], options: transfer.Options{Map: names, EndUser: f.endUser}}
	if s.format, err = formatOf(f.format); err != nil {
		return nil, err
	}
	if err := s.findKeys(ctx, c, f); err != nil {
		return nil, err
	}
	if s.path != "-" {
		return s, nil
	}
	in := io.LimitReader(os.Stdin, maxMemory+1)
	s.memory, err = awaited(ctx, func() ([]byte, error) { return io.ReadAll(in) })
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, failed("file_unreadable", "standard input cannot be read: "+cause(err), "check where it comes from")
	case len(s.memory) > maxMemory:
		return nil, failed("file_unreadable", "standard input is longer than 256 MiB", "give a file")
	}
	return s, nil
}

func (s *importSource) findKeys(ctx context.Context, c *call, f importFlags) error {
	switch {
	case f.identity != "" && f.passphrase != "":
		return usage("--identity and --passphrase-file exclude each other")
	case f.passphrase == "-" && s.path == "-":
		return usage("the passphrase and the file cannot both come from standard input")
	case f.identity != "":
		file, err := openFile(f.identity)
		if err != nil {
			return err
		}
		defer file.Close()
		if s.keys, err = transfer.ParseIdentities(file); err != nil {
			return failed("identity_unusable", f.identity+": "+err.Error(), "give the file that age-keygen has written")
		}
	case f.passphrase != "":
		text, err := readPassphrase(ctx, c, f.passphrase)
		if err != nil {
			return err
		}
		s.keys = []transfer.Identity{transfer.PassphraseIdentity(func() (string, error) { return text, nil })}
	default:
		s.keys = []transfer.Identity{transfer.PassphraseIdentity(askPassphrase(ctx, c, s.path))}
	}
	return nil
}

// items yields what is in the file, from the beginning.
func (s *importSource) items() iter.Seq2[transfer.Item, error] {
	return func(yield func(transfer.Item, error) bool) {
		var in io.Reader = bytes.NewReader(s.memory)
		if s.path != "-" {
			file, err := openFile(s.path)
			if err != nil {
				yield(transfer.Item{}, err)
				return
			}
			defer file.Close()
			in = file
		}
		items, err := s.read(bufio.NewReaderSize(in, 64<<10))
		if err != nil {
			yield(transfer.Item{}, s.failure(err))
			return
		}
		for item, err := range items {
			if err != nil {
				yield(transfer.Item{}, s.failure(err))
				return
			}
			if !yield(item, nil) {
				return
			}
		}
	}
}

func (s *importSource) read(in *bufio.Reader) (iter.Seq2[transfer.Item, error], error) {
	format := s.format
	if format == "" {
		var err error
		if format, err = transfer.Sniff(in); err != nil {
			return nil, err
		}
	}
	switch format {
	case transfer.FormatNango:
		return transfer.ReadNango(in, s.options), nil
	case transfer.FormatComposio:
		return transfer.ReadComposio(in, s.options), nil
	case transfer.FormatCSV:
		return transfer.ReadCSV(in, s.options), nil
	}
	r, err := transfer.NewReader(in, s.keys...)
	if err != nil {
		return nil, err
	}
	return s.renamed(r.All()), nil
}

// renamed gives connections of an export the names that --map says.
func (s *importSource) renamed(items iter.Seq2[transfer.Item, error]) iter.Seq2[transfer.Item, error] {
	return func(yield func(transfer.Item, error) bool) {
		for item, err := range items {
			for _, name := range namesOf(&item) {
				if to, ok := s.options.Map[*name]; ok {
					*name = to
				}
				if err == nil && !vault.ValidName(*name) {
					err = usage("--map: %q cannot be a connection's name", *name)
				}
			}
			if !yield(item, err) {
				return
			}
		}
	}
}

// namesOf are where an item has the name of a connection.
func namesOf(item *transfer.Item) []*string {
	switch {
	case item.Connection != nil:
		return []*string{&item.Connection.Name}
	case item.Account != nil:
		return []*string{&item.Account.Connection}
	}
	return nil
}

// failure says what can be done about a file that cannot be read.
func (s *importSource) failure(err error) error {
	var f *failure
	switch {
	case errors.As(err, &f):
		return f
	case errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, transfer.ErrWrongKey):
		return failed("identity_wrong", s.path+": "+err.Error(), "give --identity or --passphrase-file, as the export was made for")
	case errors.Is(err, transfer.ErrDamaged):
		return failed("import_unreadable", s.path+": "+err.Error(), "take another copy of the file, or make the export again")
	}
	return failed("import_unreadable", s.path+": "+err.Error(), "correct the file, or say its format with --format; nothing was taken over")
}
