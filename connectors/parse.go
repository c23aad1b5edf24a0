package connectors

import (
	"errors"
	"io"
	"io/fs"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

const (
	MaxFileSize = 256 << 10
	maxText     = 1000
	maxOpen     = 2000
)

func readFile(fsys fs.FS, file string) ([]byte, *Error) {
	f, err := fsys.Open(file)
	if err != nil {
		return nil, &Error{File: file, Message: "opening: " + err.Error()}
	}
	defer f.Close()
	// One byte more than is allowed, so that parse sees that there is too much.
	data, err := io.ReadAll(io.LimitReader(f, MaxFileSize+1))
	if err != nil {
		return nil, &Error{File: file, Message: "reading: " + err.Error()}
	}
	return data, nil
}

// parse reads the one YAML document in data.
func parse(data []byte) (body ast.Node, e *Error) {
	if len(data) > MaxFileSize {
		return nil, &Error{Message: "the file is larger than 256 KiB"}
	}
	if !utf8.Valid(data) {
		return nil, &Error{Message: "the file is not UTF-8"}
	}
	if line := TooDeep(data); line > 0 {
		return nil, &Error{Line: line, Message: "nested too deeply"}
	}
	// The YAML parser is not ours: a file that trips it is a broken file, not the end of the process.
	defer func() {
		if recover() != nil {
			body, e = nil, &Error{Message: "the file is not YAML"}
		}
	}()
	f, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, syntaxError(err)
	}
	for _, doc := range f.Docs {
		if doc.Body == nil {
			continue
		}
		if body != nil {
			return nil, &Error{Line: line(doc.Body), Message: "more than one document; a file holds one connector"}
		}
		body = doc.Body
	}
	if body == nil {
		return nil, &Error{Message: "the file is empty"}
	}
	return body, nil
}

// TooDeep returns the line where values may be nested so deeply that the parser, which recurses, runs
// out of stack, or 0. It counts open brackets, and on each line the marks that open a level there;
// those in text count as well, so the limit is far above what the longest text can have.
func TooDeep(data []byte) int {
	n, brackets, marks := 1, 0, 0
	for _, b := range data {
		switch b {
		case '[', '{':
			brackets++
		case ']', '}':
			brackets = max(0, brackets-1)
		case '\n':
			n, marks = n+1, 0
		case '-', '?', ':', '!', '&':
			marks++
		}
		if brackets > maxOpen || marks > maxOpen {
			return n
		}
	}
	return 0
}

func syntaxError(err error) *Error {
	var ye yaml.Error
	if !errors.As(err, &ye) {
		return &Error{Message: "the file is not YAML"}
	}
	e := &Error{Message: ye.GetMessage()}
	if t := ye.GetToken(); t != nil && t.Position != nil {
		e.Line = t.Position.Line
	}
	return e
}
