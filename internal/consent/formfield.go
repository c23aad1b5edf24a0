package consent

import (
	"net/url"
	"strings"

	"github.com/claviger-proxy/claviger/connectors"
)

// filledIn is a form as it is shown.
type filledIn struct {
	// values stand in the fields, but for the secrets among them, and wrong is what is wrong with them by their names.
	values, wrong map[string]string
	// code says why the form is shown again; empty at first.
	code string
}

// field is an input on a form.
type field struct {
	Name, Label, About string
	// Help is the provider's page that tells where the value is found.
	Help string
	// When says with which value of another input it is needed.
	When string
	// Wrong is what is wrong with it.
	Wrong                          string
	Value, Example, Prefix, Suffix string
	Secret, Multiline              bool
	// Required says that it cannot be left empty, whatever the others are; Optional that it always can.
	Required, Optional bool
	Options            []string
	// DescribedBy are the IDs of the elements that say more about it.
	DescribedBy string
}

// fact is an input that came with the link.
type fact struct{ Label, Value string }

func labelOf(in connectors.Input) string {
	if in.Title != "" {
		return in.Title
	}
	return strings.ReplaceAll(in.Name, "_", " ")
}

// fields are those of the form.
func (fm *form) fields(filled filledIn) []field {
	list := make([]field, 0, len(fm.inputs))
	for _, in := range fm.inputs {
		one := field{
			Name: in.Name, Label: labelOf(in), About: in.Description, Wrong: filled.wrong[in.Name],
			Example: in.Example, Prefix: in.Prefix, Suffix: in.Suffix, Secret: in.Secret, Multiline: in.Multiline,
			Required: in.Default == "" && !in.MayLack(), Optional: in.Optional, Options: in.Enum,
		}
		if u, err := url.Parse(in.Help); err == nil && u.Scheme == "https" {
			one.Help = in.Help
		}
		if w := in.VisibleWhen; w != nil && fm.asks(w.Input) {
			one.When = fm.label(w.Input) + " is " + strings.Join(w.Values(), " or ")
		}
		if !in.Secret {
			one.Value = in.Default
			if value, ok := filled.values[in.Name]; ok {
				one.Value = value
			}
		}
		one.DescribedBy = one.describedBy()
		list = append(list, one)
	}
	return list
}

func (fm *form) label(name string) string {
	for _, in := range fm.inputs {
		if in.Name == name {
			return labelOf(in)
		}
	}
	return name
}

// describedBy lists the elements that form.html has for the field.
func (f field) describedBy() string {
	var ids []string
	for part, is := range [...]bool{f.About != "" || f.Help != "", f.When != "", f.Wrong != "", f.Prefix != "" || f.Suffix != ""} {
		if is {
			ids = append(ids, "f-"+f.Name+[...]string{"-about", "-when", "-wrong", "-form"}[part])
		}
	}
	return strings.Join(ids, " ")
}

// facts are the inputs that came with the link, but for the secrets.
func (fm *form) facts(k *connectors.Connector) (list []fact) {
	values := shown(k.Account, fm.settled)
	for _, in := range k.Account {
		if clean, err := in.Clean(values[in.Name]); err == nil && values[in.Name] != "" {
			list = append(list, fact{labelOf(in), in.Prefix + clean + in.Suffix})
		}
	}
	return list
}

// missingText and wrongText say what is to be done about a field.
func missingText(in connectors.Input) string {
	if len(in.Enum) > 0 {
		return "Choose one."
	}
	return "Fill this in."
}

func wrongText(in connectors.Input) string {
	switch {
	case in.Example != "" && !in.Secret:
		return "This does not look right. An example: " + in.Example
	case in.Multiline:
		return "This does not look right. Copy all of it, from the first line to the last one."
	}
	return "This does not look right. Check that nothing was cut off or copied along."
}
