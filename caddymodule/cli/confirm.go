package cli

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"
)

// confirm asks on the terminal whether to go on, after the text. yes is the flag --yes. Without a
// terminal nobody can be asked, and the flag is needed.
func confirm(ctx context.Context, c *call, yes bool, text, question string) error {
	if text != "" && !c.json {
		fmt.Fprintln(c.err, text)
	}
	if yes {
		return nil
	}
	if c.json || !term.IsTerminal(int(os.Stdin.Fd())) || !onTerminal(c.err) {
		return failed("not_confirmed", "this must be agreed to, and there is nobody to ask", "add --yes if that is what you want")
	}
	fmt.Fprintf(c.err, "%s [y/N] ", question)
	answer := make(chan string, 1)
	go func() { // ends with the line, or with the process
		line, _ := bufio.NewReader(os.Stdin).ReadString('\n')
		answer <- line
	}()
	select {
	case line := <-answer:
		if line = strings.ToLower(strings.TrimSpace(line)); line == "y" || line == "yes" {
			return nil
		}
	case <-ctx.Done():
		fmt.Fprintln(c.err)
	}
	return failed("not_confirmed", "nothing was done", "")
}
