package broker_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/claviger-proxy/claviger/internal/broker"
	"github.com/claviger-proxy/claviger/vault"
)

var errCut = errors.New("connection reset by peer")

// refusedGrant is the answer to a refresh token that is dead.
var refusedGrant = reply{status: http.StatusBadRequest, body: `{"error":"invalid_grant"}`}

// the provider rotates, and the answer is lost. The token is sent once more; a provider that takes
// it for a moment longer gives another one.
func TestR04LostAnswerWithGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newLifeKit(t, "", broker.Schedule{})
		target := k.account("ada", time.Minute)
		time.Sleep(time.Hour)
		k.provider.says(func(n int, _ asked) reply {
			if n == 1 {
				return reply{err: errCut}
			}
			return fresh(n, 3600)
		})
		if c := k.credential(target); c.Generation != 2 || c.Token.Reveal() != "access_2" {
			t.Errorf("got generation %d", c.Generation)
		}
		k.wantAsked(2)
		k.wantAccount(target, vault.StatusActive, "", 2)
	})
}

// without that grace the account needs its user again, for a reason of its own, and the provider is
// asked no more.
func TestR04LostAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newLifeKit(t, "", broker.Schedule{})
		target := k.account("ada", time.Minute)
		time.Sleep(time.Hour)
		k.provider.says(func(n int, _ asked) reply {
			if n == 1 {
				return reply{err: errCut}
			}
			return refusedGrant
		})
		for range 3 {
			_, err := k.broker.Credential(t.Context(), target)
			if be := wantCode(t, err, broker.CodeExpired); be.Reason != "rotation_lost" {
				t.Errorf("got reason %q", be.Reason)
			}
		}
		k.tend(24 * time.Hour)
		k.wantAsked(2)
		k.wantAccount(target, vault.StatusExpired, "rotation_lost", 1)
	})
}

// a gateway's word, and an answer that cannot be read, are lost answers.
func TestR04LostBehindGateway(t *testing.T) {
	for name, first := range map[string]reply{
		"gateway":    {status: http.StatusBadGateway, body: "<html>"},
		"unreadable": {body: `{"access_token":`},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k := newLifeKit(t, "", broker.Schedule{})
				target := k.account("ada", time.Minute)
				time.Sleep(time.Hour)
				k.provider.says(func(n int, _ asked) reply {
					if n == 1 {
						return first
					}
					return fresh(n, 3600)
				})
				k.credential(target)
				k.wantAsked(2)
			})
		})
	}
}

// answers go on being lost. That is no proof of anything: the account stays, and is tried now and
// then.
func TestR04AnswersGoOnBeingLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newLifeKit(t, "", broker.Schedule{})
		target := k.account("ada", time.Minute)
		time.Sleep(time.Hour)
		k.provider.says(func(int, asked) reply { return reply{err: errCut} })
		_, err := k.broker.Credential(t.Context(), target)
		wantCode(t, err, broker.CodeRefreshFailed)
		k.wantAsked(2)
		k.tend(24 * time.Hour)
		if n := k.provider.count(tokenPath); n > 110 {
			t.Errorf("asked %d times in a day", n)
		}
		if a := k.wantAccount(target, vault.StatusActive, "", 1); a.LastError != "answer_lost" || a.LastErrorClass != "transient" {
			t.Errorf("got last error %q, class %q", a.LastError, a.LastErrorClass)
		}
		k.provider.says(func(n int, _ asked) reply { return fresh(n, 3600) })
		k.tend(3 * time.Hour)
		if a := k.stored(target); a.Status != vault.StatusActive || a.Generation < 2 {
			t.Errorf("got %s, generation %d", a.Status, a.Generation)
		}
	})
}

// that the provider cannot be reached in between does not make a lost answer forgotten.
func TestR04LostAnswerBeforeOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newLifeKit(t, "", broker.Schedule{})
		target := k.account("ada", time.Minute)
		time.Sleep(time.Hour)
		k.provider.says(func(n int, _ asked) reply {
			switch n {
			case 1:
				return reply{err: errCut}
			case 2:
				return reply{status: http.StatusServiceUnavailable}
			}
			return refusedGrant
		})
		k.tend(time.Hour)
		k.wantAsked(3)
		k.wantAccount(target, vault.StatusExpired, "rotation_lost", 1)
	})
}

// the process ends between the provider's answer and the save. The next one finds that a refresh
// was begun, and sends the old token once.
func TestR05KilledBeforeSave(t *testing.T) {
	for name, then := range map[string]struct {
		answer reply
		status vault.Status
		reason string
	}{
		"grace":    {fresh(2, 3600), vault.StatusActive, ""},
		"no grace": {refusedGrant, vault.StatusExpired, "rotation_lost"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k := newLifeKit(t, "", broker.Schedule{})
				target := k.account("ada", time.Minute)
				time.Sleep(time.Hour)
				dead := make(chan struct{})
				k.store.onWrite(vault.KindGrant, func(func() error) error {
					<-dead
					return vault.ErrClosed
				})
				ctx, cancel := contextFor(t, time.Second)
				defer cancel()
				if _, err := k.broker.Credential(ctx, target); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("got %v", err)
				}
				k.wantAsked(1)
				k.store.onWrite("", nil)
				time.Sleep(2 * time.Minute) // the lease of the dead process ends
				k.provider.says(func(int, asked) reply { return then.answer })
				k.broker = k.process(broker.NewShared(0))
				k.tend(2 * time.Hour)
				a := k.stored(target)
				if a.Status != then.status || a.Reason != then.reason {
					t.Errorf("got %s %q, want %s %q", a.Status, a.Reason, then.status, then.reason)
				}
				if then.status == vault.StatusExpired {
					k.wantAsked(2)
				}
				close(dead)
				if err := k.shared.Drain(t.Context()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// An end that has nothing to do with a lost answer has its own name, also when an earlier attempt was
// refused for now.
func TestEndAfterOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newLifeKit(t, "", broker.Schedule{})
		target := k.account("ada", time.Minute)
		time.Sleep(time.Hour)
		k.provider.says(func(n int, _ asked) reply {
			if n == 1 {
				return reply{status: http.StatusServiceUnavailable}
			}
			return refusedGrant
		})
		k.tend(time.Hour)
		k.wantAccount(target, vault.StatusExpired, "invalid_grant", 1)
	})
}

// a refresh token that rotates is not spent while the vault takes no writes.
func TestNotSpentWithoutIntent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newLifeKit(t, "", broker.Schedule{})
		target := k.account("ada", time.Minute)
		time.Sleep(time.Hour)
		k.store.onWrite(vault.KindRefresh, func(func() error) error { return vault.ErrFull })
		_, err := k.broker.Credential(t.Context(), target)
		wantCode(t, err, broker.CodeVaultUnavailable)
		k.tend(time.Minute)
		k.wantAsked(0)
		k.store.onWrite("", nil)
		k.tend(time.Minute)
		k.wantAccount(target, vault.StatusActive, "", 2)
	})
}
