package connectors_test

import (
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/connectors"
)

const pagedYAML = `
schema: 1
name: paged
title: Paged
auth:
  - id: oauth
    title: Sign in
    authorize: {url: "https://login.example.com/authorize"}
    token: {url: "https://login.example.com/token", client_auth: post}
    discover:
      - {path: /sites, id: id, into: site}
      - {path: /shops, id: id, into: shop, paginate: {style: page, param: page, first: 0}}
      - {path: /plans, id: id, into: plan, paginate: none}
  - id: key
    title: Key
    mode: static
    account: [{name: key, secret: true}]
    inject: [{in: header, name: X-Key, template: "{account.key}"}]
api: {base_url: "https://api.example.com"}
paginate: link
`

// What a list says of itself goes before what the connector says of all lists.
func TestPaging(t *testing.T) {
	c, _ := decode(t, pagedYAML).Way("oauth")
	for i, want := range []connectors.PageStyle{connectors.PageLink, connectors.PageNumber, ""} {
		how := c.Paging(c.Discover[i].Paginate)
		if (how == nil) != (want == "") || how != nil && how.Style != want {
			t.Errorf("list %d goes on by %+v, want %q", i, how, want)
		}
	}
	if got := c.Discover[1].Paginate.Begin(); got != 0 {
		t.Errorf("the first page is %d", got)
	}
	for style, want := range map[connectors.PageStyle]int{connectors.PageNumber: 1, connectors.PageOffset: 0} {
		if got := (&connectors.Paginate{Style: style}).Begin(); got != want {
			t.Errorf("%s begins with %d, want %d", style, got, want)
		}
	}
	if (&connectors.Connector{}).Paging(nil) != nil {
		t.Error("a connector that says nothing has lists of several pages")
	}
}

// What holds for all ways is wrong where it stands, and once.
func TestPaginateOfWays(t *testing.T) {
	for text, want := range map[string]string{
		"paginate: nonsense":                           "x.yaml:20: paginate.style: ",
		"paginate: {style: cursor, next: a, param: b}": "x.yaml:11: auth[0].discover[0].paginate: needs items",
	} {
		_, err := connectors.Decode("x.yaml", []byte(strings.Replace(pagedYAML, "paginate: link", text, 1)))
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// A variant may have its lists go on otherwise, or not at all.
func TestPaginateOfVariants(t *testing.T) {
	catalog := (*connectors.Catalog)(nil).With(decode(t, pagedYAML))
	for text, want := range map[string]connectors.PageStyle{
		"": connectors.PageLink, "paginate: none": "", "without: [paginate]": "", "paginate: {style: offset, param: skip}": connectors.PageOffset,
	} {
		c, err := catalog.Decode("other.yaml", []byte("schema: 1\nname: other\nextends: paged\n"+text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if how := c.Paging(nil); (how == nil) != (want == "") || how != nil && how.Style != want {
			t.Errorf("%s: lists go on by %+v, want %q", text, how, want)
		}
	}
}
