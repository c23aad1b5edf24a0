package broker

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
)

const (
	checkTime = 10 * time.Second
	maxCheck  = 64 << 10
	// checkRest is how long an API that has had enough is not asked, if it does not ask for more, and
	// maxCheckRest how much it may ask for while it is not available. What a limit may ask for says its connector.
	checkRest    = 5 * time.Minute
	maxCheckRest = time.Hour
)

// Checked is the outcome of [Broker.Check].
type Checked struct {
	Account vault.ConnectedAccount
	// OK tells that the provider takes the credential.
	OK bool
	// Code says why not: credential_refused, no_check, provider_rate_limited, provider_status_NNN,
	// provider_unreachable, or the reason that there is no credential.
	Code string
	// Status is the provider's HTTP status, 0 when it was not reached.
	Status int
	// RetryAfter is how long the provider asks not to be asked, five minutes at least when it does.
	RetryAfter time.Duration
}

// Codes of [Checked] beside those of an [Error].
const (
	CheckRefused     = "credential_refused"   // a new token is refused as well
	CheckNone        = "no_check"             // the connector declares no request to check with
	CheckUnreachable = "provider_unreachable" // no answer
	CheckLimited     = oauth.CodeRateLimited  // the provider limits requests; see RetryAfter
	checkStatus      = "provider_status_"
	checkUnsuited    = "provider_answer" // a success whose body says otherwise
)

// Check asks the provider with the connector's cheap request whether it takes the account's
// credential, which is refreshed for that if need be. A credential that is refused, and its successor
// too, ends the account: EXPIRED for the reason credential_refused.
func (b *Broker) Check(ctx context.Context, id vault.AccountID) (Checked, error) {
	t, err := b.Resolve(ctx, Ref{Account: id})
	if err != nil {
		return Checked{}, err
	}
	done, generation := b.check(ctx, t)
	if done.Code != CheckNone {
		b.observe.Checked(t.Connection.Connector().Name, done.OK)
	}
	if done.Code == CheckRefused {
		if _, err := b.vault.SetStatus(ctx, id, generation, vault.StatusExpired, CheckRefused); err != nil && !errors.Is(err, vault.ErrConflict) {
			return done, vaultError(err)
		}
		b.shared.forget(id)
		b.log.Warn("the provider refuses the account's credential", zap.String("account", string(id)), zap.String("connection", t.Connection.Name))
	}
	done.Account, err = b.vault.Note(ctx, id, 0, func(f *vault.Facts) []vault.Event {
		f.CheckedAt = b.now()
		return nil
	})
	if err != nil {
		return done, vaultError(err)
	}
	return done, nil
}

// checkSoon checks an account, apart from the caller and from the flight that it may be called in.
func (b *Broker) checkSoon(t Target) {
	b.shared.running.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), refreshTime)
		defer cancel()
		if _, err := b.Check(ctx, t.Account); err != nil {
			b.log.Warn("checking a refused credential", zap.String("account", string(t.Account)), zap.Error(err))
		}
	})
}

// check asks, and once more with a new token if the first is refused.
func (b *Broker) check(ctx context.Context, t Target) (Checked, uint64) {
	call, ok := checkCall(t.Connection)
	if !ok {
		return Checked{Code: CheckNone}, 0
	}
	c, err := b.credential(ctx, t, false)
	for renewed := false; ; renewed = true {
		if err != nil {
			return Checked{Code: codeOf(err)}, 0
		}
		done := b.try(ctx, call, c)
		if done.Code != CheckRefused || renewed {
			return done, c.Generation
		}
		var next Credential
		if next, err = b.Renew(ctx, t, c); err == nil && next.Generation == c.Generation {
			if g, err := b.vault.Grant(ctx, t.Account); err == nil && g.Generation == c.Generation && !b.renewable(t.Connection, g) {
				return done, c.Generation // there is nothing to renew it with
			}
			return Checked{Code: checkStatus + strconv.Itoa(done.Status), Status: done.Status}, 0 // it was renewed lately
		}
		c = next
	}
}

func checkCall(c *connection.Connection) (connectors.Ask, bool) {
	k := c.Connector()
	if v := k.Verify; v != nil {
		return v.Ask, true
	}
	if i := k.Identity; i != nil && i.From == "" {
		return i.Ask, true
	}
	return connectors.Ask{}, false
}

// try sends the request once.
func (b *Broker) try(ctx context.Context, call connectors.Ask, credential Credential) Checked {
	c := credential.Connection
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	r, err := c.Request(ctx, call, credential.Token, credential.slots)
	if err != nil {
		return Checked{Code: CheckNone}
	}
	api, err := c.Transport(b.api)
	if err != nil {
		return Checked{Code: CheckNone}
	}
	resp, err := api.RoundTrip(r) // not through an http.Client, which follows redirects
	if err != nil {
		return Checked{Code: CheckUnreachable}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxCheck+1))
	if err != nil {
		return Checked{Code: CheckUnreachable, Status: resp.StatusCode}
	}
	done := Checked{Status: resp.StatusCode, Code: checkStatus + strconv.Itoa(resp.StatusCode)}
	k, whole := c.Connector(), func() []byte { return body }
	wait, limited := k.Rate.Limit(resp.StatusCode, resp.Header, whole, b.now())
	switch {
	case limited:
		done.Code, done.RetryAfter = CheckLimited, max(wait, checkRest)
	case resp.StatusCode == http.StatusServiceUnavailable:
		done.RetryAfter = max(connectors.RetryAfter(resp.Header, b.now(), maxCheckRest), checkRest)
	case k.TokenExpired(resp.StatusCode, resp.Header, whole):
		done.Code = CheckRefused
	case resp.StatusCode < 200 || resp.StatusCode > 299:
	case !meets(c, body):
		done.Code = checkUnsuited
	default:
		done.OK, done.Code = true, ""
	}
	return done
}

// meets tells whether the body of a success is one by the connector's own condition.
func meets(c *connection.Connection, body []byte) bool {
	v := c.Connector().Verify
	return v == nil || v.OKWhen == nil || len(body) <= maxCheck && v.OKWhen.Holds(body)
}

func codeOf(err error) string {
	var be *Error
	if errors.As(err, &be) {
		return string(be.Code)
	}
	return "request_canceled"
}
