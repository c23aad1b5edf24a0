package transfer

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/claviger-proxy/claviger/vault"
)

// Reader reads an export. It is not safe for concurrent use.
type Reader struct {
	src     *source
	plain   *bufio.Reader
	header  Header
	version int
	line    int
	names   map[string]bool
	read    endLine
	err     error
}

// NewReader opens an export, armored or not, and reads its first line. [ErrWrongKey] means that
// none of the identities fits, [ErrDamaged] that the file is not as it was written.
func NewReader(r io.Reader, ids ...Identity) (*Reader, error) {
	plain, src, err := open(r, ids)
	if err != nil {
		return nil, err
	}
	rd := &Reader{src: src, plain: bufio.NewReaderSize(plain, maxLine+1), names: map[string]bool{}}
	o, err := rd.next()
	if err != nil {
		return nil, err
	}
	if rd.header, rd.version, err = readHeader(o); err != nil {
		return nil, rd.at(err)
	}
	return rd, nil
}

// Header returns what the first line says.
func (r *Reader) Header() Header { return r.header }

// Next returns the next connection or account; it never returns a [Problem]. After the last one it
// returns [io.EOF], and that alone means that the file is complete. What comes before another
// error is as it was written, but not all.
func (r *Reader) Next() (Item, error) {
	if r.err != nil {
		return Item{}, r.err
	}
	item, err := r.item()
	if err != nil {
		r.err = err
		return Item{}, err
	}
	return item, nil
}

// All returns the rest of the items; an error comes last.
func (r *Reader) All() iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		for {
			item, err := r.Next()
			if err == io.EOF || !yield(item, err) || err != nil {
				return
			}
		}
	}
}

// at adds the line to a mistake.
func (r *Reader) at(err error) error { return fmt.Errorf("line %d: %w", r.line, err) }

// next returns the next line's object.
func (r *Reader) next() (*object, error) {
	r.line++
	line, err := r.plain.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return nil, r.at(errors.New("longer than the 1 MiB that a line may have"))
	case err == io.EOF:
		// age has found the file to be whole, so the writer did not finish.
		return nil, fmt.Errorf("%w: it ends after line %d, which is not the last one; make the export again", ErrDamaged, r.line-1)
	case err != nil:
		return nil, r.src.cause(err)
	}
	v, err := parseJSON(line)
	if err != nil {
		return nil, r.at(err)
	}
	members, ok := v.(map[string]any)
	if !ok {
		return nil, r.at(errors.New("must be a JSON object"))
	}
	return newObject(members, false), nil
}

func (r *Reader) item() (Item, error) {
	o, err := r.next()
	if err != nil {
		return Item{}, err
	}
	var item Item
	if len(o.members) != 1 {
		return Item{}, r.at(errors.New("must have one member: connection, account or end"))
	}
	if c := o.object("connection"); c != nil {
		item.Connection, err = r.connection(c)
	} else if a := o.object("account"); a != nil {
		item.Account, err = r.account(a)
	} else if e := o.object("end"); e != nil {
		err = r.end(e)
	}
	o.end()
	if err == nil {
		err = o.mistake()
	}
	if err == nil || err == io.EOF || errors.Is(err, ErrDamaged) {
		return item, err
	}
	return Item{}, r.at(err)
}

func (r *Reader) connection(o *object) (*Connection, error) {
	c := readConnection(o, r.version)
	switch {
	case o.mistake() != nil:
	case r.names[c.Name]:
		o.fail("name", "the file has a connection of this name already")
	case r.read.Connections >= maxConnections:
		o.fail("", fmt.Sprintf("more than %d connections", maxConnections))
	}
	r.names[c.Name] = true
	r.read.Connections++
	return c, o.mistake()
}

func (r *Reader) account(o *object) (*Account, error) {
	a := readAccount(o, r.version)
	if o.mistake() == nil && !r.names[a.Connection] {
		o.fail("connection", "the file has no such connection before this line")
	}
	r.read.Accounts++
	return a, o.mistake()
}

// end returns io.EOF when the file is complete.
func (r *Reader) end(o *object) error {
	said := endLine{Connections: o.number("connections"), Accounts: o.number("accounts")}
	o.end()
	if o.mistake() != nil {
		return o.mistake()
	}
	if said != r.read {
		return fmt.Errorf("%w: the last line counts %d connections and %d accounts, the file has %d and %d",
			ErrDamaged, said.Connections, said.Accounts, r.read.Connections, r.read.Accounts)
	}
	_, err := r.plain.ReadByte()
	switch {
	case err == nil:
		r.line++
		return errors.New("there is something after the last line")
	case err != io.EOF:
		return r.src.cause(err)
	}
	return io.EOF
}

func readHeader(o *object) (h Header, version int, err error) {
	_, ok := o.members["claviger_export"]
	version = o.number("claviger_export")
	switch {
	case !ok:
		return Header{}, 0, &mistake{"claviger_export", "missing: the file is encrypted, but not an export of Claviger"}
	case (version < 1 || version > exportVersion) && o.mistake() == nil:
		return Header{}, 0, &mistake{"claviger_export", fmt.Sprintf("this Claviger reads versions 1 to %d, the file has %d", exportVersion, version)}
	}
	h = Header{Project: o.text("project"), CreatedAt: o.time("created_at")}
	switch {
	case !vault.ValidName(h.Project):
		o.fail("project", wantName)
	case h.CreatedAt.IsZero():
		o.fail("created_at", "must be there")
	}
	o.end()
	if err := o.mistake(); err != nil {
		return Header{}, 0, err
	}
	return h, version, nil
}
