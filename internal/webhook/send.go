package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/internal/netguard"
	"github.com/claviger-proxy/claviger/vault"
)

// maxAnswer is how much of an answer's body is read, so that its connection can be used again.
const maxAnswer = 4096

// EventOf is an event in the form in which it is sent, which is that of the management API, too. The
// connection is named by the caller, and is empty when it has no name any more.
func EventOf(e vault.Event, connection string) client.Event {
	return client.Event{ID: string(e.ID), Type: string(e.Type), Timestamp: e.At.UTC(), Data: client.EventData{
		ID: string(e.AccountID), ConnectionID: string(e.ConnectionID), Connection: connection, Connector: e.Connector,
		Identifier: e.Identifier, Status: string(e.Status), OldStatus: string(e.OldStatus), Reason: e.Reason, Class: e.Class,
		Link: string(e.LinkID), ExpiresAt: e.Expires.UTC(),
	}}
}

// answer is what a receiver says. code is empty for one that has taken the event.
type answer struct {
	status     int
	code       string
	retryAfter time.Duration
}

// send sends an event once. No error that it returns has the URL in it, or what the receiver has said.
func (d *Deliverer) send(ctx context.Context, w vault.Webhook, e vault.Event) (answer, error) {
	content, err := json.Marshal(EventOf(e, d.name(e.ConnectionID)))
	if err != nil {
		return answer{}, err
	}
	now := d.now()
	signature, err := w.Sign(e.ID, now, content)
	if err != nil {
		return answer{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(content))
	if err != nil {
		return answer{code: CodeUnreachable}, nil
	}
	req.Header = http.Header{
		"Content-Type": {"application/json"}, "User-Agent": {"claviger"}, "Webhook-Id": {string(e.ID)},
		"Webhook-Timestamp": {strconv.FormatInt(now.Unix(), 10)}, "Webhook-Signature": {signature},
	}
	if req.URL.Scheme == "http" {
		// Caddy's admin endpoint, which takes commands from this machine, refuses what says this.
		req.Header.Set("Sec-Fetch-Mode", "no-cors")
	}
	resp, err := d.sender.RoundTrip(req) // which follows no redirect
	if err != nil {
		return answer{code: codeOf(err)}, nil
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, maxAnswer)
	return answer{resp.StatusCode, statusCode(resp.StatusCode), retryAfter(resp.StatusCode, resp.Header, now)}, nil
}

func statusCode(status int) string {
	switch {
	case status >= 200 && status < 300:
		return ""
	case status >= 300 && status < 400:
		return CodeRedirect
	case status == http.StatusGone:
		return CodeGone
	}
	return CodeStatus
}

// codeOf says why there was no answer.
func codeOf(err error) string {
	var network net.Error
	var op *net.OpError
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var host x509.HostnameError
	switch {
	case errors.Is(err, netguard.ErrForbidden):
		return CodeForbidden
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return CodeTimeout
	case errors.As(err, &certificate), errors.As(err, &record), errors.As(err, &alert), errors.As(err, &host):
		return CodeTLS
	case errors.As(err, &op) && op.Op == "dial":
		return CodeUnreachable
	}
	return CodeNoAnswer
}
