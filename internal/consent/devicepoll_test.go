package consent_test

import (
	"io"
	"slices"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/internal/consent"
	"github.com/claviger-proxy/claviger/vault"
)

// After each answer the next poll comes no sooner than RFC 8628 section 3.5 wants.
func TestDeviceWaits(t *testing.T) {
	const s1 = time.Second
	trouble := reply{status: 503}
	tests := []struct {
		name  string
		polls []reply
		want  []time.Duration
	}{
		{"pending", []reply{pending, pending, consents}, []time.Duration{5 * s1, 5 * s1, 5 * s1}},
		{"slower, for good", []reply{slower, slower, pending, consents}, []time.Duration{5 * s1, 10 * s1, 15 * s1, 15 * s1}},
		{"trouble doubles, until an answer", []reply{trouble, trouble, pending, consents}, []time.Duration{5 * s1, 10 * s1, 20 * s1, 5 * s1}},
		{"out of reach", []reply{{err: io.EOF}, {err: io.EOF}, consents}, []time.Duration{5 * s1, 10 * s1, 20 * s1}},
		{
			"trouble for long",
			[]reply{trouble, trouble, trouble, trouble, trouble, consents},
			[]time.Duration{5 * s1, 10 * s1, 20 * s1, 40 * s1, 60 * s1, 60 * s1},
		},
		{"told when", []reply{{status: 429, retryAfter: "90"}, pending, consents}, []time.Duration{5 * s1, 90 * s1, 5 * s1}},
		{"told too soon", []reply{{status: 429, retryAfter: "1"}, consents}, []time.Duration{5 * s1, 10 * s1}},
		{"slower after trouble", []reply{trouble, slower, consents}, []time.Duration{5 * s1, 10 * s1, 10 * s1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			onScreen(t, func(t *testing.T, s *screen) {
				defer s.tend(s.flow)()
				s.polls = tt.polls
				begun := time.Now()
				if l := s.after(s.begin(), 9*time.Minute); l.Status != vault.LinkUsed {
					t.Errorf("the link is %s %s", l.Status, l.Outcome)
				}
				s.wantWaits(begun, tt.want...)
			})
		})
	}
}

func TestDeviceEnds(t *testing.T) {
	tests := []struct {
		name string
		poll reply
		code string
	}{
		{"denied", refuses("access_denied"), "access_denied"},
		{"expired", refuses("expired_token"), "link_expired"},
		{"unknown code", refuses("invalid_grant"), "exchange_failed"},
		{"client", refuses("invalid_client"), "oauth_client_rejected"},
		{"no token", reply{body: `{"canary":1}`}, "exchange_failed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			onScreen(t, func(t *testing.T, s *screen) {
				defer s.tend(s.flow)()
				s.polls = []reply{pending, tt.poll, consents}
				s.wantOver(s.after(s.begin(), time.Minute), tt.code)
				if len(s.polled) != 2 {
					t.Errorf("polled %d times", len(s.polled))
				}
			})
		})
	}
}

// The user has until the end, and a moment more.
func TestDeviceExpires(t *testing.T) {
	onScreen(t, func(t *testing.T, s *screen) {
		defer s.tend(s.flow)()
		d := s.begin()
		if l := s.after(d, 10*time.Minute-time.Second); l.Status != vault.LinkPolled {
			t.Errorf("before the end the link is %s", l.Status)
		}
		s.wantOver(s.after(d, 6*time.Second), "link_expired")
		n := len(s.polled)
		if s.after(d, time.Hour); len(s.polled) != n {
			t.Error("polled after the end")
		}
	})
}

