package consent

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/paging"
)

// Items are objects, texts or members, and each is used once. What has no ID that can be kept is left out.
func TestItems(t *testing.T) {
	tests := []struct {
		name, doc string
		how       connectors.Discover
		want      []item
		unread    bool
	}{
		{"texts", `["a", 7, "a", "", {"id":"x"}, null]`, connectors.Discover{ItemsAs: "texts"}, []item{{ID: "a"}, {ID: "7"}}, false},
		{"texts that are no list", `{"a": 1}`, connectors.Discover{ItemsAs: "texts"}, nil, true},
		{"map of objects", `{"b": {"name": "B", "plan": "p"}, "a": {"name": 1}}`, connectors.Discover{ItemsAs: "map", Label: "name", Capture: map[string]string{"plan": "plan"}}, []item{
			{ID: "a", Label: "1"}, {ID: "b", Label: "B", Kept: map[string]string{"plan": "p"}},
		}, false},
		{"map of texts", `{"b": "Bee", "a": null, "кл": "odd"}`, connectors.Discover{ItemsAs: "map"}, []item{{ID: "a"}, {ID: "b", Label: "Bee"}}, false},
		{"map that is a list", `[{"id": "a"}]`, connectors.Discover{ItemsAs: "map"}, nil, true},
		{"objects", `[{"id": "a", "name": "A"}, "b"]`, connectors.Discover{ID: "id", Label: "name"}, []item{{ID: "a", Label: "A"}}, false},
		{"objects that are a map", `{"a": {"id": "a"}}`, connectors.Discover{ID: "id"}, nil, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.how.Into = "it"
			found, err := read(tt.doc, tt.how)
			if (err != nil) != tt.unread {
				t.Fatal(err)
			}
			for i, one := range tt.want {
				if one.Kept == nil {
					tt.want[i].Kept = map[string]string{}
				}
				tt.want[i].Kept["it"] = one.ID
			}
			if diff := cmp.Diff(tt.want, usable(found, tt.how)); diff != "" {
				t.Errorf("items (-want +got):\n%s", diff)
			}
		})
	}
}

// read reads the items of an answer with one page.
func read(body string, how connectors.Discover) ([]listed, error) {
	if how.ItemsAs == connectors.ItemsMap {
		return membersOf([]byte(body), how)
	}
	list, err := paging.New(nil, how.Items, nil).Take(paging.Page{Body: []byte(body)})
	return itemsOf(list, how), err
}
