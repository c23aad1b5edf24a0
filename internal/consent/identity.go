package consent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/internal/oauth"
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

// identify asks the provider whose token it is; told is what the token endpoint said about that. A connector that declares no identity request is
// no error.
func (f *Flow) identify(ctx context.Context, c *connection.Connection, g vault.Grant, told vault.Identity) (vault.Identity, error) {
	how := c.Connector().Identity
	if how == nil {
		return vault.Identity{}, nil
	}
	if how.From == "token" {
		return cleanIdentity(told)
	}
	ctx, cancel := context.WithTimeout(ctx, identityTime)
	defer cancel()
	body, err := f.askIdentity(ctx, c, g)
	if err != nil {
		return vault.Identity{}, err
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber() // a long numeric ID keeps all its digits
	var doc any
	if err := d.Decode(&doc); err != nil {
		return vault.Identity{}, errIdentityUnreadable
	}
	return cleanIdentity(vault.Identity{
		ID: lookup(doc, how.ID), Name: lookup(doc, how.Name), Email: lookup(doc, how.Email), Avatar: lookup(doc, how.Avatar),
	})
}

// cleanIdentity refuses an identity whose ID is not fit to be compared.
func cleanIdentity(who vault.Identity) (vault.Identity, error) {
	if who.ID == "" || who.ID != cleanText(who.ID) {
		return vault.Identity{}, errIdentityMissing
	}
	return vault.Identity{ID: who.ID, Name: cleanText(who.Name), Email: cleanText(who.Email), Avatar: cleanAvatar(who.Avatar)}, nil
}

func (f *Flow) askIdentity(ctx context.Context, c *connection.Connection, g vault.Grant) ([]byte, error) {
	how := c.Connector().Identity
	if how.From == "id_token" {
		if body, ok := oauth.Claims(g.IDToken); ok {
			return body, nil
		}
		return nil, errIdentityUnreadable
	}
	a, err := f.ask(ctx, c, how.Ask, g)
	if err != nil {
		return nil, err
	}
	if err := f.limit(c, a); err != nil {
		return nil, err
	}
	if a.status < 200 || a.status > 299 {
		return nil, identityError("identity_status_" + strconv.Itoa(a.status))
	}
	return a.body, nil
}

// answer is what an API said.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// ask sends one of the connector's own requests with the credential of g.
func (f *Flow) ask(ctx context.Context, c *connection.Connection, call connectors.Ask, g vault.Grant) (answer, error) {
	r, err := c.Request(ctx, call, g.Access, g.Slots)
	if err != nil {
		return answer{}, errIdentityRequest
	}
	return f.send(ctx, c, r)
}

// send sends a request of a connection, and reads the answer.
func (f *Flow) send(ctx context.Context, c *connection.Connection, r *http.Request) (answer, error) {
	api, err := c.Transport(f.api)
	if err != nil {
		return answer{}, errIdentityRequest
	}
	resp, err := api.RoundTrip(r) // not through an http.Client, which follows redirects
	if err != nil {
		return answer{}, identityFailure(ctx, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxIdentity+1))
	switch {
	case err != nil:
		return answer{}, identityFailure(ctx, err)
	case len(body) > maxIdentity:
		return answer{}, errIdentityUnreadable
	}
	return answer{resp.StatusCode, resp.Header, body}, nil
}

func identityFailure(ctx context.Context, err error) error {
	var netErr net.Error
	if ctx.Err() != nil || errors.As(err, &netErr) && netErr.Timeout() {
		return errIdentityTimeout
	}
	return errIdentityUnreachable
}

// lookup returns the text or number at a member path, or nothing.
func lookup(doc any, path string) string {
	if path == "" {
		return ""
	}
	return written(connectors.Find(doc, path))
}

// written is a text or a number as text; anything else is nothing.
func written(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}
