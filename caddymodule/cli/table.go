package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"
)

// printJSON is the output of --json.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// whole reads a list to its end. One without items is no null in JSON.
func whole[T any](items iter.Seq2[T, error]) ([]T, error) {
	list := []T{}
	for item, err := range items {
		if err != nil {
			return nil, err
		}
		list = append(list, item)
	}
	return list, nil
}

// table prints rows under a head, each column as wide as its widest cell.
func table(w io.Writer, head []string, rows [][]string) { paintTable(w, painter(w), head, rows) }

func paintTable(w io.Writer, paint func(style, string) string, head []string, rows [][]string) {
	width := make([]int, len(head))
	all := append([][]string{head}, rows...)
	for _, row := range all {
		for i, cell := range row {
			width[i] = max(width[i], utf8.RuneCountInString(cell))
		}
	}
	for n, row := range all {
		var line strings.Builder
		for i, cell := range row {
			if n == 0 {
				line.WriteString(paint(bold, cell))
			} else {
				line.WriteString(paint(colours[firstWord(cell)], cell))
			}
			if i < len(row)-1 {
				line.WriteString(strings.Repeat(" ", width[i]-utf8.RuneCountInString(cell)+2))
			}
		}
		fmt.Fprintln(w, strings.TrimRight(line.String(), " "))
	}
}

// fact is one line of a record; one without a value is left out.
type fact struct{ name, value string }

func facts(w io.Writer, list []fact) {
	width := 0
	for _, f := range list {
		if f.value != "" {
			width = max(width, utf8.RuneCountInString(f.name))
		}
	}
	paint := painter(w)
	for _, f := range list {
		if f.value != "" {
			fmt.Fprintf(w, "%s%s  %s\n", f.name, strings.Repeat(" ", width-utf8.RuneCountInString(f.name)), paint(colours[firstWord(f.value)], f.value))
		}
	}
}

// moment is a time for people: absolute, and how far away it is.
func moment(t, now time.Time) string {
	if t.IsZero() {
		return ""
	}
	away := t.Sub(now)
	text := t.Local().Format("2006-01-02 15:04:05")
	switch {
	case away > 0:
		return text + " (in " + span(away) + ")"
	case away > -time.Second:
		return text + " (now)"
	}
	return text + " (" + span(-away) + " ago)"
}

// span is a duration in its largest unit.
func span(d time.Duration) string {
	for _, u := range []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}} {
		if n := int((d + u.size/10) / u.size); n > 0 && d >= u.size-u.size/10 {
			return plural(n, u.name)
		}
	}
	return plural(int((d+time.Second-1)/time.Second), "second")
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// clean takes control characters out of a provider's or user's text, which could otherwise steer the
// terminal.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || 0x80 <= r && r < 0xa0 {
			return -1
		}
		return r
	}, s)
}

// onTerminal tells whether w is a terminal.
func onTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
