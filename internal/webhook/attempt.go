package webhook

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/vault"
)

// Codes of what was not delivered.
const (
	CodeTimeout     = "timeout"           // no answer in time
	CodeUnreachable = "unreachable"       // no such host, or nobody listens there
	CodeForbidden   = "forbidden_address" // the host has an address that nothing is sent to
	CodeTLS         = "tls"               // the certificate is not good, or it does not speak TLS
	CodeNoAnswer    = "no_answer"         // the connection was closed, or there was something else than HTTP
	CodeRedirect    = "redirect"          // a status from 300 to 399
	CodeGone        = "gone"              // 410: the webhook is disabled
	CodeStatus      = "status"            // any other status

	// These were not sent, and are not tried again.
	CodeEndpointDisabled = "endpoint_disabled"
	CodeEndpointGone     = "endpoint_gone" // the webhook was deleted
	CodeEventGone        = "event_gone"    // the user was forgotten, or the event is damaged
)

// Reasons why a webhook was disabled.
const (
	ReasonGone    = "gone"    // it has answered 410
	ReasonFailing = "failing" // a delivery was given up, and nothing could be delivered for three days
)

// failingTime is how long a webhook may fail without any success before a delivery that is given up
// disables it.
const failingTime = 3 * 24 * time.Hour

// handle deals with one delivery that is due. When that is an error it is still to be dealt with.
func (d *Deliverer) handle(ctx context.Context, due vault.Delivery) error {
	// Longer than an attempt and its note can take.
	release, err := d.vault.LeaseDelivery(ctx, due.ID, d.timeout+2*noteTime)
	if err != nil {
		return fmt.Errorf("leasing %s: %w", due.ID, err)
	}
	defer release()
	now, err := d.vault.Delivery(ctx, due.ID)
	if err == nil && now.Version == due.Version {
		err = d.attempt(ctx, due)
	}
	switch {
	case errors.Is(err, vault.ErrNotFound), errors.Is(err, vault.ErrConflict):
		return nil // somebody has dealt with it, or deleted it
	case err != nil:
		return fmt.Errorf("delivering %s: %w", due.ID, err)
	}
	return nil
}

// attempt tries to deliver, and writes down how that has ended.
func (d *Deliverer) attempt(ctx context.Context, due vault.Delivery) error {
	start := time.Now()
	a, err := d.try(ctx, due)
	if err != nil {
		return err
	}
	took := time.Since(start)
	note, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteTime)
	defer cancel()
	noted, disabled, err := d.vault.NoteDelivery(note, due, a)
	if err != nil {
		return err
	}
	d.tell(noted, disabled)
	d.observe(Result{Delivery: due.ID, Webhook: due.WebhookID, Code: a.Code, HTTPStatus: a.HTTPStatus, Took: took})
	return nil
}

// try sends a delivery. It is an error when nobody can tell how that has ended, and when the webhook's
// record is damaged: it may be restored, and its deliveries are as good as before.
func (d *Deliverer) try(ctx context.Context, due vault.Delivery) (vault.Attempt, error) {
	w, err := d.vault.Webhook(ctx, due.WebhookID)
	switch {
	case errors.Is(err, vault.ErrNotFound):
		return vault.Attempt{Unsent: true, Code: CodeEndpointGone}, nil
	case err != nil:
		return vault.Attempt{}, err
	case w.Disabled:
		return vault.Attempt{Unsent: true, Code: CodeEndpointDisabled}, nil
	}
	e, err := d.vault.Event(ctx, due.EventID)
	if errors.Is(err, vault.ErrNotFound) || errors.Is(err, vault.ErrDamaged) {
		return vault.Attempt{Unsent: true, Code: CodeEventGone}, nil
	}
	if err != nil {
		return vault.Attempt{}, err
	}
	a, err := d.send(ctx, w, e)
	if err != nil {
		return vault.Attempt{}, err
	}
	if ctx.Err() != nil && a.code != "" {
		return vault.Attempt{}, ctx.Err() // we have broken it off
	}
	return a.judge(due.Attempts+1, d.now()), nil
}

// judge says what becomes of a delivery after that many attempts.
func (a answer) judge(attempts int, now time.Time) vault.Attempt {
	j := vault.Attempt{Delivered: a.code == "", HTTPStatus: a.status, Code: a.code}
	switch a.code {
	case "":
	case CodeGone:
		j.Disable = ReasonGone
	default:
		wait, more := retryIn(attempts)
		if more {
			j.NextAt = now.Add(max(wait, a.retryAfter))
			break
		}
		// Only now: between two failures of a quiet webhook there may be days in which nothing was tried.
		j.Disable, j.FailingFor = ReasonFailing, failingTime
	}
	return j
}

// tell writes to the log how an attempt has ended.
func (d *Deliverer) tell(n vault.Delivery, disabled bool) {
	fields := []zap.Field{
		zap.String("webhook", string(n.WebhookID)), zap.String("event", string(n.EventID)), zap.String("delivery", string(n.ID)),
		zap.Int("attempts", n.Attempts), zap.Int("status", n.LastStatus), zap.String("code", n.LastError),
	}
	switch n.Status {
	case vault.DeliveryDelivered:
		d.log.Debug("delivered an event", fields...)
	case vault.DeliveryPending:
		d.log.Info("an event could not be delivered and is tried again", append(fields, zap.Time("next", n.NextAt))...)
	case vault.DeliveryFailed:
		d.log.Warn("an event was not delivered, and will not be", fields...)
	}
	if disabled {
		d.log.Warn("a webhook was disabled", zap.String("webhook", string(n.WebhookID)), zap.String("code", n.LastError))
	}
}
