package consent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/vault"
)

const (
	identityTime = 10 * time.Second
	maxIdentity  = 1 << 20
	maxAvatar    = 1024
)

// identityError is the code of an identity request that failed. It holds nothing of the answer.
type identityError string

func (e identityError) Error() string { return string(e) }

const (
	errIdentityRequest     identityError = "identity_request"     // it cannot be made from the connector
	errIdentityTimeout     identityError = "identity_timeout"     // no whole answer in time
	errIdentityUnreachable identityError = "identity_unreachable" // no answer
	errIdentityUnreadable  identityError = "identity_unreadable"  // no JSON, or too much of it
	errIdentityMissing     identityError = "identity_missing"     // no usable ID where the connector says
)

// identify asks the provider whose token it is. A connector that declares no identity request is
// no error.
func (f *Flow) identify(ctx context.Context, c *connection.Connection, token vault.Secret) (vault.Identity, error) {
	how := c.Connector().Identity
	if how == nil {
		return vault.Identity{}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, identityTime)
	defer cancel()
	body, err := f.askIdentity(ctx, c, token)
	if err != nil {
		return vault.Identity{}, err
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber() // a long numeric ID keeps all its digits
	var doc any
	if err := d.Decode(&doc); err != nil {
		return vault.Identity{}, errIdentityUnreadable
	}
	id := lookup(doc, how.ID)
	if id == "" || id != cleanText(id) {
		return vault.Identity{}, errIdentityMissing
	}
	return vault.Identity{
		ID: id, Name: cleanText(lookup(doc, how.Name)), Email: cleanText(lookup(doc, how.Email)),
		Avatar: cleanAvatar(lookup(doc, how.Avatar)),
	}, nil
}

func (f *Flow) askIdentity(ctx context.Context, c *connection.Connection, token vault.Secret) ([]byte, error) {
	how := c.Connector().Identity
	r, err := c.Request(ctx, connection.Call{Method: how.Method, Base: how.Base, Path: how.Path}, token)
	if err != nil {
		return nil, errIdentityRequest
	}
	resp, err := f.api.RoundTrip(r) // not through an http.Client, which follows redirects
	if err != nil {
		return nil, identityFailure(ctx, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return nil, identityError("identity_status_" + strconv.Itoa(resp.StatusCode))
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxIdentity+1))
	switch {
	case err != nil:
		return nil, identityFailure(ctx, err)
	case len(body) > maxIdentity:
		return nil, errIdentityUnreadable
	}
	return body, nil
}

func identityFailure(ctx context.Context, err error) error {
	var netErr net.Error
	if ctx.Err() != nil || errors.As(err, &netErr) && netErr.Timeout() {
		return errIdentityTimeout
	}
	return errIdentityUnreachable
}

// lookup returns the text or number at a dot-separated path, or nothing.
func lookup(doc any, path string) string {
	if path == "" {
		return ""
	}
	for name := range strings.SplitSeq(path, ".") {
		object, ok := doc.(map[string]any)
		if !ok {
			return ""
		}
		doc = object[name]
	}
	switch v := doc.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}