// Another process goes on, no sooner than the first one would have, and with the interval of the last answer.
func TestDeviceRestart(t *testing.T) {
	onScreen(t, func(t *testing.T, s *screen) {
		stop := s.tend(s.flow)
		s.polls = []reply{pending, slower, pending, consents}
		begun := time.Now()
		d := s.begin()
		time.Sleep(13 * time.Second) // two polls
		stop()
		if l := s.after(d, time.Minute); len(s.polled) != 2 || l.Status != vault.LinkPolled {
			t.Errorf("polled %d times while nobody tends; the link is %s", len(s.polled), l.Status)
		}
		defer s.tend(s.another())()
		if l := s.after(d, time.Minute); l.Status != vault.LinkUsed {
			t.Errorf("the link is %s", l.Status)
		}
		s.wantWaits(begun, 5*time.Second, 5*time.Second, (3+60+10)*time.Second, 10*time.Second)
	})
}

// What another flow has begun is seen when somebody asks for it, and else half a minute later.
func TestDeviceIsFound(t *testing.T) {
	for name, tt := range map[string]struct {
		ask  bool
		poll time.Duration
	}{"asked for": {true, 5 * time.Second}, "not asked for": {false, 35 * time.Second}} {
		t.Run(name, func(t *testing.T) {
			onScreen(t, func(t *testing.T, s *screen) {
				other := s.another()
				defer s.tend(other)()
				time.Sleep(time.Nanosecond)
				begun := time.Now()
				d := s.begin() // nobody tends this flow
				if tt.ask {
					l, err := other.Link(t.Context(), d.Link.ID)
					if err != nil || l.Status != vault.LinkPolled {
						t.Fatalf("the link is %s, %v", l.Status, err)
					}
				}
				s.after(d, 50*time.Second)
				if got := s.waits(begun); len(got) == 0 || got[0].Round(time.Second) != tt.poll {
					t.Errorf("the waits are %v, want the first to be %s", got, tt.poll)
				}
			})
		})
	}
}

// Two flows on one vault ask no more often than one, and connect the account once.
func TestDeviceTwoPollers(t *testing.T) {
	onScreen(t, func(t *testing.T, s *screen) {
		defer s.tend(s.flow)()
		defer s.tend(s.another())()
		s.polls = slices.Repeat([]reply{pending}, 20)
		s.polls = append(s.polls, slower, pending, consents)
		begun := time.Now()
		l := s.after(s.begin(), 9*time.Minute)
		if l.Status != vault.LinkUsed || len(s.connected) != 1 || len(s.polled) != len(s.polls) {
			t.Errorf("the link is %s, connected %d times, polled %d times", l.Status, len(s.connected), len(s.polled))
		}
		for i, wait := range s.waits(begun) {
			if least := map[bool]time.Duration{false: 5 * time.Second, true: 10 * time.Second}[i > 20]; wait < least {
				t.Errorf("poll %d comes %s after the one before, want %s", i, wait, least)
			}
		}
	})
}

// What is being stored when it is stopped is stored all the same; what waits does not hold it up.
func TestDeviceStops(t *testing.T) {
	onScreen(t, func(t *testing.T, s *screen) {
		stop := s.tend(s.flow)
		waiting, polling := s.begin(), make(chan bool)
		s.from(func(path string) {
			if path == "/token" {
				polling <- true
				time.Sleep(3 * time.Second)
			}
		}, consents)
		<-polling
		at := time.Now()
		stop()
		if took := time.Since(at); took != 3*time.Second {
			t.Errorf("stopped after %s", took)
		}
		if l := s.after(waiting, 0); l.Status != vault.LinkUsed {
			t.Errorf("the link is %s", l.Status)
		}
		s.from(nil, consents)
		stop = s.tend(s.flow)
		d, err := s.flow.BeginDevice(t.Context(), consent.Request{Connection: "tv", Identifier: "user_2"})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		at = time.Now()
		stop()
		if took := time.Since(at); took != 0 {
			t.Errorf("a journey that waits took %s to stop", took)
		}
		if l := s.after(d, time.Minute); l.Status != vault.LinkPolled {
			t.Errorf("the other link is %s", l.Status)
		}
	})
}
