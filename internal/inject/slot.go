package inject

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Slot returns the slot of a request: the wanted one, or else the first whose paths hold the
// request's path, decoded and without that of the base. The empty slot is none of them: {token}. A
// wanted slot that there is not is ErrUnknownSlot.
func (p *Plan) Slot(path, wanted string) (string, error) {
	for i := range p.slots {
		s := &p.slots[i]
		if wanted == s.slot || wanted == "" && slices.ContainsFunc(s.paths, func(prefix string) bool { return under(path, prefix) }) {
			return s.slot, nil
		}
	}
	if wanted != "" {
		return "", p.unknownSlot()
	}
	return "", nil
}

// under tells whether a path is prefix or lies under it.
func under(path, prefix string) bool {
	rest, ok := strings.CutPrefix(path, prefix)
	return ok && (rest == "" || rest[0] == '/')
}

func (p *Plan) unknownSlot() error {
	if len(p.slots) == 0 {
		return fmt.Errorf("%w: it has none", ErrUnknownSlot)
	}
	var names []string
	for _, s := range p.slots {
		names = append(names, s.slot)
	}
	return fmt.Errorf("%w: it has %s", ErrUnknownSlot, strings.Join(names, ", "))
}

// ApplySlot is [Prepared.Apply] for a request of a slot: {token} stands for the slot's token, and
// the slot's own injections are done too. With an error, ErrUnknownSlot or one of [Plan.Prepare], it
// leaves r as it was.
func (c *Prepared) ApplySlot(r *http.Request, slot string) error {
	own, err := c.of(slot)
	if err != nil {
		return err
	}
	own.Apply(r)
	return nil
}

// of returns what requests of a slot get.
func (c *Prepared) of(slot string) (*Prepared, error) {
	if slot == "" {
		return c, nil
	}
	for i := range c.route.plan.slots {
		if c.route.plan.slots[i].slot == slot {
			one := &c.more.slots[i]
			return &one.prepared, one.err
		}
	}
	return nil, c.route.plan.unknownSlot()
}
