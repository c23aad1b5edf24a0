package consent

import (
	"net/http"
	"path"
	"strings"
)

// Serves tells whether a request is for one of the pages of this flow, so that a site can have
// others beside them. The host does not matter: a callback that comes in by another name than the
// configured one gets a page that says so. Without a callback there are no pages.
func (f *Flow) Serves(r *http.Request) bool {
	rest, ok := strings.CutPrefix(r.URL.Path, f.dir+"/")
	name, _, _ := strings.Cut(rest, "/")
	return ok && f.hasCallback() && (name == linkSegment || name == path.Base(f.callback.Path) || rest == doneSegment || rest == choiceSegment || rest == formSegment || rest == deviceSegment)
}
