package cli

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"
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
	if c.json || !atTerminal() || !onTerminal(c.err) {
		return failed("not_confirmed", "this must be agreed to, and there is nobody to ask", "add --yes if that is what you want")
	}
	fmt.Fprintf(c.err, "%s [y/N] ", question)
	line, _ := awaited(ctx, func() (string, error) { return bufio.NewReader(os.Stdin).ReadString('\n') })
	if ctx.Err() != nil {
		fmt.Fprintln(c.err)
	}
	if line = strings.ToLower(strings.TrimSpace(line)); line == "y" || line == "yes" {
		return nil
	}
	return failed("not_confirmed", "nothing was done", "")
}
