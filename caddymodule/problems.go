package caddymodule

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/internal/api"
	"github.com/claviger-proxy/claviger/internal/broker"
	"github.com/claviger-proxy/claviger/internal/netguard"
	"github.com/claviger-proxy/claviger/internal/policy"
	"github.com/claviger-proxy/claviger/internal/problem"
	"github.com/claviger-proxy/claviger/vault"
)

// Codes of the data plane beside those of policy and the broker; docs/reference/errors.md explains
// them.
const (
	codeUnreachable     = "provider_unreachable"
	codeBodyTooLong     = "body_too_long"
	codeBodyUnfit       = "body_unfit"
	codeUnsignable      = "request_unsignable"
	codeCredentialUnfit = "credential_unfit"
	codeAddressRefused  = "provider_address_refused"
	codeTLS             = "provider_tls"
	codeTimeout         = "provider_timeout"
	codeBadAnswer       = "provider_bad_answer"
	codeNotConfigured   = "not_configured"
)

// tlsAlert is what package tls calls the reading of an alert that the provider has sent.
const tlsAlert = "remote error"

// fail answers a request that did not reach the provider, or came back without an answer.
func (h *Account) fail(w http.ResponseWriter, r *http.Request, p *hop, err error) {
	if errors.Is(r.Context().Err(), context.Canceled) {
		w.WriteHeader(499) // the caller has gone; as Caddy notes it
		return
	}
	out := *api.Problem(err)
	if repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer); ok {
		out.RequestID, _ = repl.GetString("http.request.uuid")
	}
	if out.Status >= http.StatusInternalServerError {
		h.log.Error("request not served", zap.String("code", out.Code), zap.String("account", string(p.target.Account)),
			zap.String("request_id", out.RequestID), zap.Error(err))
	}
	if refusesBody(out.Status) && (r.ContentLength != 0 || r.Method == http.MethodConnect) {
		// Nobody will read the rest of the body, or what was meant for a tunnel.
		w.Header().Set("Connection", "close")
	}
	problem.Write(w, &out)
}

// refusal is a request that policy does not let out.
func refusal(no *policy.Refusal) error {
	return &problem.Problem{Status: no.Status, Code: no.Code, Detail: "the request may not go out: " + strings.ToLower(http.StatusText(no.Status)), Next: no.Message}
}

func refusesBody(status int) bool { return status >= 400 && status < 500 }

// reconnectable adds an authorization link to an error that only the account's user can mend.
func (h *Account) reconnectable(r *http.Request, c *core, err error) error {
	var be *broker.Error
	if !errors.As(err, &be) || c.flow == nil {
		return err
	}
	switch be.Code {
	case broker.CodeExpired, broker.CodeConsentRequired, broker.CodeDisconnected:
	default:
		return err
	}
	prob := *api.Problem(err)
	a, err := c.vault.Account(r.Context(), be.Account)
	if err != nil {
		return &prob
	}
	if on, err := c.set.ByID(a.ConnectionID); err == nil && c.flow.Callback(on.Name) == "" {
		return &prob // there are no links
	}
	issued, err := c.flow.Reissue(r.Context(), a)
	if err != nil {
		h.log.Warn("making an authorization link", zap.String("account", string(be.Account)), zap.Error(err))
		return &prob
	}
	prob.ReconnectURL = issued.URL
	prob.Next = "send the user to reconnect_url; the account keeps its ID"
	return &prob
}

func vaultProblem(err error) error {
	return &problem.Problem{
		Status: http.StatusServiceUnavailable, Code: string(broker.CodeVaultUnavailable),
		Detail: vaultDetail(err), Next: "run `claviger doctor` on the host", RetryAfter: 5 * time.Second,
	}
}

// vaultDetail says why the vault cannot be opened in words that are fit for callers.
func vaultDetail(err error) string {
	switch {
	case errors.Is(err, vault.ErrInUse):
		return "the vault is in use by another process"
	case errors.Is(err, vault.ErrClosed):
		return "the vault is being closed"
	}
	return "the vault cannot be opened"
}

func baseProblem(p *hop) error {
	return &problem.Problem{
		Status: http.StatusBadRequest, Code: string(broker.CodeBaseUnknown),
		Detail:  "the connector has no base of that name",
		Next:    "`claviger connectors show " + p.target.Connection.Connector().Name + "` lists its bases",
		Account: string(p.target.Account), Connection: p.target.Connection.Name,
	}
}

// upstreamProblem says why the provider gave no answer. The error's own text is for the log only,
// because it may hold addresses, and only if it is the network's: others repeat what was received.
func upstreamProblem(p *hop, err error) error {
	if out := injectProblem(p, err); out != nil {
		return out
	}
	out := &problem.Problem{
		Status: http.StatusBadGateway, Code: codeUnreachable, Detail: "the provider cannot be reached",
		Next:    "check DNS and egress of this host; the account is not affected",
		Account: string(p.target.Account), Connection: p.target.Connection.Name,
	}
	var (
		unknown  x509.UnknownAuthorityError
		hostname x509.HostnameError
		invalid  x509.CertificateInvalidError
		verify   *tls.CertificateVerificationError
		alert    tls.AlertError
		record   tls.RecordHeaderError
		network  *net.OpError
		dial     *dialError
		proxied  reverseproxy.DialError
		timeout  net.Error
	)
	switch {
	case errors.As(err, &unknown), errors.As(err, &hostname), errors.As(err, &invalid), errors.As(err, &verify),
		errors.As(err, &alert), errors.As(err, &record):
		out.Code, out.Detail = codeTLS, "the provider's certificate or TLS version is not acceptable; nothing was sent"
	case errors.Is(err, netguard.ErrForbidden):
		out.Code, out.Detail = codeAddressRefused, "the provider's name leads to an address that is not on the internet; nothing was sent"
		out.Next = "if the provider is in a private network, name its host in private_hosts"
	case errors.As(err, &dial), errors.As(err, &proxied):
	case errors.As(err, &network) && network.Op == tlsAlert && p.target.Connection.Connector().ClientCert != nil:
		out.Code, out.Detail = codeTLS, "the provider has ended TLS, as one does that does not take the client certificate"
		out.Next = "check that the certificate is the one that the provider has registered, and has not expired"
	case errors.As(err, &timeout) && timeout.Timeout():
		out.Status, out.Code, out.Detail = http.StatusGatewayTimeout, codeTimeout, "the provider did not answer in time"
		out.Next = "try again; whether the request had an effect is not known"
	default:
		out.Code, out.Detail = codeBadAnswer, "the provider closed the connection or did not answer in HTTP"
		out.Next = "try again; whether the request had an effect is not known"
	}
	switch {
	case errors.As(err, &dial):
		return fmt.Errorf("%w: %w", out, dial)
	case errors.As(err, &proxied): // it does not unwrap to the network's error
		return fmt.Errorf("%w: %w", out, proxied)
	case errors.As(err, &network):
		return fmt.Errorf("%w: %w", out, network)
	}
	return out
}
