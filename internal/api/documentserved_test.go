package api_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/internal/api"
)

func TestDocumentServed(t *testing.T) {
	k := setup(t, nil)
	got := k.send("GET", "/claviger/openapi.json", "")
	if got.status != http.StatusOK || got.text != string(api.Document()) || got.header.Get("Content-Type") != "application/json" ||
		got.header.Get("Cache-Control") != "no-cache" {
		t.Errorf("got %d %v, %d bytes", got.status, got.header, len(got.text))
	}
	tag := got.header.Get("ETag")
	if again := k.send("GET", "/claviger/openapi.json", "", "If-None-Match: "+tag); again.status != http.StatusNotModified || again.text != "" {
		t.Errorf("asked again with %s: %d", tag, again.status)
	}
	if other := k.send("GET", "/claviger/openapi.json", "", `If-None-Match: "x"`); other.status != http.StatusOK {
		t.Errorf("asked with another tag: %d", other.status)
	}
	k.send("GET", "/claviger/openapi.json?x=1", "").wants(t, 400, "parameter_unknown")
}

// Below another prefix the document has that one, and another tag.
func TestDocumentPrefix(t *testing.T) {
	k := setup(t, nil)
	usual := k.send("GET", "/claviger/openapi.json", "")
	for prefix, want := range map[string]string{"/manage/v1": "/manage/v1", `/a"b`: `/a"b`} {
		k := setup(t, func(o *api.Options) { o.Prefix = prefix })
		got := k.send("GET", strings.ReplaceAll(prefix, `"`, "%22")+"/openapi.json", "")
		var doc struct {
			Servers []struct{ URL string }
		}
		if err := json.Unmarshal([]byte(got.text), &doc); err != nil || len(doc.Servers) != 1 || doc.Servers[0].URL != want {
			t.Errorf("%s: got servers %+v, %v", prefix, doc.Servers, err)
		}
		if tag := got.header.Get("ETag"); tag == "" || tag == usual.header.Get("ETag") {
			t.Errorf("%s: the tag is %q", prefix, tag)
		}
	}
}

// What is handed out cannot be changed by who gets it.
func TestDocumentCopied(t *testing.T) {
	first := api.Document()
	copy(first, "broken")
	if second := api.Document(); bytes.Equal(first, second) || !json.Valid(second) {
		t.Error("a change of the document's copy has changed the document")
	}
}
