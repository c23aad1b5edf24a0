package tokensim

import (
	"math/rand/v2"
	"time"
)

// operator starts our processes, kills them, and stops them in order.
type operator struct {
	*sim
	dice  *rand.Rand
	slots [2]slot
	// The second process of a fleet is wanted until helps, then not until rests.
	helps, rests time.Time
}

// slot is where one process at a time runs.
type slot struct {
	process *process
	last    *life     // of the one that was killed before
	back    time.Time // when the next is started
	kill    time.Time // when the process is killed
}

func (s *sim) operator() *operator {
	return &operator{sim: s, dice: s.dice("operator"), rests: s.begin.Add(3 * time.Hour)}
}

func (o *operator) within(d time.Duration) time.Duration {
	return time.Duration(o.dice.Float64() * float64(d))
}

// stopped tells whether nothing is to run: once, in the middle, all our processes are down for long
// enough that all tokens of hours are dead when they come back.
func (o *operator) stopped(now time.Time) bool {
	from := o.begin.Add(o.length / 2)
	return !now.Before(from) && now.Before(from.Add(13*time.Hour))
}

func (o *operator) look(now time.Time) {
	if now.After(o.rests) {
		o.helps = now.Add(time.Hour + o.within(8*time.Hour))
		o.rests = o.helps.Add(4*time.Hour + o.within(20*time.Hour))
	}
	up := 0
	for i := range o.slots {
		o.turn(i, now, !o.stopped(now) && (i == 0 || now.Before(o.helps)))
		if o.slots[i].process != nil {
			up++
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if up == 0 {
		o.trouble = now.Add(time.Hour)
	}
	if o.stopped(now) {
		o.herd = now.Add(time.Hour)
	}
}

// turn looks at one slot.
func (o *operator) turn(i int, now time.Time, wanted bool) {
	at := &o.slots[i]
	p := at.process
	switch {
	case p == nil && wanted && !now.Before(at.back):
		at.process, at.kill = o.start(), now.Add(o.within(6*time.Hour))
		if at.last != nil {
			at.last.back.Store(now.UnixNano())
		}
	case p == nil:
		return
	case p.dead.Load():
		at.process, at.last, at.back = nil, p.life, now.Add(time.Second+o.within(20*time.Second))
		if o.dice.IntN(8) == 0 {
			at.back = at.back.Add(o.within(30 * time.Minute))
		}
		if o.slots[1-i].process == nil {
			o.store.DropLeases()
		} else {
			p.helped.Store(true)
		}
	case !wanted || now.After(at.kill) && o.dice.IntN(5) == 0:
		at.process, at.back = nil, now.Add(time.Second)
		o.users.Go(p.stop)
	case now.After(at.kill):
		at.kill = now.Add(6 * time.Hour)
		if m := moment(1 + o.dice.IntN(int(anyMoment))); m == anyMoment {
			p.die()
		} else {
			p.anywhere.Store(o.dice.IntN(2) == 0)
			p.kill.Store(int32(m))
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.procs[i] = at.process
}

// finish ends all that runs.
func (o *operator) finish() {
	for _, at := range o.slots {
		if at.process != nil {
			at.process.stop()
		}
	}
}
