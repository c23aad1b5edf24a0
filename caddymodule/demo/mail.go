package demo

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/claviger-proxy/claviger/client"
)

// parallel is how many requests meet the token that has ended.
const parallel = 20

// readMail fetches mail through the proxy and shows both sides of it.
func (d *demo) readMail(ctx context.Context) error {
	d.heading("The last 5 unread emails, and no token in sight")
	got, err := d.fetch(ctx, mailPath)
	if err != nil {
		return fmt.Errorf("reading mail: %w", err)
	}
	messages, err := got.mail()
	if err != nil {
		return err
	}
	seen, err := d.received("/api/messages")
	if err != nil {
		return err
	}
	if !strings.HasPrefix(seen.Header.Get("Authorization"), "Bearer ") || seen.User != d.user {
		return fmt.Errorf("the provider has not seen the token of %s", d.user)
	}
	d.out.say("Your app sends:")
	d.out.show("GET %s%s\nConnected-Account: %s/%s", d.proxy, mailPath, connection, identifier)
	d.out.line("")
	d.out.say("Postbox receives:")
	d.out.show("GET %s", seen.URI)
	for _, name := range slices.Sorted(maps.Keys(seen.Header)) {
		value := strings.Join(seen.Header[name], ", ")
		if name == "Authorization" {
			value = "Bearer ······   (added by Claviger on the way out)"
		}
		d.out.show("%s: %s", name, value)
	}
	if seen.Header.Get("Connected-Account") != "" {
		return fmt.Errorf("the provider has seen the header Connected-Account, which is none of its business")
	}
	d.out.line("")
	d.out.say("Your app gets:")
	for _, m := range messages {
		from, _, _ := strings.Cut(m.From, " <")
		d.out.show("%-22s %s", from, m.Subject)
	}
	d.out.line("")
	secrets := d.provider.Secrets()
	if n := leaks(got.text(), secrets); n > 0 {
		return fmt.Errorf("the answer to the app holds %d secrets of the provider", n)
	}
	d.out.checked("%d emails; neither the app's request nor the answer holds a token", len(messages))
	return nil
}

// refresh waits for the refresh that nobody asks for.
func (d *demo) refresh(ctx context.Context) error {
	d.heading("The token is refreshed before it expires, and nobody has asked")
	before := d.refreshes()
	earlier, err := d.admin.Account(ctx, d.account)
	if err != nil {
		return fmt.Errorf("looking for the account: %w", err)
	}
	d.out.note("Postbox gives tokens that live %.0f s.", accessTTL.Seconds())
	if err := until(ctx, func() (bool, error) {
		if d.refreshes() == before {
			return false, nil
		}
		a, err := d.admin.Account(ctx, d.account) // the new token is Claviger's once it is saved
		return err == nil && a.TokenExpiresAt.After(earlier.TokenExpiresAt), err
	}); err != nil {
		return fmt.Errorf("waiting for a refresh ahead of time: %w", err)
	}
	d.out.checked("refreshed at Postbox without a request; no request of the app waits for that")
	return nil
}

// expire ends the token before its time and sends many requests at once.
func (d *demo) expire(ctx context.Context) error {
	d.heading("Postbox ends the token early, and %d requests come at the same moment", parallel)
	d.provider.ExpireAccess(d.user)
	before := d.refreshes()
	begin := time.Now()
	if err := d.fetchAll(ctx); err != nil {
		return err
	}
	took := time.Since(begin)
	if n := d.refreshes() - before; n != 1 {
		return fmt.Errorf("%d requests with a token that has ended have made %d refreshes instead of 1", parallel, n)
	}
	d.out.checked("%d requests, %d answers with status 200, in %d ms", parallel, parallel, took.Milliseconds())
	d.out.checked("1 refresh at Postbox: the other %d requests waited for it and were sent again with its token", parallel-1)
	return nil
}

func (d *demo) refreshes() int { return d.provider.TokenCalls("refresh_token") }

// waitTime is how long the demo waits for what Claviger does by itself.
const waitTime = 30 * time.Second

// until asks again and again until it is so.
func until(ctx context.Context, so func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, waitTime)
	defer cancel()
	for {
		ok, err := so()
		if ok || err != nil {
			return err
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (d *demo) fetchAll(ctx context.Context) error {
	errs := make([]error, parallel)
	var group sync.WaitGroup
	for i := range errs {
		group.Go(func() {
			got, err := d.fetch(ctx, mailPath)
			if err == nil {
				_, err = got.mail()
			}
			errs[i] = err
		})
	}
	group.Wait()
	for _, err := range errs {
		if err != nil {
			return fmt.Errorf("one of %d requests with a token that has ended: %w", parallel, err)
		}
	}
	return nil
}

// revoke ends the grant at the provider and shows what the app gets then.
func (d *demo) revoke(ctx context.Context) error {
	d.heading("The user removes the app in the settings of Postbox")
	d.provider.RevokeUser(d.user)
	got, err := d.fetch(ctx, mailPath)
	if err != nil {
		return fmt.Errorf("reading mail after the revocation: %w", err)
	}
	if got.status == http.StatusUnauthorized && !got.ours() {
		d.out.say("The next request gets Postbox's own 401. Claviger learns at the next refresh that the grant is dead.")
		err := until(ctx, func() (ok bool, err error) {
			got, err = d.fetch(ctx, mailPath)
			return err == nil && got.ours(), err
		})
		if err != nil {
			return fmt.Errorf("reading mail after the revocation: %w", err)
		}
	}
	if got.status != http.StatusConflict || !got.ours() {
		return fmt.Errorf("after the revocation the app gets status %d instead of Claviger's 409", got.status)
	}
	p, err := got.problem()
	if err != nil {
		return err
	}
	token := p.ReconnectURL[strings.LastIndex(p.ReconnectURL, "/")+1:]
	if token == "" {
		return fmt.Errorf("the problem %s holds no reconnect link", p.Code)
	}
	d.links = append(d.links, token)
	d.out.say("From then on Claviger answers by itself, with the way out:")
	d.out.show("HTTP 409, %s: %s", got.header.Get("Content-Type"), p.Code)
	d.out.show("%s", strings.TrimSpace(string(got.body)))
	d.out.line("")
	a, err := d.admin.Account(ctx, d.account)
	if err != nil {
		return fmt.Errorf("looking for the account: %w", err)
	}
	if a.Status != client.StatusExpired {
		return fmt.Errorf("the account is %s instead of EXPIRED after the revocation", a.Status)
	}
	d.out.checked("the account is EXPIRED, and your app has a link to send the user to")
	return nil
}
