package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/claviger-proxy/claviger/internal/broker"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/internal/problem"
	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/seal"
)

// Codes that no lower package has. Those of requests that never reach a record are the API's own.
const (
	CodeRoute           = "route_not_found"
	CodeMethod          = "method_not_allowed"
	CodeBrowser         = "browser_not_allowed"
	CodeContentType     = "content_type_not_supported"
	CodeBodyTooLarge    = "body_too_large"
	CodeBody            = "body_invalid"
	CodeFieldUnknown    = "field_unknown"
	CodeField           = "field_invalid"
	CodeParameter       = "parameter_invalid"
	CodeParamUnknown    = "parameter_unknown"
	CodeSecretEmpty     = "client_secret_empty"
	CodeNotFound        = "record_not_found"
	CodeExists          = "record_exists"
	CodeConflict        = "record_changed"
	CodeCanceled        = "request_canceled"
	CodeTimeout         = "request_timeout"
	CodeInternal        = "internal_error"
	CodeVaultFull       = "vault_full"
	CodeClock           = "clock_wrong"
	CodeKeyUnknown      = "key_unknown"
	CodeKeyInUse        = "key_in_use"
	CodeKeysetFull      = "keyset_full"
	CodeKeyUnavailable  = "key_unavailable"
	CodePaused          = "reseal_paused"
	CodeAccountConflict = "account_tag_conflict" // a request names two accounts; for the data plane
)

// statusCanceled is what nobody reads: the caller has gone.
const statusCanceled = 499

// outcome is what a code looks like on the wire.
type outcome struct {
	status int
	// next is said when the error itself does not say what to do.
	next string
	// retry is sent when the error itself does not know better.
	retry time.Duration
}

