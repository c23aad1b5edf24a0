package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strings"

	"github.com/claviger-proxy/claviger/client"
)

const maxBody = 64 << 10

// readBody decodes the request's one JSON object, strictly: every member is known, by its exact
// name, and comes once. Errors name members, never values, because a value may be a secret.
func readBody[T any](w http.ResponseWriter, r *http.Request) (T, error) {
	return readLarge[T](w, r, maxBody)
}

// readLarge is readBody for a body of at most limit bytes.
func readLarge[T any](w http.ResponseWriter, r *http.Request, limit int64) (T, error) {
	var in, zero T
	if err := checkContentType(r); err != nil {
		return zero, err
	}
	data, err := readAll(w, r, limit)
	if err != nil {
		return zero, err
	}
	if err := checkObject(data, reflect.TypeFor[T]()); err != nil {
		return zero, err
	}
	if err := json.Unmarshal(data, &in); err != nil {
		var te *json.UnmarshalTypeError
		switch {
		case errors.As(err, &te):
			return zero, refuse(CodeField, fmt.Sprintf("field %s must be %s", te.Field, nameOf(te.Type)), "")
		case json.Valid(data): // nothing else decodes itself
			return zero, refuse(CodeField, "a time is not of the form 2026-05-04T12:00:00Z", "")
		}
		return zero, refuse(CodeBody, "the body is not JSON", "")
	}
	return in, nil
}

// readOptional is readBody for a request that may come without a body.
func readOptional[T any](w http.ResponseWriter, r *http.Request) (in T, err error) {
	if r.ContentLength == 0 && r.Header.Get("Content-Type") == "" {
		return in, noBody(w, r)
	}
	return readBody[T](w, r)
}

// bare refuses a request that brings parameters or a body, where the route takes neither.
func bare(w http.ResponseWriter, r *http.Request) error {
	if _, err := query(r); err != nil {
		return err
	}
	return noBody(w, r)
}

// noBody refuses a request that brings a body where none is read.
func noBody(w http.ResponseWriter, r *http.Request) error {
	data, err := readAll(w, r, maxBody)
	if err != nil {
		return err
	}
	if len(data) == 0 {
		return nil
	}
	if err := checkContentType(r); err != nil {
		return err
	}
	return checkObject(data, reflect.TypeFor[struct{}]())
}

func checkContentType(r *http.Request) error {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	charset, given := params["charset"]
	if err != nil || kind != "application/json" || given && !strings.EqualFold(charset, "utf-8") {
		return refuse(CodeContentType, "the body must be application/json", "")
	}
	return nil
}

func readAll(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		size := fmt.Sprintf("%d KiB", limit>>10)
		if limit >= 1<<20 {
			size = fmt.Sprintf("%d MiB", limit>>20)
		}
		return nil, refuse(CodeBodyTooLarge, "the body is larger than "+size, "send at most "+size)
	}
	if err != nil {
		return nil, refuse(CodeBody, "the body did not arrive in full", "send it again")
	}
	return data, nil
}

// nameOf says in JSON's words what a Go type takes.
func nameOf(t reflect.Type) string {
	if t == reflect.TypeFor[client.Choice]() {
		return "a string, or an object with string values"
	}
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		return "a whole number"
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Int {
			return "a list of whole numbers"
		}
		if t.Elem().Kind() == reflect.Struct {
			return "a list of objects"
		}
		return "a list of strings"
	case reflect.Map:
		return "an object with string values"
	case reflect.Struct:
		return "an object"
	}
	return "of another type"
}
