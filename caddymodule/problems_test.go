package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/claviger-proxy/claviger/internal/api"
)

// The log says why a provider cannot be reached, and the caller is not told. What a provider has sent
// is in neither.
func TestUpstreamProblem(t *testing.T) {
	for _, c := range []struct {
		name, code, log string
		err             error
	}{
		{"cut", "provider_bad_answer", "connection reset", &net.OpError{Op: "read", Net: "tcp", Err: errors.New("connection reset by peer")}},
		{"late", "provider_timeout", "", context.DeadlineExceeded},
		{"garbage", "provider_bad_answer", "", errors.New(`malformed HTTP response "canary"`)},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := hopFor(t, "/a")
			err := upstreamProblem(h, c.err)
			if !strings.Contains(err.Error(), c.log) || strings.Contains(err.Error(), "canary") {
				t.Errorf("the log says %q, want %q in it", err, c.log)
			}
			p := api.Problem(err)
			if p.Code != c.code || c.log != "" && strings.Contains(fmt.Sprint(*p), c.log) {
				t.Errorf("got %+v, want code %s and not the cause", *p, c.code)
			}
		})
	}
}

// A caller that hangs up is nobody's failure, whatever error it ends in.
func TestCallerHasGone(t *testing.T) {
	core, logs := observer.New(zap.InfoLevel)
	h, p := &Account{log: zap.New(core)}, hopFor(t, "/a")
	ctx, leave := context.WithCancel(t.Context())
	leave()
	w := httptest.NewRecorder()
	h.fail(w, p.inbound.WithContext(ctx), p, upstreamProblem(p, errors.New("dial tcp: operation was canceled")))
	if w.Code != 499 || logs.Len() != 0 {
		t.Errorf("got status %d and %d log lines, want 499 and none", w.Code, logs.Len())
	}
}
