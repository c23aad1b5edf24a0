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

	"github.com/claviger-proxy/claviger/vault"
)

// maxAnswer is how much of an answer's body is read, so that its connection can be used again.
const maxAnswer = 4096

// CheckURL returns nil for a URL that a webhook may have: https, or http on this machine, without a user
// and a fragment. Else it is [vault.ErrInvalid].
func CheckURL(url string) error { return vault.CheckWebhookURL(url) }

func newTransport() *http.Transport {
	return &http.Transport{
		DialContext:         (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSHandshakeTimeout: 10 * time.Second, ForceAttemptHTTP2: true,
		MaxIdleConns: 100, MaxIdleConnsPerHost: perWebhook, IdleConnTimeout: 90 * time.Second,
		MaxResponseHeaderBytes: 64 << 10, DisableCompression: true,
	}
}

// body is what is sent of an event. Its form is promised by the package comment.
type body struct {
	ID        vault.EventID   `json:"id"`
	Type      vault.EventType `json:"type"`
	Timestamp time.Time       `json:"timestamp"`
	Data      data            `json:"data"`
}

type data struct {
	ID           vault.AccountID    `json:"id"`
	ConnectionID vault.ConnectionID `json:"connection_id"`
	Connection   string             `json:"connection,omitempty"`
	Connector    string             `json:"connector,omitempty"`
	Identifier   string             `json:"identifier"`
	Status       vault.Status       `json:"status,omitempty"`
	OldStatus    vault.Status       `json:"old_status,omitempty"`
	Reason       string             `json:"reason,omitempty"`
	Class        string             `json:"class,omitempty"`
	LinkID       vault.LinkID       `json:"link,omitempty"`
	ExpiresAt    time.Time          `json:"expires_at,omitzero"`
}

func (d *Deliverer) body(e vault.Event) ([]byte, error) {
	return json.Marshal(body{ID: e.ID, Type: e.Type, Timestamp: e.At, Data: data{
		ID: e.AccountID, ConnectionID: e.ConnectionID, Connection: d.name(e.ConnectionID), Connector: e.Connector,
		Identifier: e.Identifier, Status: e.Status, OldStatus: e.OldStatus, Reason: e.Reason, Class: e.Class,
		LinkID: e.LinkID, ExpiresAt: e.Expires,
	}})
}

// answer is what a receiver says. code is empty for one that has taken the event.
type answer struct {
	status     int
	code       string
	retryAfter time.Duration
}

// send sends an event once. No error that it returns has the URL in it, or what the receiver has said.
func (d *Deliverer) send(ctx context.Context, w vault.Webhook, e vault.Event) (answer, error) {
	content, err := d.body(e)
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
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return CodeTimeout
	case errors.As(err, &certificate), errors.As(err, &record), errors.As(err, &alert), errors.As(err, &host):
		return CodeTLS
	case errors.As(err, &op) && op.Op == "dial":
		return CodeUnreachable
	}
	return CodeNoAnswer
}
