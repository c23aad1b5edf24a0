package connectors

import (
	"reflect"
	"strings"
	"sync"
)

// field is a field of a struct that a key of a file fills.
type field struct {
	index     []int
	anyScalar bool
}

// knownFields has the result of fieldsOf by type, because making it is a third of the work for a file.
var knownFields sync.Map

// fieldsOf returns the fields of a struct by their keys, those of inline ones among them.
func fieldsOf(t reflect.Type) map[string]field {
	if known, ok := knownFields.Load(t); ok {
		return known.(map[string]field)
	}
	fields := map[string]field{}
	for _, f := range reflect.VisibleFields(t) {
		key, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if options != "inline" && key != "" {
			fields[key] = field{index: f.Index, anyScalar: f.Tag.Get("scalar") == "any"}
		}
	}
	knownFields.Store(t, fields)
	return fields
}
