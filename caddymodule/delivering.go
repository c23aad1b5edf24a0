package caddymodule

import (
	"context"
	"time"

	"github.com/claviger-proxy/claviger/internal/webhook"
	"github.com/claviger-proxy/claviger/vault"
)

// delivering sends the events of a vault to its webhooks, by one deliverer for all configurations. The
// zero value is ready for use.
type delivering struct {
	deliverer *webhook.Deliverer
	cancel    context.CancelFunc
	done      chan struct{}
}

// start begins to deliver. What was due when the last process ended is sent now.
func (d *delivering) start(by *webhook.Deliverer) {
	ctx, cancel := context.WithCancel(context.Background())
	d.deliverer, d.cancel, d.done = by, cancel, make(chan struct{})
	go func() { // ends with stop
		defer close(d.done)
		by.Run(ctx)
	}()
}

// wakeUp lets it look for what is due now. Before start there is nobody to wake.
func (d *delivering) wakeUp() {
	if d.deliverer != nil {
		d.deliverer.Wake()
	}
}

// stop ends it and waits for that: what is under way is broken off, and sent again after the next start.
// It may be called without start.
func (d *delivering) stop() {
	if d.cancel != nil {
		d.cancel()
		<-d.done
	}
}

// nameTime bounds what looking for the name of a connection takes.
const nameTime = 5 * time.Second

func (r *runtime) newDeliverer(v *vault.Vault) *webhook.Deliverer {
	return webhook.New(webhook.Options{
		Vault: v, Log: r.log.Named("webhooks"), Observe: observeDelivery,
		ConnectionName: func(id vault.ConnectionID) string {
			ctx, cancel := context.WithTimeout(context.Background(), nameTime)
			defer cancel()
			c, err := v.Connection(ctx, id)
			if err != nil {
				return "" // it is gone
			}
			return c.Name
		},
	})
}