// outcomes has every code that [Problem] can answer with.
var outcomes = map[string]outcome{
	CodeRoute:        {status: http.StatusNotFound, next: "see docs/reference/admin-api.md for the routes"},
	CodeMethod:       {status: http.StatusMethodNotAllowed, next: "use one of the methods in the Allow header"},
	CodeBrowser:      {status: http.StatusForbidden, next: "call from a program, not from a page of another site"},
	CodeContentType:  {status: http.StatusUnsupportedMediaType, next: "send the body as JSON with Content-Type: application/json"},
	CodeBodyTooLarge: {status: http.StatusRequestEntityTooLarge, next: "send less at once"},
	CodeBody:         {status: http.StatusBadRequest, next: "send one JSON object"},
	CodeFieldUnknown: {status: http.StatusBadRequest},
	CodeField:        {status: http.StatusBadRequest},
	CodeParameter:    {status: http.StatusBadRequest},
	CodeParamUnknown: {status: http.StatusBadRequest},
	CodeSecretEmpty:  {status: http.StatusBadRequest, next: "check that the variable is set, or the file exists and is readable, where the server runs"},
	CodeNotFound:     {status: http.StatusNotFound},
	CodeExists:       {status: http.StatusConflict},
	CodeConflict:     {status: http.StatusConflict, next: "read it again and repeat the request"},
	CodePrecondition: {status: http.StatusPreconditionFailed, next: "read it again, and repeat the request with its ETag"},
	CodeKeyInvalid:   {status: http.StatusBadRequest, next: "send a random text, such as a UUID"},
	CodeKeyReused:    {status: http.StatusUnprocessableEntity, next: "use a new key for each request that is meant anew"},
	CodeInProgress:   {status: http.StatusConflict, next: "wait for the answer, and send it again", retry: time.Second},
	CodeCanceled:     {status: statusCanceled},
	CodeTimeout:      {status: http.StatusGatewayTimeout, next: "try again", retry: time.Second},
	CodeInternal:     {status: http.StatusInternalServerError, next: "look for the request ID in the log"},

	CodeVaultFull:      {status: http.StatusInsufficientStorage, next: "make room on the vault's disk", retry: 30 * time.Second},
	CodeClock:          {status: http.StatusServiceUnavailable, next: "set the clock of the host; nothing is lost", retry: 30 * time.Second},
	CodeKeyUnknown:     {status: http.StatusNotFound, next: "`claviger vault keys list` shows them"},
	CodeKeyInUse:       {status: http.StatusConflict, next: "`claviger vault status` tells how far re-sealing has come"},
	CodeKeysetFull:     {status: http.StatusConflict, next: "retire keys that nothing is sealed under: `claviger vault keys list`"},
	CodeKeyUnavailable: {status: http.StatusServiceUnavailable, next: "check `key` in the configuration; the log says what is wrong with it", retry: 30 * time.Second},
	CodePaused:         {status: http.StatusConflict, next: "`claviger vault reseal` goes on"},

	string(broker.CodeRefInvalid):        {status: http.StatusBadRequest},
	string(broker.CodeRefMissing):        {status: http.StatusBadRequest},
	CodeAccountConflict:                  {status: http.StatusBadRequest, next: "name the account in one place only"},
	string(broker.CodeAmbiguous):         {status: http.StatusConflict},
	string(broker.CodeNotFound):          {status: http.StatusNotFound},
	string(broker.CodeConnection):        {status: http.StatusServiceUnavailable},
	string(broker.CodeConsentRequired):   {status: http.StatusConflict},
	string(broker.CodeExpired):           {status: http.StatusConflict},
	string(broker.CodeDisconnected):      {status: http.StatusConflict},
	string(broker.CodeUnverified):        {status: http.StatusConflict},
	string(broker.CodeNotExposed):        {status: http.StatusForbidden},
	string(broker.CodeBaseUnknown):       {status: http.StatusBadRequest},
	string(broker.CodeSlotUnknown):       {status: http.StatusBadRequest},
	string(broker.CodeRefreshFailed):     {status: http.StatusBadGateway, retry: 2 * time.Second},
	string(broker.CodeClientRejected):    {status: http.StatusBadGateway},
	string(broker.CodeClientUnknown):     {status: http.StatusServiceUnavailable},
	string(broker.CodeVaultUnavailable):  {status: http.StatusServiceUnavailable, next: "run `claviger doctor` on the host", retry: 5 * time.Second},
	string(broker.CodeCredentialDamaged): {status: http.StatusInternalServerError, next: "connect the user again; `claviger doctor` says more"},

	CodeWebhookNotFound: {status: http.StatusNotFound, next: "`claviger webhooks list` shows them"},
	CodeWebhookExists:   {status: http.StatusConflict, next: "choose another name, or delete that webhook first"},
	CodeWebhookReadOnly: {status: http.StatusConflict},
	CodeWebhookDisabled: {status: http.StatusConflict, next: "enable it first: `claviger webhooks enable NAME`"},

	connection.CodeNotFound:          {status: http.StatusNotFound},
	connection.CodeUnknownConnector:  {status: http.StatusNotFound},
	connection.CodeInvalidConnector:  {status: http.StatusUnprocessableEntity, next: "`claviger connectors lint FILE` says more; docs/reference/connector-file.md has all keys"},
	connection.CodeConnectorExists:   {status: http.StatusConflict, next: "replace it with PUT, or `claviger connectors add FILE --replace`"},
	connection.CodeConnectorBuiltin:  {status: http.StatusConflict, next: "give it another name; or say replace_builtin when you add it, `claviger connectors add FILE --replace`"},
	connection.CodeConnectorReadOnly: {status: http.StatusConflict},
	connection.CodeConnectorInUse:    {status: http.StatusConflict},
	connection.CodeConnectorBreaks:   {status: http.StatusConflict, next: "see docs/reference/connector-file.md, \"Changing a connector\""},
	connection.CodeExists:            {status: http.StatusConflict, next: "choose another name, or delete that connection first"},
	connection.CodeInvalidName:       {status: http.StatusBadRequest},
	connection.CodeInvalidConnection: {status: http.StatusBadRequest, next: "`claviger connectors show` lists what the connector needs"},
	connection.CodeInvalidInputs:     {status: http.StatusUnprocessableEntity, next: "`claviger connectors show` lists what each account needs"},
	connection.CodeReadOnly:          {status: http.StatusConflict},
	connection.CodeHasAccounts:       {status: http.StatusConflict},
	connection.CodeConnectorChanged:  {status: http.StatusConflict},
	connection.CodeAppNotFound:       {status: http.StatusNotFound, next: "`claviger apps list` shows them"},
	connection.CodeAppExists:         {status: http.StatusConflict, next: "change that one: `claviger apps update`"},
	connection.CodeInvalidApp:        {status: http.StatusBadRequest, next: "`claviger connectors show` lists what the connector needs"},
	connection.CodeAppReadOnly:       {status: http.StatusConflict},
	connection.CodeAppInUse:          {status: http.StatusConflict},
	connection.CodeInvalidClient:     {status: http.StatusBadRequest},
	connection.CodeClientNotFound:    {status: http.StatusNotFound, next: "the connection, or the app, tells which ones it has"},
	connection.CodeClientInUse:       {status: http.StatusConflict},
	connection.CodeClientsFull:       {status: http.StatusConflict},
	connection.CodeRegistration:      {status: http.StatusBadGateway, next: "register a client at the provider yourself, and give the connection its client_id; or try again"},
	connection.CodeUnregistrable:     {status: http.StatusConflict},
	connection.CodeNoCallback:        {status: http.StatusConflict},
}

