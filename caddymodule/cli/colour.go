package cli

import (
	"io"
	"os"
	"strings"

	"github.com/claviger-proxy/claviger/client"
)

// style is a way to print text: an SGR parameter (ECMA-48), or nothing.
type style string

const (
	bold   style = "1"
	red    style = "31"
	green  style = "32"
	yellow style = "33"
)

// colours are those of cells that begin with a word that somebody looks for.
var colours = map[string]style{
	client.StatusActive:              green,
	client.StatusExpired:             red,
	client.StatusPendingAuth:         yellow,
	client.StatusPendingVerification: yellow,
	client.StatusDisconnected:        red,
	"unverified":                     yellow,
}

// painter returns what prints text in a style: as it is unless w is a terminal. NO_COLOR switches colours off
// there too (no-color.org), and TERM says whether the terminal has some.
func painter(w io.Writer) func(style, string) string {
	if !onTerminal(w) || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return func(_ style, text string) string { return text }
	}
	return paint
}

func paint(s style, text string) string {
	if s == "" || text == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

func firstWord(text string) string {
	word, _, _ := strings.Cut(text, " ")
	return word
}
