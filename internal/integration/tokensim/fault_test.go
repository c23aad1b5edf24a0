package tokensim

import (
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"strings"
	"time"
)

// fault is what goes wrong with one call of a token endpoint.
type fault int

const (
	none fault = iota
	unreachable
	limited // 429 with Retry-After
	broken  // 503
	page    // 200 with HTML, as of a login page in between
	hung    // no answer at all
	// In the other cases the provider does what it is asked to, and the answer does not arrive.
	cut
	badGateway // 502 with HTML of a gateway in front
	hungAfter
)

// after tells whether the provider has done what it was asked to.
func (f fault) after() bool { return f >= cut }

// chances are how many of ten thousand calls end so.
var chances = []struct {
	fault
	chance int
}{{unreachable, 30}, {limited, 40}, {broken, 100}, {page, 20}, {hung, 10}, {cut, 40}, {badGateway, 20}, {hungAfter, 5}}

func anyFault(dice *rand.Rand) fault {
	n := dice.IntN(10_000)
	for _, c := range chances {
		if n -= c.chance; n < 0 {
			return c.fault
		}
	}
	return none
}

// outage is a time in which all calls of a token endpoint end in the same way. Some providers have
// forgotten their access tokens when they are back.
type outage struct {
	from, to time.Time
	how      fault
	forgets  bool
}

// outages plans those of one provider, about one a week, of minutes to hours.
func outages(dice *rand.Rand, from, to time.Time) (plan []outage) {
	hows := []fault{unreachable, limited, broken, page, hung}
	for at := from; ; {
		at = at.Add(day/4 + time.Duration(dice.Float64()*float64(13*day)))
		if at.After(to) {
			return plan
		}
		length := 2*time.Minute + time.Duration(dice.Float64()*dice.Float64()*float64(8*time.Hour))
		plan = append(plan, outage{from: at, to: at.Add(length), how: hows[dice.IntN(len(hows))], forgets: dice.IntN(4) == 0})
		at = at.Add(length)
	}
}

var (
	errRefused = errors.New("connection refused")
	errDead    = errors.New("this process has been killed")
)

// dialed tells whoever traces the request how far it has come.
func dialed(r *http.Request, connected bool) {
	t := httptrace.ContextClientTrace(r.Context())
	if t == nil {
		return
	}
	if t.GetConn != nil {
		t.GetConn(r.URL.Host)
	}
	if connected && t.GotConn != nil {
		t.GotConn(httptrace.GotConnInfo{})
	}
}

func pause(r *http.Request, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-r.Context().Done():
		return r.Context().Err()
	}
}

func respond(r *http.Request, status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Request: r,
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
}

// fails is the outcome of a call with that fault, seen from our side.
func (f fault) fails(r *http.Request, dice *rand.Rand) (*http.Response, error) {
	switch f {
	case unreachable:
		return nil, errRefused
	case limited:
		resp := respond(r, http.StatusTooManyRequests, `{"error":"rate_limited"}`)
		resp.Header.Set("Retry-After", strconv.Itoa(1+dice.IntN(60)))
		return resp, nil
	case broken:
		return respond(r, http.StatusServiceUnavailable, ""), nil
	case page:
		return respond(r, http.StatusOK, "<html>Please log in</html>"), nil
	case badGateway:
		return respond(r, http.StatusBadGateway, "<html>Bad gateway</html>"), nil
	case cut:
		return nil, io.ErrUnexpectedEOF
	}
	<-r.Context().Done()
	return nil, r.Context().Err()
}