// sentinels are errors that a lower package returns as they are.
var sentinels = []struct {
	err    error
	code   string
	detail string
}{
	{vault.ErrHasAccounts, connection.CodeHasAccounts, "the connection still has accounts"},
	{vault.ErrNotFound, CodeNotFound, "there is no such record"},
	{vault.ErrExists, CodeExists, "there is such a record already"},
	{vault.ErrConflict, CodeConflict, "the record was changed in the meantime"},
	{vault.ErrBadCursor, CodeParameter, "parameter after is not the next of an earlier page of the same list"},
	{vault.ErrInvalid, CodeField, "a value is not of the allowed form"},
	{vault.ErrKeyInUse, CodeKeyInUse, "the key is in use"},
	{vault.ErrDisabled, CodeWebhookDisabled, "the webhook is disabled"},
	{vault.ErrPaused, CodePaused, "re-sealing is paused"},
	{vault.ErrTooLarge, CodeField, "a record would be too large"},
	{vault.ErrFull, CodeVaultFull, "the vault has no room"},
	{vault.ErrClock, CodeClock, "the clock of the host is wrong"},
	{seal.ErrKeysetFull, CodeKeysetFull, "the vault has as many keys as it can have"},
	{seal.ErrUnknownKey, CodeKeyUnavailable, "the configuration has not got the key-encryption key that is needed"},
	{seal.ErrNoKey, CodeKeyUnavailable, "the configuration's key-encryption key is not there"},
	{seal.ErrBadKey, CodeKeyUnavailable, "the configuration's key-encryption key cannot be used"},
	{seal.ErrUnavailable, CodeKeyUnavailable, "the key-encryption key is out of reach"},
	{vault.ErrDamaged, string(broker.CodeCredentialDamaged), "a stored record cannot be opened"},
	{errStore, string(broker.CodeVaultUnavailable), "the vault cannot be read or written"},
	{vault.ErrClosed, string(broker.CodeVaultUnavailable), "the vault is closed"},
	{vault.ErrInUse, string(broker.CodeVaultUnavailable), "the vault is in use by another process"},
	{vault.ErrUnknown, string(broker.CodeVaultUnavailable), "the vault did not answer in time; what was asked for may still happen"},
	{vault.ErrLeased, string(broker.CodeVaultUnavailable), "somebody else is changing this record"},
	{context.Canceled, CodeCanceled, "the caller has gone"},
	{context.DeadlineExceeded, CodeTimeout, "there was not enough time"},
}

// Problem translates an error of any package below into what a caller is told. An error that it
// does not know becomes internal_error, and says nothing of itself: log it. It is never nil unless
// err is.
func Problem(err error) *problem.Problem {
	if err == nil {
		return nil
	}
	var (
		p  *problem.Problem
		be *broker.Error
		ce *connection.Error
	)
	switch {
	case errors.As(err, &p):
		return complete(*p)
	case errors.As(err, &be):
		return ofBroker(be)
	case errors.As(err, &ce):
		return complete(problem.Problem{Code: ce.Code, Detail: oneLine(ce.Message), Mistakes: mistakesOf(ce.Reasons)})
	}
	for _, s := range sentinels {
		if errors.Is(err, s.err) {
			return complete(problem.Problem{Code: s.code, Detail: s.detail})
		}
	}
	return complete(problem.Problem{Code: CodeInternal, Detail: "internal error"})
}

func ofBroker(e *broker.Error) *problem.Problem {
	p := problem.Problem{
		Code: string(e.Code), Detail: oneLine(e.Message), Next: e.Next, Reason: e.Reason, RetryAfter: e.RetryAfter,
		Account: string(e.Account), Connection: e.Connection, Identifier: e.Identifier,
	}
	for _, c := range e.Candidates {
		p.Candidates = append(p.Candidates, problem.Candidate{
			Account: string(c.Account), Connection: c.Connection, Identifier: c.Identifier,
		})
	}
	return complete(p)
}

// oneLine joins the lines of several mistakes in one connection.
func oneLine(s string) string { return strings.ReplaceAll(s, "\n", "; ") }

// complete fills in what the table knows about the code.
func complete(p problem.Problem) *problem.Problem {
	o, ok := outcomes[p.Code]
	if !ok {
		o.status = http.StatusInternalServerError
	}
	if p.Status == 0 {
		p.Status = o.status
	}
	if p.Next == "" {
		p.Next = o.next
	}
	if p.RetryAfter == 0 {
		p.RetryAfter = o.retry
	}
	return &p
}

// refuse is a problem of the request itself.
func refuse(code, detail, next string) *problem.Problem {
	return complete(problem.Problem{Code: code, Detail: detail, Next: next})
}

// errStore marks an error that only the vault's store can explain.
var errStore = errors.New("store")

// stored marks err as one of the vault's, so that one that the table does not know becomes
// vault_unavailable; its cause is for the log.
func stored(err error) error {
	if err == nil || Problem(err).Code != CodeInternal {
		return err
	}
	return fmt.Errorf("%w: %w", errStore, err)
}
