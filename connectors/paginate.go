package connectors

import "cmp"

// Paginate is how a list goes on after its first page. In a file it may be Style alone.
type Paginate struct {
	// Style is cursor (the answer has what the next page is asked for with), next_url (it has the next page's
	// URL), link (its header Link has that, RFC 8288), page (pages are counted), offset (items are counted), or
	// none: the list has one page.
	Style PageStyle `yaml:"style"`
	// Next is where the answer has the cursor, or the URL. There is no next page where it has none.
	Next string `yaml:"next,omitempty"`
	// Last is for a cursor that is no part of the answer but of its last item, such as that one's ID: where the
	// item has it. It is in place of Next.
	Last string `yaml:"last,omitempty"`
	// More is where the answer has a boolean that says whether there is another page. Without it a list that
	// is counted, or that Last is for, ends with an empty page.
	More string `yaml:"more,omitempty"`
	// Param gets the cursor, the number of the page, or that of the first item. The first page is asked for
	// without it.
	Param string `yaml:"param,omitempty"`
	// First is the number of the first page, 1 if it is not given, or of the first item, 0 if it is not given.
	First *int `yaml:"first,omitempty"`
	// SizeParam gets Size, which is how many items a page is to have; it is at most what the provider allows.
	SizeParam string `yaml:"size_param,omitempty"`
	Size      int    `yaml:"size,omitempty"`
	// In is where both parameters stand: query (the default), or body. In a JSON body they are paths of members.
	In string `yaml:"in,omitempty"`
}

// PageStyle is how a list goes on.
type PageStyle string

// The values of [PageStyle].
const (
	PageCursor  PageStyle = "cursor"
	PageNextURL PageStyle = "next_url"
	PageLink    PageStyle = "link"
	PageNumber  PageStyle = "page"
	PageOffset  PageStyle = "offset"
	PageNone    PageStyle = "none"
)

// Paging returns how a list goes on that says own of that: nil where it says nothing, and what the connector says
// holds. The result is nil for a list of one page.
func (c *Connector) Paging(own *Paginate) *Paginate {
	if how := cmp.Or(own, c.Paginate); how != nil && how.Style != PageNone {
		return how
	}
	return nil
}

// DiscoverPaging is how the list of one discovery goes on; nil if it has one page, as texts and maps have.
func (c *Connector) DiscoverPaging(d Discover) *Paginate {
	if d.ItemsAs == ItemsTexts || d.ItemsAs == ItemsMap {
		return nil
	}
	return c.Paging(d.Paginate)
}

// InBody tells whether the parameters are members of a JSON body.
func (p *Paginate) InBody() bool { return p.In == "body" }

// Begin is the number of the first page, or of the first item.
func (p *Paginate) Begin() int {
	switch {
	case p.First != nil:
		return *p.First
	case p.Style == PageNumber:
		return 1
	}
	return 0
}
