package paging

import (
	"bytes"
	"encoding/json"
	"net/url"
	"reflect"
	"strconv"

	"github.com/claviger-proxy/claviger/connectors"
)

// maxCursor bounds a cursor and a URL.
const maxCursor = 8 << 10

// Walk is one way through a list, page by page. It asks for nothing itself.
type Walk struct {
	how   *connectors.Paginate
	items string
	base  *url.URL

	next Request
	done bool
	// again tells that the provider has said that there is more, and then only named what was there already.
	again bool
	// seen are the cursors and URLs so far, number is that of the next page or item, and last the items of the
	// last page.
	seen   map[string]bool
	number int
	last   []any
	// repeats tells that a numbered page was the one before once more.
	repeats bool
}

// New begins a walk through a list that is at a member path of each answer, the empty one being that of the whole
// answer. A nil how is for a list of one page. URLs have to lie under base.
func New(how *connectors.Paginate, items string, base *url.URL) *Walk {
	w := &Walk{how: how, items: items, base: base, seen: map[string]bool{}}
	if how != nil {
		w.number = how.Begin()
		w.next = w.with("", nil)
	}
	return w
}

// Next is the request for the next page; false if there is none.
func (w *Walk) Next() (Request, bool) { return w.next, !w.done }

// Take takes the answer to the last request, and returns its items. Its errors are [Error]s; the walk cannot go on
// after one.
func (w *Walk) Take(p Page) ([]any, error) {
	w.done = true
	d := json.NewDecoder(bytes.NewReader(p.Body))
	d.UseNumber() // long numbers keep all their digits
	var doc any
	if err := d.Decode(&doc); err != nil {
		return nil, ErrUnreadable
	}
	found := connectors.Find(doc, w.items)
	items, listed := found.([]any)
	if found != nil && !listed {
		return nil, ErrUnreadable
	}
	if w.how != nil {
		if w.same(items) {
			items = nil // a number behind the last page gives that once more, or numbers are not looked at
		}
		if err := w.follow(p, doc, items); err != nil {
			return nil, err
		}
	}
	if !listed && w.done { // some leave an empty list out; what names the next page is no error in disguise
		return nil, ErrUnreadable
	}
	return items, nil
}

// follow decides on the next request.
func (w *Walk) follow(p Page, doc any, items []any) error {
	more, told, err := flag(doc, w.how.More)
	if err != nil || told && !more {
		return err
	}
	switch w.how.Style {
	case connectors.PageCursor:
		err = w.cursor(doc, items, more)
	case connectors.PageNextURL:
		err = w.url(p, connectors.Find(doc, w.how.Next), more)
	case connectors.PageLink:
		err = w.link(p)
	default:
		w.count(items, more)
	}
	w.again = more && w.done
	return err
}

// flag is a boolean of the answer; told says that it is there.
func flag(doc any, path string) (value, told bool, err error) {
	if path == "" {
		return false, false, nil
	}
	switch v := connectors.Find(doc, path).(type) {
	case nil:
		return false, false, nil
	case bool:
		return v, true, nil
	}
	return false, false, ErrMore
}

func (w *Walk) cursor(doc any, items []any, more bool) error {
	var found any
	switch {
	case w.how.Last == "":
		found = connectors.Find(doc, w.how.Next)
	case len(items) > 0:
		if found = connectors.Find(items[len(items)-1], w.how.Last); found == nil {
			return ErrCursor
		}
	}
	text, ok := cursorText(found)
	switch {
	case !ok || len(text) > maxCursor || text == "" && more:
		return ErrCursor
	case text == "":
		return nil
	}
	if w.fresh(text) {
		w.goOn(w.with(text, found))
	}
	return nil
}

// cursorText is a cursor as text. null and false are said instead of none.
func cursorText(v any) (string, bool) {
	switch v := v.(type) {
	case nil:
		return "", true
	case bool:
		return "", !v
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	}
	return "", false
}

// same tells whether a page that was asked for by its number has the items of the one before.
func (w *Walk) same(items []any) bool {
	if w.how.Style != connectors.PageNumber && w.how.Style != connectors.PageOffset {
		return false
	}
	again := len(items) > 0 && reflect.DeepEqual(items, w.last)
	w.repeats, w.last = w.repeats || again, items
	return again
}

// count goes on to the next number, until a page has no items, or the same ones.
func (w *Walk) count(items []any, more bool) {
	if w.repeats || len(items) == 0 && !more {
		return
	}
	if w.how.Style == connectors.PageNumber {
		w.number++
	} else {
		w.number += len(items)
	}
	if text := strconv.Itoa(w.number); w.fresh(text) {
		w.goOn(w.with(text, w.number))
	}
}

// fresh tells whether a cursor or a URL is a new one.
func (w *Walk) fresh(text string) bool {
	known := w.seen[text]
	w.seen[text] = true
	return !known
}

func (w *Walk) goOn(r Request) { w.next, w.done = r, false }

// with is a request with the value, if it is not empty, and the size of pages.
func (w *Walk) with(text string, value any) Request {
	r := Request{Query: url.Values{}, Members: map[string]any{}}
	set := func(name, text string, value any) {
		if w.how.InBody() {
			r.Members[name] = value
		} else {
			r.Query.Set(name, text)
		}
	}
	if w.how.SizeParam != "" {
		set(w.how.SizeParam, strconv.Itoa(w.how.Size), w.how.Size)
	}
	if text != "" {
		set(w.how.Param, text, value)
	}
	return r
}
