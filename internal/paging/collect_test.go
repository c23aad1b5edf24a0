package paging_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/paging"
)

// endless is a list without an end: each page has two items and the next cursor.
func endless(t *testing.T, asked *int, wait time.Duration) (*paging.Walk, func(context.Context, paging.Request) (paging.Page, error)) {
	t.Helper()
	w := paging.New(&connectors.Paginate{Style: connectors.PageCursor, Next: "next", Param: "c"}, "data", parse(t, base))
	return w, func(context.Context, paging.Request) (paging.Page, error) {
		*asked++
		time.Sleep(wait)
		return paging.Page{URL: parse(t, base), Body: fmt.Appendf(nil, `{"data":[1,2],"next":"%04d"}`, *asked)}, nil
	}
}

// A list that does not end is cut at a bound, and that is told.
func TestCollectBounds(t *testing.T) {
	wide := paging.Limits{Pages: 1000, Items: 1000, Bytes: 1 << 20, Time: time.Hour}
	for name, tt := range map[string]struct {
		change func(*paging.Limits)
		want   int
	}{
		"pages":   {func(l *paging.Limits) { l.Pages = 3 }, 3},
		"items":   {func(l *paging.Limits) { l.Items = 7 }, 4},
		"bytes":   {func(l *paging.Limits) { l.Bytes = 60 }, 3},
		"time":    {func(l *paging.Limits) { l.Time = 5 * time.Second }, 5},
		"nothing": {func(l *paging.Limits) { *l = paging.Limits{} }, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			l, asked := wide, 0
			tt.change(&l)
			w, get := endless(t, &asked, time.Second)
			list, err := paging.Collect(t.Context(), w, l, get)
			if err != nil || !list.More || asked != tt.want || len(list.Items) != 2*tt.want {
				t.Errorf("%s: %d pages, %d items, more is %t, %v; want %d pages", name, asked, len(list.Items), list.More, err, tt.want)
			}
		})
	}
}

// A list that ends at a bound is whole.
func TestCollectWhole(t *testing.T) {
	answers := []string{`{"data":[1],"next":"a"}`, `{"data":[2],"next":"a"}`}
	w, n := paging.New(&connectors.Paginate{Style: connectors.PageCursor, Next: "next", Param: "c"}, "data", parse(t, base)), 0
	list, err := paging.Collect(t.Context(), w, paging.Limits{Pages: 2, Items: 2, Bytes: 1 << 10, Time: time.Minute}, func(context.Context, paging.Request) (paging.Page, error) {
		n++
		return paging.Page{Body: []byte(answers[n-1])}, nil
	})
	if err != nil || list.More || len(list.Items) != 2 || n != 2 {
		t.Errorf("%d pages, %+v, %v", n, list, err)
	}
}

// Who says that there is more, and names nothing new, has not given the whole list.
func TestCollectRepeats(t *testing.T) {
	for name, how := range map[string]*connectors.Paginate{
		"cursor": {Style: connectors.PageCursor, Next: "next", More: "more", Param: "c"},
		"URL":    {Style: connectors.PageNextURL, Next: "next", More: "more"},
		"pages":  {Style: connectors.PageNumber, More: "more", Param: "c"},
		"items":  {Style: connectors.PageOffset, More: "more", Param: "c"},
	} {
		w, n := paging.New(how, "data", parse(t, base)), 0
		list, err := paging.Collect(t.Context(), w, paging.Limits{Pages: 9, Items: 99, Bytes: 1 << 10, Time: time.Minute}, func(context.Context, paging.Request) (paging.Page, error) {
			n++
			return paging.Page{URL: parse(t, base+"/x"), Body: []byte(`{"data":[1],"next":"?a","more":true}`)}, nil
		})
		if err != nil || !list.More || n != 2 {
			t.Errorf("%s: %d pages, more is %t, %v", name, n, list.More, err)
		}
	}
}

// A page that fails fails the list, of which nothing is left.
func TestCollectFails(t *testing.T) {
	gone := errors.New("status 401")
	for failing := 1; failing <= 3; failing++ {
		asked := 0
		w, get := endless(t, &asked, 0)
		list, err := paging.Collect(t.Context(), w, paging.Limits{Pages: 9, Items: 99, Bytes: 1 << 10, Time: time.Minute}, func(ctx context.Context, r paging.Request) (paging.Page, error) {
			if p, err := get(ctx, r); asked < failing {
				return p, err
			}
			return paging.Page{}, gone
		})
		if !errors.Is(err, gone) || list.Items != nil || list.More || asked != failing {
			t.Errorf("page %d: %+v, %v, after %d pages", failing, list, err, asked)
		}
		if told := strings.HasPrefix(err.Error(), fmt.Sprintf("page %d: ", failing)); told != (failing > 1) {
			t.Errorf("page %d: %v", failing, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	asked := 0
	w, get := endless(t, &asked, 0)
	_, err := paging.Collect(ctx, w, paging.Limits{Pages: 9, Items: 99, Bytes: 1 << 10, Time: time.Minute}, func(ctx context.Context, r paging.Request) (paging.Page, error) {
		cancel()
		return get(ctx, r)
	})
	if !errors.Is(err, context.Canceled) || asked != 1 {
		t.Errorf("after the end of the context: %v, %d pages", err, asked)
	}
}
