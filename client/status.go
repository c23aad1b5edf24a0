package client

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
)

// Status is how the server does, in numbers.
type Status struct {
	Version   string    `json:"version,omitempty"`
	StartedAt time.Time `json:"started_at,omitzero"`
	// Accounts counts connected accounts by status; absent when the vault cannot be read.
	Accounts map[string]int `json:"accounts,omitempty"`
	// Connections counts those that can be used, BrokenConnections the others.
	Connections       int   `json:"connections"`
	BrokenConnections int   `json:"broken_connections"`
	Vault             Check `json:"vault"`
	// Resealing is there while records are being sealed anew, or would be but for a pause.
	Resealing *Resealing `json:"resealing,omitempty"`
	// UnsavedTokens counts accounts whose newest token the vault has not taken yet.
	UnsavedTokens int `json:"unsaved_tokens"`
	// Callback is the public address that users return to after consent; empty when there is none,
	// and then no links can be made.
	Callback string `json:"callback,omitempty"`
}

// Check is one thing that must work for the server to be ready.
type Check struct {
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	// Detail says what is wrong, Next what to do about it.
	Detail string `json:"detail,omitempty"`
	Next   string `json:"next,omitempty"`
}

// Readiness tells whether the server can do its work. Status is ok or failing.
type Readiness struct {
	Status string  `json:"status"`
	Checks []Check `json:"checks,omitempty"`
}

// Status returns how the server does.
func (c *Client) Status(ctx context.Context) (Status, error) {
	return get[Status](ctx, c, "/status", nil)
}

// Live returns nil when the server answers.
func (c *Client) Live(ctx context.Context) error {
	_, err := get[struct{}](ctx, c, "/live", nil)
	return err
}

// Ready runs the server's checks. A server that is not ready is no error; the error is for one that
// does not answer.
func (c *Client) Ready(ctx context.Context) (Readiness, error) {
	status, body, err := c.send(ctx, http.MethodGet, "/ready", nil, 0)
	if err != nil {
		return Readiness{}, err
	}
	var r Readiness
	if err := json.Unmarshal(body, &r); err != nil || r.Status == "" {
		return Readiness{}, problemOf(status, body)
	}
	if status != http.StatusOK && status != http.StatusServiceUnavailable {
		return Readiness{}, problemOf(status, body)
	}
	return r, nil
}
