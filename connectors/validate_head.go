package connectors

import (
	"net/url"
	"time"
)

// head checks what a file says about itself.
func (v *validator) head() {
	c := v.c
	if c.Schema != SchemaVersion {
		v.fail("schema", "must be %d", SchemaVersion)
	}
	if !connectorName.MatchString(c.Name) {
		v.fail("name", "must be 1 to 63 lower-case letters, digits, '-' and '_', and begin with a letter or digit")
	}
	if c.Title == "" {
		v.fail("title", "is required")
	}
	if c.Docs != "" && !absolute(c.Docs) {
		v.fail("docs", "must be an absolute https URL")
	}
	for i, name := range c.Categories {
		if !connectorName.MatchString(name) {
			v.fail(index("categories", i), "must be lower-case letters, digits, '-' and '_'")
		}
	}
	v.texts("notes", c.Notes)
	v.texts("setup", c.Setup)
	v.tested()
}

func (v *validator) texts(path string, texts []string) {
	for i, text := range texts {
		if text == "" {
			v.fail(index(path, i), "must not be empty")
		}
	}
}

func (v *validator) tested() {
	t := v.c.Tested
	v.optional("tested.how", t.How, TestedDocumentation, TestedAccount, TestedEmulator, Unverified)
	_, err := time.Parse(time.DateOnly, t.Date)
	switch {
	case t.How == "" && t.Date != "":
		v.fail("tested.how", "is required")
	case t.How == Unverified && t.Date != "":
		v.fail("tested.date", "must be left out: nothing was checked")
	case t.How != "" && t.How != Unverified && err != nil:
		v.fail("tested.date", "must be a day, such as 2006-01-02")
	}
}

func absolute(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Scheme == "https" && u.Host != ""
}
