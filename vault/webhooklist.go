package vault

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"go.uber.org/zap"
)

// hooks is what writes must know of webhooks. It is read without a lock.
type hooks struct {
	list atomic.Pointer[[]hook]
	// mu is held while list is exchanged. changes counts the webhooks that were put or dropped here,
	// damaged are those that could not be read.
	mu      sync.Mutex
	changes uint64
	damaged []string
}

// hook is what a write must know of one webhook.
type hook struct {
	id       WebhookID
	project  string
	types    []EventType
	disabled bool
	version  uint64
}

func hookOf(w Webhook) hook {
	return hook{id: w.ID, project: w.Project, types: slices.Clone(w.Types), disabled: w.Disabled, version: w.Version}
}

// wants tells whether the webhook gets an event.
func (h hook) wants(e Event) bool {
	switch {
	case h.disabled || h.project != e.Project:
		return false
	case len(h.types) == 0:
		return !slices.Contains(frequentTypes, e.Type)
	}
	return slices.Contains(h.types, e.Type)
}

func (s *hooks) all() []hook {
	if list := s.list.Load(); list != nil {
		return *list
	}
	return nil
}

// put notes a webhook that was stored here, unless a later version of it is known.
func (s *hooks) put(w Webhook) {
	s.change(func(list []hook) []hook {
		i := slices.IndexFunc(list, func(h hook) bool { return h.id == w.ID })
		switch {
		case i < 0:
			return append(list, hookOf(w))
		case list[i].version < w.Version:
			list[i] = hookOf(w)
		}
		return list
	})
}

// drop notes that a webhook was deleted here.
func (s *hooks) drop(id WebhookID) {
	s.change(func(list []hook) []hook {
		return slices.DeleteFunc(list, func(h hook) bool { return h.id == id })
	})
}

func (s *hooks) change(f func([]hook) []hook) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changes++
	list := f(slices.Clone(s.all()))
	s.list.Store(&list)
}

// ReloadWebhooks reads which webhooks there are, for other processes of a fleet change them too. Who
// delivers calls it every few seconds: a webhook that was made elsewhere gets the events of this
// process from then on.
func (v *Vault) ReloadWebhooks(ctx context.Context) error {
	for {
		v.hooks.mu.Lock()
		seen := v.hooks.changes
		v.hooks.mu.Unlock()
		list, damaged, err := v.readHooks(ctx)
		if err != nil {
			return fmt.Errorf("reading webhooks: %w", err)
		}
		v.hooks.mu.Lock()
		same := seen == v.hooks.changes
		known := slices.Equal(damaged, v.hooks.damaged)
		if same {
			v.hooks.list.Store(&list)
			v.hooks.damaged = damaged
		}
		v.hooks.mu.Unlock()
		if !same {
			continue
		}
		if !known {
			v.log.Error("damaged webhooks get no events", zap.Strings("webhooks", damaged))
		}
		return nil
	}
}

func (v *Vault) readHooks(ctx context.Context) (list []hook, damaged []string, err error) {
	after := Cursor{}
	for {
		entries, err := v.store.Scan(ctx, indexWebhookName, "", after, maxLimit)
		if err != nil {
			return nil, nil, err
		}
		for _, e := range entries {
			after = e.Cursor
			w, err := v.openWebhook(ctx, e.Record)
			if errors.Is(err, ErrDamaged) {
				damaged = append(damaged, e.Record.ID)
				continue
			}
			if err != nil {
				return nil, nil, err
			}
			list = append(list, hookOf(w))
		}
		if len(entries) < maxLimit {
			return list, damaged, nil
		}
	}
}
