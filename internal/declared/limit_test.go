package declared_test

import (
	"cmp"
	"testing/synctest"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/broker"
	"github.com/claviger-proxy/claviger/internal/declared"
	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
)

// limited has the provider limit requests, in each way that it has for that.
func (j *journey) limited() error {
	for _, l := range j.provider.Limits() {
		if err := j.limitedCheck(l); err != nil {
			return err
		}
		if err := j.limitedRefresh(l); err != nil {
			return err
		}
		if !j.renews() {
			continue
		}
		// A token that was due has been asked for meanwhile, and is not again for as long as the provider said.
		time.Sleep(11 * time.Minute)
		if _, _, err := j.credential(); err != nil {
			return err
		}
		synctest.Wait() // it may be asked for beside the old one
	}
	return j.status(vault.StatusActive)
}

// believed is how much of a wait is.
func (j *journey) believed(wait time.Duration) time.Duration {
	return min(wait, cmp.Or(time.Duration(j.connector.Rate.MaxWait), time.Hour))
}

// limitedCheck checks a credential meanwhile: that says nothing about it.
func (j *journey) limitedCheck(l declared.Limit) error {
	if !j.checks() {
		return nil
	}
	if _, _, err := j.credential(); err != nil { // so that it need not be refreshed for the check
		return err
	}
	j.provider.Limit(&l)
	done, err := j.broker.Check(j.ctx, j.account)
	j.provider.Limit(nil)
	if err != nil {
		return err
	}
	wait := max(j.believed(l.Wait), 5*time.Minute)
	return want(done.Code == broker.CheckLimited && (done.RetryAfter-wait).Abs() <= time.Second,
		"with the limit %q the check gives %s, again after %s; want that after %s", l.Name, done.Code, done.RetryAfter, wait)
}

// limitedRefresh refreshes a token meanwhile: that ends nothing.
func (j *journey) limitedRefresh(l declared.Limit) error {
	if !j.renews() || j.connector.Mode == connectors.ModeJWT {
		return nil
	}
	j.rest()
	j.provider.Limit(&l)
	oe, err := j.failing()
	j.provider.Limit(nil)
	if err != nil {
		return err
	}
	wait := j.believed(l.Wait)
	return want(oe.Class == oauth.ClassTransient && oe.Code == oauth.CodeRateLimited && (oe.RetryAfter-wait).Abs() <= time.Second,
		"with the limit %q a refresh ends with %v, again after %s; want that after %s", l.Name, oe, oe.RetryAfter, wait)
}
