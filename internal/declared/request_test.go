package declared_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/broker"
	"github.com/claviger-proxy/claviger/internal/inject"
	"github.com/claviger-proxy/claviger/vault"
)

// request is one of a caller.
type request struct {
	base, slot, path, contentType, body string
}

// target finds the account.
func (j *journey) target() (broker.Target, error) {
	return j.broker.Resolve(j.ctx, broker.Ref{Account: j.account})
}

// credential is the account's credential now.
func (j *journey) credential() (broker.Target, broker.Credential, error) {
	t, err := j.target()
	if err != nil {
		return t, broker.Credential{}, err
	}
	c, err := j.broker.Credential(j.ctx, t)
	return t, c, err
}

// send sends a request with a credential, as the proxy does: what the caller has put in the credential's
// place is taken off first.
func (j *journey) send(c broker.Credential, q request) (status int, header http.Header, body []byte, err error) {
	base, ok := c.Connection.Base(q.base)
	if !ok {
		return 0, nil, nil, fmt.Errorf("there is no base %q", q.base)
	}
	method, sent := http.MethodGet, []byte(nil)
	if q.body != "" {
		method, sent = http.MethodPost, []byte(q.body)
	}
	r, err := http.NewRequestWithContext(j.ctx, method, base.URL.String()+q.path, bytes.NewReader(sent))
	if err != nil {
		return 0, nil, nil, err
	}
	if q.contentType != "" {
		r.Header.Set("Content-Type", q.contentType)
	}
	j.forge(r, c)
	slot, err := c.Connection.Inject.Slot(r.URL.Path[len(base.URL.Path):], q.slot)
	if err != nil {
		return 0, nil, nil, err
	}
	whole, err := c.Inject(r, slot, sent)
	if err != nil {
		return 0, nil, nil, fmt.Errorf("injecting: %w", err)
	}
	if c.NeedsBody() {
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(whole)), int64(len(whole))
	}
	api, err := c.Connection.Transport(j.transport)
	if err != nil {
		return 0, nil, nil, err
	}
	resp, err := api.RoundTrip(r)
	if err != nil {
		return 0, nil, nil, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header, body, err
}

// forge puts a caller's own credentials on a request, and takes them off as the proxy does.
func (j *journey) forge(r *http.Request, c broker.Credential) {
	r.Header.Set("Authorization", "Bearer forged")
	r.Header.Set("Cookie", "session=forged")
	q := r.URL.Query()
	q.Set("access_token", "forged")
	for _, in := range j.connector.Injections() {
		switch in.In {
		case connectors.InHeader:
			r.Header.Set(in.Name, "forged")
		case connectors.InQuery:
			q.Set(in.Name, "forged")
		}
	}
	r.URL.RawQuery = q.Encode()
	if s := c.Connection.Signer; s != nil {
		for _, name := range s.Headers() {
			r.Header.Del(name)
		}
	}
	c.Connection.Inject.Strip(r)
}

// fine sends a request that has to succeed.
func (j *journey) fine(c broker.Credential, q request) error {
	status, _, body, err := j.send(c, q)
	if err != nil {
		return err
	}
	return want(status == http.StatusOK, "the API answers %d %s to %+v", status, body, q)
}

// requests sends requests to all bases, with all tokens, and with bodies.
func (j *journey) requests() error {
	_, c, err := j.credential()
	if err != nil {
		return err
	}
	if err := j.unslotted(c); err != nil {
		return err
	}
	for _, base := range slices.Concat([]string{""}, slices.Sorted(maps.Keys(j.connector.API.Bases))) {
		for _, q := range j.asked(base) {
			if err := j.fine(c, q); err != nil {
				return err
			}
		}
		if err := j.overrides(c, base); err != nil {
			return err
		}
		name := "api " + base + " "
		if !slices.ContainsFunc(slices.Collect(maps.Keys(j.provider.Answered())), func(asked string) bool { return strings.HasPrefix(asked, name) }) {
			return fmt.Errorf("base %q was not asked", base)
		}
		for _, s := range j.connector.API.Slots {
			if j.provider.Answered()[name+s.Name] == 0 {
				return fmt.Errorf("base %q was not asked with the token of slot %s", base, s.Name)
			}
		}
	}
	return nil
}

