// Package tag is what the Go SDK drivers have in common. BASE_URL is what the SDK is pointed at,
// ACCOUNT the account's tag, PEER goes out as X-Peer, by which the emulator's log tells whose request
// it was meant to be. No driver has a credential.
package tag

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
)

// Base is the SDK's base URL.
var Base = os.Getenv("BASE_URL")

// Client sends the tag with every request: neither SDK has an option for headers.
var Client = &http.Client{Transport: transport{}}

type transport struct{}

// RoundTrip sends a copy of r with the headers.
func (transport) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("X-Peer", os.Getenv("PEER"))
	if account := os.Getenv("ACCOUNT"); account != "" {
		r.Header.Set("Connected-Account", account)
	}
	return http.DefaultTransport.RoundTrip(r)
}

// Result is what a driver has read and written.
type Result struct {
	Read  []string `json:"read"`
	Wrote string   `json:"wrote"`
}

// Main prints what do returns as one line of JSON.
func Main(do func() (Result, error)) {
	result, err := do()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
