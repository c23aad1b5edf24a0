package declared

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
)

// drift is how long ago the one who asks may have looked at the clock.
const drift = 5 * time.Second

var (
	randomCall = regexp.MustCompile(`\Arandom\("([0-9]+)"\)\z`)
	volatile   = regexp.MustCompile(`\b(now|random|uuid)\(`)
	chance     = regexp.MustCompile(`\b(random|uuid)\(`)
)

// piece is a part of a template: text, or an expression without its braces.
type piece struct{ text, expression string }

// pieces takes a template apart. It has been parsed before, so it is well-formed.
func pieces(text string) (list []piece) {
	var literal strings.Builder
	for text != "" {
		switch {
		case strings.HasPrefix(text, "{{"), strings.HasPrefix(text, "}}"):
			literal.WriteByte(text[0])
			text = text[2:]
		case text[0] == '{':
			end := closing(text)
			list = append(list, piece{text: literal.String()}, piece{expression: text[1:end]})
			literal.Reset()
			text = text[end+1:]
		default:
			literal.WriteByte(text[0])
			text = text[1:]
		}
	}
	return append(list, piece{text: literal.String()})
}

// closing is where the brace is that closes the first one. One in quotes does not.
func closing(text string) int {
	quoted := false
	for i := range len(text) {
		switch {
		case text[i] == '"':
			quoted = !quoted
		case text[i] == '}' && !quoted:
			return i
		}
	}
	return len(text) - 1
}

// fits tells whether text is what a template gives for the values. Of what is made by chance, and of what
// is signed by the one who asks, the form is checked, and that it is new.
func (p *Provider) fits(t connectors.Template, text string, values connectors.Values) error {
	return p.fitsWith(t, text, values, connectors.Template.ExpandAt)
}

// expander is how a template is filled: [connectors.Template.ExpandAt], or one that escapes.
type expander func(connectors.Template, connectors.Values, time.Time) (string, error)

func (p *Provider) fitsWith(t connectors.Template, text string, values connectors.Values, expand expander) error {
	if !t.Volatile() && !p.signed(t) {
		want, err := expand(t, values, p.now())
		if err == nil && want != text {
			err = fmt.Errorf("is %q and not %q", text, want)
		}
		return err
	}
	var err error
	for ago := -time.Second; ago <= drift; ago += time.Second {
		var holes []hole
		if holes, err = p.holes(t, text, values, p.now().Add(-ago), expand); err == nil {
			return p.fill(holes)
		}
	}
	return err
}

// signed tells whether a template names what is signed by the one who asks.
func (p *Provider) signed(t connectors.Template) bool {
	for _, piece := range pieces(t.String()) {
		if p.isAssertion(piece.expression) {
			return true
		}
	}
	return false
}

func (p *Provider) isAssertion(name string) bool {
	return name == "assertion" || name == "token" && p.connector.Mode == connectors.ModeJWT
}

// hole is a place of a template whose text this side does not know beforehand.
type hole struct{ expression, text string }

// holes finds out what stands in the places that are not known, if everything else is as it should be.
func (p *Provider) holes(t connectors.Template, text string, values connectors.Values, at time.Time, expand expander) ([]hole, error) {
	pattern := `\A`
	var names []string
	for _, piece := range pieces(t.String()) {
		switch e := piece.expression; {
		case e == "":
			pattern += regexp.QuoteMeta(piece.text)
		case p.isAssertion(e):
			pattern, names = pattern+`([\w-]+\.[\w-]+\.[\w-]+)`, append(names, e)
		case chance.MatchString(e), e == `now("unix_ms")`:
			pattern, names = pattern+`(.+?)`, append(names, e)
		default:
			one, err := connectors.ParseTemplate("{" + e + "}")
			if err != nil {
				return nil, err
			}
			want, err := expand(one, values, at)
			if err != nil {
				return nil, err
			}
			pattern += regexp.QuoteMeta(want)
		}
	}
	found := regexp.MustCompile(`(?s)` + pattern + `\z`).FindStringSubmatch(text)
	if found == nil {
		return nil, fmt.Errorf("is %q and not as %s", text, t)
	}
	var holes []hole
	for i, name := range names {
		holes = append(holes, hole{name, found[i+1]})
	}
	return holes, nil
}

// fill checks what stands in the holes.
func (p *Provider) fill(holes []hole) error {
	for _, h := range holes {
		var err error
		switch n := randomCall.FindStringSubmatch(h.expression); {
		case p.isAssertion(h.expression):
			p.shown = h.text
			err = p.verify(p.connector.Assertion, h.text, p.values)
		case h.expression == `now("unix_ms")`:
			ms, bad := strconv.ParseInt(h.text, 10, 64)
			if ago := p.now().Sub(time.UnixMilli(ms)); bad != nil || ago < -time.Second || ago > drift {
				err = fmt.Errorf("is %q and not the time in milliseconds", h.text)
			}
		case n != nil:
			size, _ := strconv.Atoi(n[1])
			err = p.isNew(h.text, fmt.Sprintf(`[\w-]{%d}`, (size*8+5)/6))
		case h.expression == "uuid()":
			err = p.isNew(h.text, `[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`)
		case volatile.MatchString(h.expression): // made of something random: it cannot be made here as well
			err = p.isNew(h.text, `.+`)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

var errNotNew = errors.New("has something random in it that was there before")

// isNew tells whether a text has that form, and has not been seen before.
func (p *Provider) isNew(text, form string) error {
	if !regexp.MustCompile(`\A(?:` + form + `)\z`).MatchString(text) {
		return fmt.Errorf("%q is not of the form %s", text, form)
	}
	if earlier, seen := p.fresh[text]; seen && earlier != p.calls {
		return errNotNew
	}
	p.fresh[text] = p.calls
	return nil
}

// leftOut tells whether a template names an input that may have no value, and has none.
func (p *Provider) leftOut(t connectors.Template) bool {
	for _, name := range t.Names() {
		if p.optional(name) && p.values[name] == "" {
			return true
		}
	}
	return false
}

func (p *Provider) optional(name string) bool {
	for _, list := range []struct {
		prefix string
		inputs []connectors.Input
		given  map[string]string
	}{{"app.", p.connector.App, p.client.App}, {"account.", p.connector.Account, p.client.Account}} {
		for _, in := range list.inputs {
			if name == list.prefix+in.Name {
				return in.Optional || !asks(list.inputs, in, list.given)
			}
		}
	}
	return false
}
