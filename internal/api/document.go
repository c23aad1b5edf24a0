package api

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// openapi is made of the table of routes and of package client: `go test ./internal/api -run Document -update`.
//
//go:embed openapi.json
var openapi []byte

// Document returns the OpenAPI document of the API below [DefaultPrefix]. There is no secret in it.
func Document() []byte { return slices.Clone(openapi) }

// showDocument sends the document, with the prefix of this API in it.
func (a *api) showDocument(w http.ResponseWriter, r *http.Request) error {
	if _, err := query(r); err != nil {
		return err
	}
	text := openapi
	if a.Prefix != DefaultPrefix {
		text = bytes.Replace(text, server(DefaultPrefix), server(a.Prefix), 1)
	}
	sum := sha256.Sum256(text)
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("ETag", `"`+hex.EncodeToString(sum[:16])+`"`)
	h.Set("Cache-Control", "no-cache") // it may be kept, and asked for again with its ETag
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(text))
	return nil
}

// server is the line of the document that has the prefix.
func server(prefix string) []byte {
	text, _ := json.Marshal(strings.TrimSuffix(prefix, "/")) // a string always can be
	return append([]byte(`"url": `), text...)
}
