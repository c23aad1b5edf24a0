package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/connectors"
)

// inputFlags are the flags that give the values of a connector's inputs: as they are, from files, and from
// environment variables.
type inputFlags struct {
	// name is that of the flag for values as they are; the others' begin with it.
	name                string
	values, files, envs []string
}

func (i *inputFlags) add(f *pflag.FlagSet, name, what string) {
	i.name = name
	f.StringArrayVar(&i.values, name, nil, "value of one of "+what+", as name=value; may be repeated")
	f.StringArrayVar(&i.files, name+"-file", nil, "file with a value, as name=FILE; - is standard input")
	f.StringArrayVar(&i.envs, name+"-env", nil, "environment variable with a value, as name=VARIABLE")
}

func (i *inputFlags) given() bool { return len(i.values)+len(i.files)+len(i.envs) > 0 }

// stdin tells whether a value comes from standard input.
func (i *inputFlags) stdin() bool {
	return slices.ContainsFunc(i.files, func(text string) bool { return strings.HasSuffix(text, "=-") })
}

// read returns the values for the inputs. On a terminal it asks for those that are missing, if ask says so;
// else whoever gets the values finds out. Names that no input has are for them too.
func (i *inputFlags) read(ctx context.Context, c *call, inputs []client.Input, ask bool) (map[string]string, error) {
	sources, err := i.sources(inputs)
	if err != nil {
		return nil, err
	}
	values := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(sources)) {
		if values[name], err = sources[name](ctx); err != nil {
			return nil, err
		}
	}
	for _, in := range inputs {
		if _, ok := values[in.Name]; ok || !ask || !in.Required || !isAsked(in, inputs, values) || !atTerminal() {
			continue
		}
		if values[in.Name], err = i.question(ctx, c, in); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// isAsked tells whether an input is asked for with the values that are there.
func isAsked(in client.Input, inputs []client.Input, values map[string]string) bool {
	w := in.VisibleWhen
	if w == nil {
		return true
	}
	other := inputNamed(inputs, w.Input)
	value, err := rules(other).Clean(cmp.Or(values[w.Input], other.Default))
	return err == nil && slices.Contains(w.In, value)
}

// rules are what the value of an input has to be like.
func rules(in client.Input) connectors.Input {
	return connectors.Input{Name: in.Name, Pattern: in.Pattern, Enum: in.Enum, Prefix: in.Prefix, Suffix: in.Suffix, Normalize: in.Normalize}
}

// sources are where the values come from that were given, by name.
func (i *inputFlags) sources(inputs []client.Input) (map[string]func(context.Context) (string, error), error) {
	found := map[string]func(context.Context) (string, error){}
	stdin := false
	for _, list := range []struct {
		flag, form string
		texts      []string
		source     func(text string) secretSource
	}{
		{"--" + i.name, "name=value", i.values, nil},
		{"--" + i.name + "-file", "name=FILE", i.files, func(text string) secretSource { return secretSource{file: text} }},
		{"--" + i.name + "-env", "name=VARIABLE", i.envs, func(text string) secretSource { return secretSource{env: text} }},
	} {
		for _, text := range list.texts {
			name, value, ok := strings.Cut(text, "=")
			if !ok || name == "" || value == "" && list.source != nil {
				return nil, usage("what %s has is not %s", list.flag, list.form) // it may be a secret
			}
			in := inputNamed(inputs, name)
			switch {
			case found[name] != nil:
				return nil, usage("the value of %s is given twice", name)
			case list.source == nil && in.Secret:
				return nil, usage("%s is a secret, and other users of this machine can read the command line: give --%s-file %s=FILE (- is standard input) or --%s-env %s=VARIABLE",
					name, i.name, name, i.name, name)
			case list.source == nil:
				found[name] = func(context.Context) (string, error) { return value, nil }
				continue
			}
			source := list.source(value)
			if source.file == "-" && stdin {
				return nil, usage("standard input can be one value only")
			}
			stdin = stdin || source.file == "-"
			found[name] = func(ctx context.Context) (string, error) { return inputText(ctx, in, name, source) }
		}
	}
	return found, nil
}

func inputNamed(inputs []client.Input, name string) client.Input {
	for _, in := range inputs {
		if in.Name == name {
			return in
		}
	}
	return client.Input{}
}

// inputText reads a value without the line break at its end.
func inputText(ctx context.Context, in client.Input, name string, source secretSource) (string, error) {
	text, err := source.text(ctx, "input", "the value of "+name)
	if err != nil {
		return "", err
	}
	if text = strings.TrimRight(text, "\r\n"); !in.Multiline {
		text = strings.TrimSpace(text)
	}
	if text == "" {
		return "", emptySecret("input", "the value of "+name)
	}
	return text, nil
}

// question asks for a value on the terminal.
func (i *inputFlags) question(ctx context.Context, c *call, in client.Input) (string, error) {
	if in.Multiline {
		return "", usage("%s has several lines: give --%s-file %s=FILE (- is standard input)", in.Name, i.name, in.Name)
	}
	if about := strings.TrimSpace(in.Description + " " + in.Help); about != "" {
		fmt.Fprintln(c.err, clean(about))
	}
	label := in.Name
	if in.Title != "" {
		label = in.Title
	}
	var hints []string
	if in.Secret {
		hints = append(hints, "not shown")
	}
	if len(in.Enum) > 0 {
		hints = append(hints, strings.Join(in.Enum, " or "))
	}
	if in.Example != "" {
		hints = append(hints, "for example "+in.Example)
	}
	if len(hints) > 0 {
		label += " (" + strings.Join(hints, "; ") + ")"
	}
	if in.Secret {
		text, err := hidden(ctx, c, clean(label)+": ")
		return strings.TrimSpace(text), err
	}
	fmt.Fprintf(c.err, "%s: ", clean(label))
	text, err := awaited(ctx, func() (string, error) { return readLine(os.Stdin) })
	if ctx.Err() != nil {
		fmt.Fprintln(c.err)
	}
	return strings.TrimSpace(text), err
}

// readLine reads one line and nothing after it, which the next question is to get.
func readLine(r io.Reader) (string, error) {
	var line []byte
	for one := make([]byte, 1); len(line) < maxSecret; {
		n, err := r.Read(one)
		if n > 0 && one[0] == '\n' {
			break
		}
		line = append(line, one[:n]...)
		if err == io.EOF {
			break
		}
		if err != nil {
			return "", err
		}
	}
	return string(line), nil
}
