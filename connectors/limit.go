package connectors

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	retryAfterHeader = "Retry-After"
	// maxLimitText is how much of a text in a body is looked at.
	maxLimitText = 4 << 10
)

// Limit tells whether an answer says that the provider limits requests, and how long to wait: 0 when that is not
// said or is over already, and never more than MaxWait. It reads nothing but what it is given. body is called once
// at most, and only if it matters; it returns the whole body if that is JSON. It may be nil, if there is none at hand.
func (r *Rate) Limit(status int, header http.Header, body func() []byte, now time.Time) (wait time.Duration, limited bool) {
	if !r.mayBe(status) {
		return 0, false
	}
	l := r.look(status, header, body, now)
	if !l.said {
		return 0, false
	}
	return min(l.wait, r.longest()), true
}

// Limits is the first half of Limit.
func (r *Rate) Limits(status int, header http.Header, body func() []byte) bool {
	return r.mayBe(status) && r.look(status, header, body, time.Time{}).said
}

// RetryAfter is how long an answer asks to wait in the header Retry-After, in seconds or until a date (RFC 9110
// section 10.2.3), at most limit; zero when it does not.
func RetryAfter(h http.Header, now time.Time, limit time.Duration) time.Duration {
	wait, _ := readWait(leftSeconds, h.Get(retryAfterHeader), now)
	return min(max(wait, 0), limit)
}

// mayBe tells whether a status can mean a limit. Most answers are done with here.
func (r *Rate) mayBe(status int) bool {
	return status == http.StatusTooManyRequests || len(r.Statuses) > 0 && slices.Contains(r.Statuses, status)
}

func (r *Rate) longest() time.Duration {
	if r.MaxWait > 0 {
		return time.Duration(r.MaxWait)
	}
	return defaultMaxWait
}

// limitSaid collects what an answer says of a limit.
type limitSaid struct {
	now  time.Time
	said bool
	wait time.Duration
}

// until notes a time in the answer, if it is one.
func (l *limitSaid) until(as, text string) (ok bool) {
	wait, ok := readWait(as, text, l.now)
	if ok {
		l.wait = max(l.wait, wait)
	}
	return ok
}

func (r *Rate) look(status int, header http.Header, body func() []byte, now time.Time) *limitSaid {
	l := &limitSaid{now: now, said: status == http.StatusTooManyRequests}
	if status >= http.StatusBadRequest { // else it is a success, be it the last one
		r.lookAtHeader(l, header)
	}
	if len(r.Body) == 0 || body == nil {
		return l
	}
	text := body()
	for i := range r.Body {
		r.Body[i].look(l, text)
	}
	return l
}

func (r *Rate) lookAtHeader(l *limitSaid, header http.Header) {
	own := false // Retry-After is written in another way
	for _, w := range r.Windows {
		own = own || strings.EqualFold(w.Reset, retryAfterHeader)
		if w.Remaining != "" {
			if !exhausted(header.Get(w.Remaining)) {
				continue
			}
			l.said = true
		}
		if w.Reset != "" {
			l.until(w.As, header.Get(w.Reset))
		}
	}
	if !own && l.until(leftSeconds, header.Get(retryAfterHeader)) {
		l.said = true
	}
	for _, name := range r.RetryAfter {
		if l.until(leftSeconds, header.Get(name)) {
			l.said = true
		}
	}
}

// exhausted tells whether a header says that nothing remains.
func exhausted(value string) bool {
	left, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	return err == nil && left <= 0
}

// look looks for the text in a whole JSON body.
func (t *LimitText) look(l *limitSaid, body []byte) {
	text, ok := member(body, t.Path)
	if !ok || len(text) > maxLimitText {
		return
	}
	re, err := searched(t.Pattern).compile()
	if err != nil {
		return
	}
	found := re.FindStringSubmatch(text)
	if found == nil {
		return
	}
	l.said = true
	if len(found) > 1 {
		l.until(t.As, found[1])
	}
}

// searched is a pattern that matches somewhere in a text, unlike that of an [Input].
type searched string

func (s searched) compile() (*regexp.Regexp, error) {
	if found, ok := patterns.Load(s); ok {
		return found.(*regexp.Regexp), nil
	}
	compiled, err := regexp.Compile(string(s))
	if err == nil && patternCount.Add(1) <= maxPatterns {
		patterns.Store(s, compiled)
	}
	return compiled, err
}

// longestWait is more than any that is believed, and short enough to reckon with.
const longestWait = 1000 * time.Hour

// readWait is how long it is until a time that is written in one of the ways of [Window].As; false if it is not one.
// A time that has passed is less than zero.
func readWait(as, text string, now time.Time) (time.Duration, bool) {
	text = strings.TrimSpace(text)
	switch as {
	case leftMillis:
		return number(text, time.Millisecond)
	case leftDuration:
		wait, err := time.ParseDuration(text)
		return wait, err == nil
	case endSeconds:
		return since(text, time.Second, now)
	case endMillis:
		return since(text, time.Millisecond, now)
	case endDate:
		at, err := time.Parse(time.RFC3339, text)
		return at.Sub(now), err == nil
	}
	if at, err := http.ParseTime(text); err == nil {
		return at.Sub(now), true
	}
	return number(text, time.Second)
}

// number reads a number of units, with a fraction if need be; one that is absurd becomes longestWait.
func number(text string, unit time.Duration) (time.Duration, bool) {
	if strings.Trim(text, "0123456789.") != "" {
		return 0, false // a sign, an exponent, a name
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, false
	}
	return time.Duration(min(n*float64(unit), float64(longestWait))), true
}

// since reads a Unix time in units.
func since(text string, unit time.Duration, now time.Time) (time.Duration, bool) {
	if strings.Trim(text, "0123456789.") != "" {
		return 0, false
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, false
	}
	left := n*unit.Seconds() - float64(now.UnixMilli())/1000
	return time.Duration(min(max(left, -1), longestWait.Seconds()) * float64(time.Second)), true
}
