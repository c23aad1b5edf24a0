package declared

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
)

// Limit is one way in which the provider says that it limits requests.
type Limit struct {
	// Name tells it from others.
	Name string
	// Status is that of the answer.
	Status int
	// Wait is how long it says that it takes; zero when it does not say.
	Wait time.Duration

	exhausted []int // windows with nothing left
	header    string
	text      *connectors.LimitText
}

// The times that limits last. Those of what does not count are longer.
const (
	shortLimit = 6 * time.Minute
	limitStep  = 20 * time.Second
	noLimit    = 9 * time.Minute
)

// Limits are the ways in which the provider limits requests, each of which says enough.
func (p *Provider) Limits() (all []Limit) {
	r := p.connector.Rate
	add := func(l Limit) {
		l.Name = strings.TrimSpace(strconv.Itoa(l.Status) + " " + l.Name)
		all = append(all, l)
	}
	for _, status := range append([]int{http.StatusTooManyRequests}, r.Statuses...) {
		if status >= 400 {
			p.headerLimits(status, add)
		}
		for i, t := range r.Body {
			l := Limit{Name: "body " + t.Path, Status: status, text: &r.Body[i]}
			if strings.Contains(groupText(t.Pattern), groupMark) {
				l.Wait = shortLimit + time.Minute
			}
			add(l)
		}
	}
	return all
}

// headerLimits adds those that a header says.
func (p *Provider) headerLimits(status int, add func(Limit)) {
	r := p.connector.Rate
	plain := status == http.StatusTooManyRequests
	var counted []int
	var last time.Duration
	for i, w := range r.Windows {
		if w.Remaining == "" {
			continue
		}
		l := Limit{Name: "window " + w.Remaining, Status: status, exhausted: []int{i}}
		if w.Reset != "" {
			l.Wait = p.windowEnd(i)
			last = max(last, l.Wait)
		}
		counted = append(counted, i)
		add(l)
	}
	if len(counted) > 1 {
		add(Limit{Name: "windows", Status: status, exhausted: counted, Wait: last})
	}
	for i, w := range r.Windows {
		if w.Remaining == "" && plain {
			add(Limit{Name: "reset " + w.Reset, Status: status, exhausted: []int{i}, Wait: p.windowEnd(i)})
		}
	}
	names := append([]string{}, r.RetryAfter...)
	if !p.writesRetryAfter() {
		names = append(names, "Retry-After")
	}
	for _, name := range names {
		add(Limit{Name: name, Status: status, header: name, Wait: shortLimit + 2*time.Minute})
	}
}

// writesRetryAfter tells whether a window has Retry-After for a time of its own.
func (p *Provider) writesRetryAfter() bool {
	for _, w := range p.connector.Rate.Windows {
		if strings.EqualFold(w.Reset, "Retry-After") {
			return true
		}
	}
	return false
}

// windowEnd is how long a window lasts that is exhausted. Windows with one header for their ends have one end.
func (p *Provider) windowEnd(i int) time.Duration {
	all := p.connector.Rate.Windows
	first := slices.IndexFunc(all, func(w connectors.Window) bool { return strings.EqualFold(w.Reset, all[i].Reset) })
	return shortLimit + time.Duration(first%8)*limitStep
}

// Limit answers all requests with a credential, and all calls for tokens, like that from now on; nil is the end of it.
func (p *Provider) Limit(l *Limit) { p.change(func() { p.limit = l }) }

// limited is the answer that says so.
func (p *Provider) limited() *answer {
	l, doc := p.limit, document{}
	if l.text != nil {
		text := groupText(l.text.Pattern)
		doc.set(l.text.Path, strings.ReplaceAll(text, groupMark, p.written(l.text.As, l.Wait)))
	} else {
		doc.set("error", "too many requests")
	}
	a := doc.answerJSON(l.Status)
	if l.header != "" {
		a.header.Set(l.header, p.written("", l.Wait))
	}
	for i, w := range p.connector.Rate.Windows {
		if !slices.Contains(l.exhausted, i) && w.Remaining != "" {
			p.writeWindow(a.header, w, "17", noLimit)
		}
	}
	for _, i := range l.exhausted { // last, because several may have one header for their ends
		p.writeWindow(a.header, p.connector.Rate.Windows[i], "0", p.windowEnd(i))
	}
	return a
}

// writeWindow says how much is left in a window, and when it ends.
func (p *Provider) writeWindow(h http.Header, w connectors.Window, left string, end time.Duration) {
	if w.Remaining != "" {
		h.Set(w.Remaining, left)
	}
	if w.Reset != "" {
		h.Set(w.Reset, p.written(w.As, end))
	}
}

// written is the end of a wait in the way that is declared.
func (p *Provider) written(as string, wait time.Duration) string {
	end := p.now().Add(wait)
	switch cmp.Or(as, "in_s") {
	case "in_ms":
		return strconv.FormatInt(wait.Milliseconds(), 10)
	case "duration":
		return wait.String()
	case "at_s":
		return strconv.FormatInt(end.Unix(), 10)
	case "at_ms":
		return strconv.FormatInt(end.UnixMilli(), 10)
	case "rfc3339":
		return end.UTC().Format(time.RFC3339)
	}
	return strconv.FormatFloat(wait.Seconds(), 'f', -1, 64)
}
