package demo

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// printer writes the demo's text and remembers it, to be searched in the end.
type printer struct {
	w      io.Writer
	colour bool
	seen   bytes.Buffer
}

func newPrinter(w io.Writer, colour bool) *printer { return &printer{w: w, colour: colour} }

// The colours of the demo, as ANSI codes.
const (
	bold  = "1"
	dim   = "2"
	green = "32"
	cyan  = "36"
)

func (p *printer) paint(code, text string) string {
	if !p.colour {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (p *printer) line(text string) {
	p.seen.WriteString(text + "\n")
	fmt.Fprintln(p.w, text) // a reader who has gone hears nothing more
}

func (p *printer) heading(n int, text string) {
	p.line("")
	p.line(p.paint(bold, fmt.Sprintf("%d. %s", n, text)))
	p.line("")
}

// say writes plain words.
func (p *printer) say(format string, args ...any) { p.line("   " + fmt.Sprintf(format, args...)) }

// show writes what goes over the wire.
func (p *printer) show(format string, args ...any) {
	for line := range strings.SplitSeq(fmt.Sprintf(format, args...), "\n") {
		p.line("     " + p.paint(cyan, line))
	}
}

// note writes what is beside the point.
func (p *printer) note(format string, args ...any) {
	p.line("   " + p.paint(dim, fmt.Sprintf(format, args...)))
}

// checked writes what has been checked.
func (p *printer) checked(format string, args ...any) {
	p.line("   " + p.paint(green, "✓ "+fmt.Sprintf(format, args...)))
}
