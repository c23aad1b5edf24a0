package caddymodule

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/broker"
	"github.com/claviger-proxy/claviger/internal/inject"
	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/internal/problem"
	"github.com/claviger-proxy/claviger/internal/sign"
)

// maxSigned is how much of a body is kept where the credential goes into it, or signs it.
const maxSigned = 10 << 20

// errBodyTooLong: a body that has to be kept is longer than maxSigned.
var errBodyTooLong = errors.New("the body is too long to put the credential into it")

// inject puts the credential on the private copy of a request.
func (t *Transport) inject(out *http.Request, h *hop, c broker.Credential) error {
	path, err := url.PathUnescape(h.tag.rest)
	if err != nil {
		path = h.tag.rest
	}
	slot, err := c.Connection.Inject.Slot(path, h.tag.slot)
	if err != nil {
		return err
	}
	if s := c.Connection.Signer; s != nil {
		for _, name := range s.Headers() {
			out.Header.Del(name)
		}
	}
	if !c.NeedsBody() {
		_, err := c.Inject(out, slot, nil)
		return err
	}
	body, err := whole(out)
	if err != nil {
		return err
	}
	if body, err = c.Inject(out, slot, body); err != nil {
		return err
	}
	out.Body, out.ContentLength, out.TransferEncoding, out.Trailer = http.NoBody, int64(len(body)), nil, nil
	if len(body) > 0 {
		out.Body = io.NopCloser(bytes.NewReader(body))
	}
	out.Header.Del("Content-Length") // net/http writes its own
	return nil
}

// whole reads the body; nil when there is none.
func whole(r *http.Request) ([]byte, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxSigned+1))
	if err != nil {
		return nil, fmt.Errorf("reading the request: %w", err)
	}
	if len(body) > maxSigned {
		return nil, errBodyTooLong
	}
	return body, nil
}

// injectProblem says why a credential cannot be put on a request; nil when err says something else.
func injectProblem(p *hop, err error) *problem.Problem {
	out := &problem.Problem{
		Status: http.StatusBadRequest, Account: string(p.target.Account), Connection: p.target.Connection.Name,
	}
	switch {
	case errors.Is(err, errBodyTooLong), errors.Is(err, sign.ErrBody):
		out.Status, out.Code = http.StatusRequestEntityTooLarge, codeBodyTooLong
		out.Detail = "the provider wants the credential in the body, or over it, and the body is longer than 10 MiB"
		out.Next = "send it in parts, if the provider has a way for that"
	case errors.Is(err, inject.ErrBody):
		out.Code, out.Detail = codeBodyUnfit, "the provider wants the credential in the body, and this body has no place for it"
		out.Next = "send a JSON object or a form, with its Content-Type and without Content-Encoding"
	case errors.Is(err, inject.ErrUnknownSlot):
		out.Code, out.Detail = string(broker.CodeSlotUnknown), "the connector has no token of the name that the request gives"
		out.Next = "`claviger connectors show " + p.target.Connection.Connector().Name + "` lists its slots"
	case errors.Is(err, sign.ErrQuery), errors.Is(err, sign.ErrOAuthParam):
		out.Code, out.Detail = codeUnsignable, "the request has parameters that cannot be signed: they can be read in two ways, or are a signature already"
		out.Next = "send each parameter once, properly escaped, and none that begins with oauth_"
	case errors.Is(err, inject.ErrNoToken), errors.Is(err, inject.ErrBadToken):
		out.Status, out.Code = http.StatusConflict, codeCredentialUnfit
		out.Detail, out.Next = "the account's credential lacks something that the provider wants, or cannot be sent as it is", "connect the user again"
		if found := undiscovered(p.target.Connection.Connector(), err); found != "" {
			out.Detail = "requests need {" + found + "}, which the connector looks up when an account is connected, and this account has none; nothing was sent"
		}
	case errors.Is(err, oauth.ErrCertificate):
		out.Status, out.Code = http.StatusConflict, codeCredentialUnfit
		out.Detail = "the provider wants a client certificate, and the account's cannot be presented; nothing was sent"
		out.Next = "give the certificate and its key as PEM, where the connector asks for them, and connect the user again"
	default:
		return nil
	}
	return out
}

// undiscovered is the name that an account lacks a value for and that discovery finds, or empty.
func undiscovered(k *connectors.Connector, err error) string {
	missing, ok := errors.AsType[*inject.NoValueError](err)
	if !ok || !slices.ContainsFunc(k.Discover, func(d connectors.Discover) bool { return d.Finds(missing.Name) }) {
		return ""
	}
	return missing.Name
}
