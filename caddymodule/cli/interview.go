package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/claviger-proxy/claviger/connectors"
)

// interview makes a connector of answers. An answer that is not good is asked for again, with what is wrong
// with it; where nobody sits at a terminal it is the end. After an error all else does nothing.
type interview struct {
	ctx      context.Context
	call     *call
	in       *bufio.Reader
	terminal bool
	k        *connectors.Connector
	err      error
}

func newInterview(ctx context.Context, c *call) *interview {
	return &interview{ctx: ctx, call: c, in: bufio.NewReader(io.LimitReader(os.Stdin, 1<<20)), terminal: atTerminal()}
}

// setter puts an answer into a connector.
type setter func(k *connectors.Connector, text string) error

// ask asks for the value at a path of the file. usual is taken for an empty answer.
func (i *interview) ask(path, question, usual string, set setter) {
	for i.err == nil {
		text := i.line(question, usual)
		if i.err != nil {
			return
		}
		err := i.try(path, text, set)
		if err == nil {
			return
		}
		if !i.terminal {
			i.err = failed("answer_invalid", fmt.Sprintf("the answer %.100q is not good for %s: %v", text, path, err), "give another one on that line")
			return
		}
		fmt.Fprintln(i.call.err, "  That cannot be: "+err.Error())
	}
}

// try sets a value, unless the connector is not valid there with it.
func (i *interview) try(path, text string, set setter) error {
	next := *i.k
	if err := set(&next, text); err != nil {
		return err
	}
	for _, e := range connectors.Mistakes(next.Validate()) {
		rest, under := strings.CutPrefix(e.Path, path)
		if under && (rest == "" || strings.ContainsAny(rest[:1], ".[")) {
			return errors.New(strings.TrimSpace(strings.TrimPrefix(rest, ".") + " " + e.Message))
		}
	}
	*i.k = next
	return nil
}

// template asks for a URL that must be given.
func (i *interview) template(path, question string, of func(*connectors.Connector) *connectors.Template) {
	i.ask(path, question, "", func(k *connectors.Connector, text string) error {
		t, err := connectors.ParseTemplate(text)
		*of(k) = t
		if err == nil && text == "" {
			err = errors.New("it is needed")
		}
		return err
	})
}

// choice is one of several answers.
type choice struct{ name, text string }

// choose asks for one of the choices, by its name or its number.
func (i *interview) choose(question, usual string, choices []choice) string {
	for n, c := range choices {
		question += fmt.Sprintf("\n  %d %-8s %s", n+1, c.name, c.text)
	}
	chosen := ""
	i.ask("-", question+"\n", usual, func(_ *connectors.Connector, text string) error {
		n := slices.IndexFunc(choices, func(c choice) bool { return c.name == text })
		if n < 0 && len(text) == 1 {
			n = int(text[0]) - '1'
		}
		if n < 0 || n >= len(choices) {
			return fmt.Errorf("choose one of 1 to %d", len(choices))
		}
		chosen = choices[n].name
		return nil
	})
	return chosen
}

// line reads one answer.
func (i *interview) line(question, usual string) string {
	if i.terminal {
		if usual != "" {
			question = strings.TrimSuffix(question, "\n") + " [" + usual + "]"
		}
		fmt.Fprint(i.call.err, question+": ")
	}
	text, err := awaited(i.ctx, func() (string, error) { return i.in.ReadString('\n') })
	switch {
	case i.ctx.Err() != nil:
		fmt.Fprintln(i.call.err)
		i.err = i.ctx.Err()
	case err != nil && text == "":
		i.err = failed("answers_ended", "the answers ended at: "+firstLine(question), "give one more line, or run the command on a terminal")
	}
	if text = strings.TrimSpace(text); text == "" {
		text = usual
	}
	return text
}

func firstLine(text string) string {
	text, _, _ = strings.Cut(text, "\n")
	return text
}

// done is the connector, if it is one.
func (i *interview) done() (*connectors.Connector, error) {
	if i.err != nil {
		return nil, i.err
	}
	if err := i.k.Validate(); err != nil {
		return nil, failed("connector_invalid", "the answers make no connector: "+err.Error(), "begin anew, or write the file by hand")
	}
	return i.k, nil
}