// unslotted tells whether a caller can choose a further token that the connector does not let them have, such as
// the secret half of a token of OAuth 1.0a.
func (j *journey) unslotted(c broker.Credential) error {
	given, _ := j.provider.Issued()
	for name := range given.Slots {
		if slices.ContainsFunc(j.connector.API.Slots, func(s connectors.Slot) bool { return s.Name == name }) {
			continue
		}
		if slot, err := c.Connection.Inject.Slot("/things", name); !errors.Is(err, inject.ErrUnknownSlot) {
			return fmt.Errorf("a caller may choose the slot %s: %q, %w", name, slot, err)
		}
	}
	return nil
}

// overrides tells whether a caller's own headers stay in place of those that the connector has for all.
func (j *journey) overrides(c broker.Credential, base string) error {
	b, ok := c.Connection.Base(base)
	if !ok {
		return fmt.Errorf("there is no base %q", base)
	}
	r, err := http.NewRequestWithContext(j.ctx, http.MethodPost, b.URL.String()+"/things", nil)
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	for name := range j.connector.API.Headers {
		r.Header.Set(name, "own")
	}
	if _, err := c.Inject(r, "", []byte("{}")); err != nil {
		return err
	}
	for name := range j.connector.API.Headers {
		if got := r.Header.Get(name); got != "own" {
			return fmt.Errorf("the caller's header %s becomes %q", name, got)
		}
	}
	return nil
}

// asked are requests for a base. One whose credential is in the body has a body.
func (j *journey) asked(base string) []request {
	list := []request{
		{base: base, path: "/things", contentType: "application/json", body: `{"hello": "world", "n": [1, 2]}`},
		{base: base, path: "/things", contentType: "application/x-www-form-urlencoded", body: "hello=w%2Brld&n=1"},
	}
	if j.inBody() {
		return list
	}
	list = append(list,
		request{base: base, path: "/things/42?q=a+b&q=c%2Fd&page=2"},
		request{base: base, path: "/things/a%2Fb%20c"})
	for _, s := range j.connector.API.Slots {
		for _, path := range s.Paths {
			list = append(list, request{base: base, path: path}, request{base: base, path: path + "/things"})
		}
		if len(s.Paths) == 0 {
			list = append(list, request{base: base, slot: s.Name, path: "/things"})
		}
	}
	return list
}

// plain is a request that there is nothing special about.
func (j *journey) plain() request {
	if j.inBody() {
		return request{path: "/things", contentType: "application/json", body: "{}"}
	}
	return request{path: "/things"}
}

func (j *journey) inBody() bool {
	return slices.ContainsFunc(j.connector.Inject, func(in connectors.Injection) bool { return in.In == connectors.InBody })
}

// checks tells whether the connector has a request to check a credential with.
func (j *journey) checks() bool {
	i := j.connector.Identity
	return j.connector.Verify != nil || i != nil && i.From == ""
}

// check asks the provider whether it takes the credential.
func (j *journey) check() error {
	done, err := j.broker.Check(j.ctx, j.account)
	if err != nil {
		return err
	}
	if !j.checks() {
		return want(done.Code == broker.CheckNone, "the check gives %+v, and there is none", done)
	}
	if err := want(done.OK, "the check gives %s, status %d", done.Code, done.Status); err != nil {
		return err
	}
	if j.connector.Verify != nil {
		return want(j.provider.Answered()["verify"] > 0, "the check was no check to the provider")
	}
	return want(j.provider.Answered()["identity"] > 0, "the check was no check to the provider")
}

// disconnect ends everything, at the provider too where it has a way.
func (j *journey) disconnect() error {
	_, c, err := j.credential()
	if err != nil {
		return err
	}
	d, err := j.broker.Disconnect(j.ctx, j.account)
	if err != nil {
		return err
	}
	revokes := j.connector.Revoke != nil
	if d.Revoked != revokes || j.provider.Revoked() != revokes {
		return fmt.Errorf("revoked is %t, and at the provider %t, want %t (%s)", d.Revoked, j.provider.Revoked(), revokes, d.RevokeError)
	}
	if err := j.status(vault.StatusDisconnected); err != nil {
		return err
	}
	if _, _, err := j.credential(); codeIs(err, broker.CodeDisconnected) != nil {
		return codeIs(err, broker.CodeDisconnected)
	}
	if !revokes {
		return nil
	}
	status, _, _, err := j.send(c, j.plain())
	if err != nil {
		return err
	}
	return want(status == http.StatusUnauthorized, "after the revocation the API answers %d", status)
}
