package api_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/internal/api"
	"github.com/claviger-proxy/claviger/internal/broker"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/internal/problem"
	"github.com/claviger-proxy/claviger/vault"
)

func TestProblem(t *testing.T) {
	tests := []struct {
		name   string
		err    error
		status int
		code   string
		retry  time.Duration
	}{
		{"tag", &broker.Error{Code: broker.CodeRefInvalid}, 400, "account_tag_invalid", 0},
		{"no tag", &broker.Error{Code: broker.CodeRefMissing}, 400, "account_tag_missing", 0},
		{"two tags", &broker.Error{Code: api.CodeAccountConflict}, 400, "account_tag_conflict", 0},
		{"ambiguous", &broker.Error{Code: broker.CodeAmbiguous}, 409, "account_ambiguous", 0},
		{"account", &broker.Error{Code: broker.CodeNotFound}, 404, "account_not_found", 0},
		{"connection gone", &broker.Error{Code: broker.CodeConnection}, 503, "connection_unusable", 0},
		{"consent", &broker.Error{Code: broker.CodeConsentRequired}, 409, "consent_required", 0},
		{"expired", &broker.Error{Code: broker.CodeExpired}, 409, "account_expired", 0},
		{"disconnected", &broker.Error{Code: broker.CodeDisconnected}, 409, "account_disconnected", 0},
		{"unverified", &broker.Error{Code: broker.CodeUnverified}, 409, "account_pending_verification", 0},
		{"not exposed", &broker.Error{Code: broker.CodeNotExposed}, 403, "token_not_exposed", 0},
		{"base", &broker.Error{Code: broker.CodeBaseUnknown}, 400, "base_unknown", 0},
		{"refresh", &broker.Error{Code: broker.CodeRefreshFailed}, 502, "refresh_failed", 2 * time.Second},
		{"refresh, told when", &broker.Error{Code: broker.CodeRefreshFailed, RetryAfter: time.Minute}, 502, "refresh_failed", time.Minute},
		{"client", &broker.Error{Code: broker.CodeClientRejected}, 502, "oauth_client_rejected", 0},
		{"vault", &broker.Error{Code: broker.CodeVaultUnavailable}, 503, "vault_unavailable", 5 * time.Second},
		{"damaged", &broker.Error{Code: broker.CodeCredentialDamaged}, 500, "credential_damaged", 0},
		{"connection", &connection.Error{Code: connection.CodeNotFound}, 404, "connection_not_found", 0},
		{"connection by the broker", &broker.Error{Code: connection.CodeNotFound}, 404, "connection_not_found", 0},
		{"connection exists", &connection.Error{Code: connection.CodeExists}, 409, "connection_exists", 0},
		{"connection changed", &connection.Error{Code: connection.CodeConnectorChanged}, 409, "connection_connector_changed", 0},
		{"vault not found", fmt.Errorf("account: %w", vault.ErrNotFound), 404, "record_not_found", 0},
		{"vault conflict", fmt.Errorf("account: %w", vault.ErrConflict), 409, "record_changed", 0},
		{"vault exists", vault.ErrExists, 409, "record_exists", 0},
		{"vault has accounts", vault.ErrHasAccounts, 409, "connection_has_accounts", 0},
		{"vault closed", vault.ErrClosed, 503, "vault_unavailable", 5 * time.Second},
		{"vault in use", vault.ErrInUse, 503, "vault_unavailable", 5 * time.Second},
		{"vault leased", vault.ErrLeased, 503, "vault_unavailable", 5 * time.Second},
		{"vault damaged", vault.ErrDamaged, 500, "credential_damaged", 0},
		{"vault invalid", vault.ErrInvalid, 400, "field_invalid", 0},
		{"canceled", fmt.Errorf("reading: %w", context.Canceled), 499, "request_canceled", 0},
		{"late", context.DeadlineExceeded, 504, "request_timeout", time.Second},
		{"unknown", errors.New("canary: password=17"), 500, "internal_error", 0},
		{"unknown code", &connection.Error{Code: "brand_new"}, 500, "brand_new", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, err := range []error{tt.err, fmt.Errorf("doing something: %w", tt.err)} {
				p := api.Problem(err)
				if p.Status != tt.status || p.Code != tt.code || p.RetryAfter != tt.retry {
					t.Errorf("got %d %s after %v, want %d %s after %v", p.Status, p.Code, p.RetryAfter, tt.status, tt.code, tt.retry)
				}
			}
		})
	}
	if p := api.Problem(nil); p != nil {
		t.Errorf("no error gives %+v", p)
	}
	if p := api.Problem(errors.New("canary")); p.Detail != "internal error" {
		t.Errorf("an unknown error says %q", p.Detail)
	}
}

func TestProblemOfBroker(t *testing.T) {
	got := api.Problem(&broker.Error{
		Code: broker.CodeAmbiguous, Message: "several", Next: "name one", Account: "ca_1", Connection: "mail",
		Identifier: "ada", Reason: "r", Candidates: []broker.Candidate{{Account: "ca_2", Connection: "mail", Identifier: "bob"}},
	})
	want := &problem.Problem{
		Status: http.StatusConflict, Code: "account_ambiguous", Detail: "several", Next: "name one", Account: "ca_1",
		Connection: "mail", Identifier: "ada", Reason: "r",
		Candidates: []problem.Candidate{{Account: "ca_2", Connection: "mail", Identifier: "bob"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestProblemIsNotChanged(t *testing.T) {
	shared := &problem.Problem{Status: 418, Code: api.CodeConflict, Detail: "d"}
	got := api.Problem(shared)
	if got.Status != 418 || got.Next == "" || shared.Next != "" {
		t.Errorf("got %+v of %+v; want a completed copy", got, shared)
	}
}
