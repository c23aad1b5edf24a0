package declared

import (
	"net/http"
	"strings"

	"github.com/claviger-proxy/claviger/connectors"
)

// Labels of the items that the user has.
const (
	OwnLabel   = "The <one> to use & keep"
	otherLabel = "Another one"
	otherID    = "other-item"
)

// listing is what the provider says when it is asked for the items: a list of objects or of texts, or an object
// with a member for each.
func (p *Provider) listing(d connectors.Discover) any {
	own := p.values["captured."+d.Into]
	switch d.ItemsAs {
	case "texts":
		if p.several {
			return []string{otherID, own}
		}
		return []string{own}
	case "map":
		members := document{own: p.member(p.item(d), d, OwnLabel)}
		if p.several {
			members[otherID] = p.member(p.otherItem(d), d, otherLabel)
		}
		return members
	}
	if p.several {
		return list{p.otherItem(d), p.item(d)}
	}
	return list{p.item(d)}
}

// member is an item of a map. One that there is nothing to say of but its name is that name.
func (p *Provider) member(one document, d connectors.Discover, label string) any {
	if d.Label == "" && len(d.Capture) == 0 {
		return label
	}
	return one
}

// otherItem is what the user has beside item. It is good for nothing.
func (p *Provider) otherItem(d connectors.Discover) document {
	other := document{}
	if d.ID != "" {
		other.set(d.ID, otherID)
	}
	for _, name := range sorted(d.Capture) {
		other.set(d.Capture[name], "other-"+strings.ReplaceAll(name, "_", "-"))
	}
	if d.Label != "" {
		other.set(d.Label, otherLabel)
	}
	return other
}

// item is the one thing of its kind that the user has at the provider and uses.
func (p *Provider) item(d connectors.Discover) document {
	one := document{}
	if d.ID != "" {
		one.set(d.ID, p.values["captured."+d.Into])
	}
	for _, name := range sorted(d.Capture) {
		one.set(d.Capture[name], p.values["captured."+name])
	}
	if d.Label != "" {
		one.set(d.Label, OwnLabel)
	}
	return one
}

// list is a JSON list of documents.
type list []document

// answerValue is an answer that is nothing but that value.
func answerValue(v any) *answer {
	a := document{}.answerJSON(http.StatusOK)
	a.body = []byte(text(v))
	return a
}
