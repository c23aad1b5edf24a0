package transit

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
)

// maxAnswer is far more than the answer to a keyset has.
const maxAnswer = 1 << 20

// call is the one request that the driver may send. It gives it the context that the driver does
// not take, sends the headers in header and no others, and keeps the error that the driver would
// bury in text of its own.
type call struct {
	ctx    context.Context
	base   http.RoundTripper
	header http.Header
	sent   bool
	err    error
}

// errTwice: the driver has tried to send the request again.
var errTwice = errors.New("request was sent already")

// RoundTrip sends the request. An answer other than 200 is a *refusal.
func (c *call) RoundTrip(r *http.Request) (*http.Response, error) {
	if c.sent {
		return nil, errTwice
	}
	c.sent = true
	out := r.Clone(c.ctx)
	out.Header = c.header.Clone()
	resp, err := c.base.RoundTrip(out)
	if err != nil {
		c.err = err
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		c.err = newRefusal(resp)
		return nil, c.err
	}
	resp.Body = http.MaxBytesReader(nil, resp.Body, maxAnswer)
	return resp, nil
}

// refusal is an answer that is not the result. Its text is the status alone: what the server says
// is read, and not shown.
type refusal struct {
	status int
	says   string
}

func newRefusal(resp *http.Response) *refusal {
	var body struct {
		Errors []string `json:"errors"`
	}
	text, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	json.Unmarshal(text, &body) // anything may answer; then it says nothing
	return &refusal{status: resp.StatusCode, says: strings.Join(body.Errors, "\n")}
}

func (r *refusal) Error() string { return http.StatusText(r.status) }
