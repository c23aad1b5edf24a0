package consent

import (
	"context"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/vault"
)

// maxTries is how often the provider is asked about what is typed into the form of one link.
const maxTries = 10

// form asks the user of a link for the account inputs that did not come with it.
type form struct {
	heldForm
	// settled are the inputs that came with the link, and inputs those that are asked for.
	settled vault.Secrets
	inputs  []connectors.Input
}

// formOf is the form of a link; nil if its user has nothing to fill in. An account that needs no consent always has
// one: it is what the user agrees with. Inputs that do not fit the connection are an error.
func formOf(c *connection.Connection, l vault.Link, done *heldForm) (*form, error) {
	fm := &form{settled: maps.Clone(l.Inputs)}
	if done != nil {
		fm.heldForm = *done
	}
	for _, name := range fm.Typed {
		delete(fm.settled, name)
	}
	missing, err := c.Lacks(fm.settled)
	if err != nil {
		return nil, err
	}
	k := c.Connector()
	if len(missing) == 0 && k.Mode.NeedsUser() {
		return nil, nil
	}
	for _, name := range missing { // what is blank is not there
		delete(fm.settled, name)
	}
	asked := connectors.Asked(k.Account, shown(k.Account, fm.settled))
	for _, in := range k.Account {
		_, is := fm.settled[in.Name]
		open := in.VisibleWhen == nil || fm.asks(in.VisibleWhen.Input) ||
			slices.ContainsFunc(asked, func(a connectors.Input) bool { return a.Name == in.Name })
		if !is && open {
			fm.inputs = append(fm.inputs, in)
		}
	}
	return fm, nil
}

// asks tells whether the form has a field for that input.
func (fm *form) asks(name string) bool {
	return slices.ContainsFunc(fm.inputs, func(in connectors.Input) bool { return in.Name == name })
}

// read returns what was typed in; false if it was not sent by this form.
func (fm *form) read(sent url.Values) (map[string]string, bool) {
	for name, values := range sent {
		if !fm.asks(name) || len(values) != 1 {
			return nil, false
		}
	}
	typed := map[string]string{}
	for _, in := range fm.inputs {
		value := strings.TrimSpace(sent.Get(in.Name))
		if in.Multiline { // browsers write line breaks as CRLF
			value = strings.TrimRight(strings.ReplaceAll(sent.Get(in.Name), "\r\n", "\n"), "\n")
		}
		if value != "" {
			typed[in.Name] = value
		}
	}
	return typed, true
}

// check returns what is used of what was typed in, which is that of the inputs that are asked for then, and what is
// wrong, by the names of the inputs.
func (fm *form) check(k *connectors.Connector, typed map[string]string) (used, wrong map[string]string) {
	used, wrong = map[string]string{}, map[string]string{}
	given := shown(k.Account, fm.settled)
	maps.Copy(given, typed)
	lacks := connectors.Lacks(k.Account, given)
	for _, in := range connectors.Asked(k.Account, given) {
		value, is := typed[in.Name]
		switch {
		case !fm.asks(in.Name):
		case slices.Contains(lacks, in.Name):
			wrong[in.Name] = missingText(in)
		case is:
			if _, err := in.Clean(value); err != nil { // it is written for operators
				wrong[in.Name] = wrongText(in)
			}
			used[in.Name] = value
		}
	}
	return used, wrong
}

// startForm leads to the form. The state of an earlier start is dead.
func (f *Flow) startForm(ctx context.Context, j *journey) (Start, error) {
	l := &j.link
	if l.Status == vault.LinkOpen {
		l.Expires = f.now().Add(formTime)
	}
	l.Status, l.State, l.Verifier, l.RedirectURI = vault.LinkStarted, vault.Secret{}, vault.Secret{}, ""
	if err := j.keepForm(); err != nil {
		return Start{}, f.vaultFailed(err)
	}
	return f.started(ctx, j, f.formURL(*l))
}

// keepForm puts what has been done with the form into the link.
func (j *journey) keepForm() error {
	h := held{Wanted: j.wanted, Form: &j.form.heldForm}
	var err error
	j.link.Held, err = h.secret()
	return err
}

// filling is the journey of a browser that is at a form. One that has gone on from there has none.
func (f *Flow) filling(ctx context.Context, id vault.LinkID, p Proof) (*journey, error) {
	l, err := f.vault.FindLink(ctx, p.token)
	switch {
	case err != nil && !errors.Is(err, vault.ErrNotFound):
		return nil, f.vaultFailed(err)
	case err != nil, l.ID != id:
		return nil, refusal(codeNothingToFill)
	case !p.proves(l): // it was started anew in another browser
		return nil, refusal(codeStateUnknown)
	case l.Status != vault.LinkStarted:
		return f.ofLink(l)
	case f.expired(l):
		return nil, refusal(codeLinkExpired)
	}
	j, err := f.journey(l)
	if err == nil && j.form == nil {
		return nil, refusal(codeNothingToFill)
	}
	return j, err
}

// accept takes over what was typed in, and gives the journey the connection of the account; false if the values do not
// go together.
func (f *Flow) accept(j *journey, used map[string]string) (bool, error) {
	inputs := maps.Clone(j.form.settled)
	if inputs == nil {
		inputs = vault.Secrets{}
	}
	maps.Copy(inputs, vault.NewSecrets(used))
	now, err := f.ofLink(j.link)
	if err != nil {
		return false, err
	}
	own, err := now.connection.For(inputs, nil)
	if err != nil {
		return false, nil
	}
	j.link.Inputs, j.connection = inputs, own
	j.form.Typed, j.form.Values = slices.Sorted(maps.Keys(used)), shown(j.form.inputs, inputs)
	return true, nil
}
