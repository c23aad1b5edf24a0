package fakeprovider

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/net/html"
)

var (
	allowWords = []string{"allow", "approve", "accept", "authorize", "authorise", "grant", "continue", "connect", "agree", "confirm", "yes", "ok", "next", "sign", "login", "log", "submit"}
	denyWords  = []string{"deny", "cancel", "decline", "reject", "refuse", "disallow", "disagree", "no", "not"}
	userWords  = []string{"user", "username", "login", "email", "mail", "identifier", "account"}
)

// A form is what can be filled in and sent.
type form struct {
	action, method string
	fields         []control
	buttons        []control
}

// A control is a field or a button.
type control struct {
	kind, name, value, text, action string
}

// forms reads the forms of the current page that have a button.
func (b *Browser) forms() []form {
	if !strings.HasPrefix(b.page.Header.Get("Content-Type"), "text/html") {
		return nil
	}
	root, err := html.Parse(strings.NewReader(b.page.Body))
	if err != nil {
		return nil
	}
	var list []form
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && n.Data == "form" {
			if f := readForm(n); len(f.buttons) > 0 {
				list = append(list, f)
			}
		}
	}
	return list
}

func readForm(n *html.Node) form {
	f := form{action: attr(n, "action"), method: strings.ToUpper(attr(n, "method"))}
	for c := range n.Descendants() {
		if c.Type != html.ElementNode || has(c, "disabled") {
			continue
		}
		ctl := control{
			kind: strings.ToLower(attr(c, "type")), name: attr(c, "name"), value: attr(c, "value"),
			text: text(c), action: attr(c, "formaction"),
		}
		switch c.Data {
		case "button":
			if ctl.kind == "" || ctl.kind == "submit" {
				f.buttons = append(f.buttons, ctl)
			}
		case "textarea":
			ctl.value = ctl.text
			f.fields = append(f.fields, ctl)
		case "select":
			ctl.value = selected(c)
			f.fields = append(f.fields, ctl)
		case "input":
			f.addInput(ctl, has(c, "checked"))
		}
	}
	return f
}

func (f *form) addInput(c control, checked bool) {
	switch c.kind {
	case "submit", "image":
		f.buttons = append(f.buttons, c)
	case "button", "reset", "file":
	case "checkbox", "radio":
		if c.value == "" {
			c.value = "on"
		}
		if checked {
			f.fields = append(f.fields, c)
		}
	default:
		f.fields = append(f.fields, c)
	}
}

// write puts values into the fields of those names; false if one of them is not there.
func (f form) write(values map[string]string) bool {
	for name, value := range values {
		i := slices.IndexFunc(f.fields, func(c control) bool { return c.name == name })
		if i < 0 {
			return false
		}
		f.fields[i].value = value
	}
	return true
}

// fill returns what the browser sends when the button is pressed. An empty user leaves text fields
// alone.
func (f form) fill(button control, user string) url.Values {
	v := make(url.Values)
	for _, c := range f.fields {
		switch {
		case c.name == "":
			continue
		case user != "" && c.isUser():
			c.value = user
		case user != "" && c.kind == "password":
			c.value = "demo"
		}
		v.Add(c.name, c.value)
	}
	if button.name != "" {
		v.Add(button.name, button.value)
	}
	return v
}

func (f form) actionOf(button control) string {
	if button.action != "" {
		return button.action
	}
	return f.action
}

func (f form) asksForUser() bool {
	return f.method == http.MethodPost && slices.ContainsFunc(f.fields, control.isUser)
}

func (c control) isUser() bool {
	text := c.kind == "" || c.kind == "text" || c.kind == "email"
	return text && (c.kind == "email" || slices.ContainsFunc(words(c.name), oneOf(userWords)))
}

// means tells whether one of the words is in the button's name, value or text.
func (c control) means(list []string) bool {
	return slices.ContainsFunc(words(c.name+" "+c.value+" "+c.text), oneOf(list))
}

// choose picks the form and button to press. To decline, it takes a button that says so where there
// is no user name to fill in, and otherwise goes on like someone who agrees: it prefers a button that
// means yes, and never takes one that means no.
func choose(forms []form, allow bool) (form, control, bool) {
	var fallbackForm form
	var fallback control
	found := false
	for pass := range 2 {
		for _, f := range forms {
			for _, c := range f.buttons {
				no := c.means(denyWords)
				switch {
				case pass == 0 && !allow && no && !f.asksForUser():
					return f, c, true
				case pass == 1 && !no && c.means(allowWords):
					return f, c, true
				case pass == 1 && !no && !found:
					fallbackForm, fallback, found = f, c, true
				}
			}
		}
	}
	return fallbackForm, fallback, found
}

func oneOf(list []string) func(string) bool {
	return func(w string) bool {
		return slices.ContainsFunc(list, func(s string) bool { return strings.EqualFold(s, w) })
	}
}

func words(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) })
}

func selected(n *html.Node) string {
	value, first := "", true
	for c := range n.Descendants() {
		if c.Type == html.ElementNode && c.Data == "option" && (first || has(c, "selected")) {
			value, first = text(c), false
			if has(c, "value") {
				value = attr(c, "value")
			}
		}
	}
	return value
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}

func text(n *html.Node) string {
	var b strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			b.WriteString(c.Data)
		}
	}
	return strings.TrimSpace(b.String())
}
