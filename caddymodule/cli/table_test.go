package cli

import (
	"strings"
	"testing"
	"time"
)

func TestTableAlignsColumns(t *testing.T) {
	var b strings.Builder
	table(&b, []string{"NAME", "WHO"}, [][]string{{"a", "Zoë"}, {"longer-name", ""}})
	want := "NAME         WHO\na            Zoë\nlonger-name\n"
	if got := b.String(); got != want {
		t.Errorf("got\n%q, want\n%q", got, want)
	}
}

// Colours change no column, and mark the words that somebody looks for.
func TestTableInColour(t *testing.T) {
	var b strings.Builder
	paintTable(&b, paint, []string{"NAME", "STATUS", "WHO"}, [][]string{{"a", "ACTIVE", "Ada"}, {"b", "unverified 2026", ""}})
	want := "\x1b[1mNAME\x1b[0m  \x1b[1mSTATUS\x1b[0m           \x1b[1mWHO\x1b[0m\n" +
		"a     \x1b[32mACTIVE\x1b[0m           Ada\n" +
		"b     \x1b[33munverified 2026\x1b[0m\n"
	if got := b.String(); got != want {
		t.Errorf("got\n%q, want\n%q", got, want)
	}
}

func TestFactsLeaveOutWhatIsEmpty(t *testing.T) {
	var b strings.Builder
	facts(&b, []fact{{"status", "ACTIVE"}, {"a much longer name", ""}, {"who", "Ada"}})
	want := "status  ACTIVE\nwho     Ada\n"
	if got := b.String(); got != want {
		t.Errorf("got\n%q, want\n%q", got, want)
	}
}

func TestSpan(t *testing.T) {
	for _, test := range []struct {
		d    time.Duration
		want string
	}{
		{time.Millisecond, "1 second"},
		{30 * time.Second, "30 seconds"},
		{59*time.Minute + 59*time.Second, "1 hour"},
		{15*time.Minute - time.Millisecond, "15 minutes"},
		{26 * time.Hour, "1 day"},
		{72 * time.Hour, "3 days"},
	} {
		if got := span(test.d); got != test.want {
			t.Errorf("span(%v): got %q, want %q", test.d, got, test.want)
		}
	}
}

func TestCleanTakesOutWhatSteersTerminals(t *testing.T) {
	if got, want := clean("A\x1b[31mda\n\u009b2J Lovelace"), "A[31mda2J Lovelace"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
