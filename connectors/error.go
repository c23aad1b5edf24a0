package connectors

import (
	"errors"
	"strconv"
	"strings"
)

// Error is one mistake in a connector file or in the parameters of a connection.
type Error struct {
	// File is the file's name as it was given; empty when there is no file.
	File string
	// Line counts from 1; 0 means that the line is not known.
	Line int
	// Path is the dotted path of the value, such as api.bases.uploads; empty means the whole file.
	Path string
	// Message says what is wrong and what is allowed.
	Message string
}

// Error returns the mistake in the form "catalog/gmail.yaml:12: authorize.url: must be https".
func (e *Error) Error() string {
	var b strings.Builder
	if e.File != "" {
		b.WriteString(e.File)
		if e.Line > 0 {
			b.WriteString(":" + strconv.Itoa(e.Line))
		}
		b.WriteString(": ")
	}
	if e.Path != "" {
		b.WriteString(e.Path + ": ")
	}
	b.WriteString(e.Message)
	return b.String()
}

// join returns nil, the only error, or all of them joined.
func join(errs []*Error) error {
	switch len(errs) {
	case 0:
		return nil
	case 1:
		return errs[0]
	}
	all := make([]error, len(errs))
	for i, e := range errs {
		all[i] = e
	}
	return errors.Join(all...)
}

// Mistakes returns what is wrong, one by one, that an error of this package tells, in their order; none if it is of another
// kind.
func Mistakes(err error) (errs []*Error) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // it is as join made it
		for _, one := range joined.Unwrap() {
			errs = append(errs, Mistakes(one)...)
		}
		return errs
	}
	if e := new(Error); errors.As(err, &e) {
		errs = append(errs, e)
	}
	return errs
}
