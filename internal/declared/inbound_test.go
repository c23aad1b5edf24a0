package declared_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"

	"github.com/claviger-proxy/claviger/connectors"
)

// installPage is the app's page for installs that begin at the provider.
const installPage = "https://app.example.com/installs?own=1"

// arrive brings a browser from the provider that was not sent there. It goes on to the app with what the app may be
// told, or no further, and nothing is asked of the provider.
func (j *journey) arrive() error {
	if j.connector.Mode != "" && j.connector.Mode != connectors.ModeCode {
		return nil
	}
	from, before := j.provider.Arrive(), j.provider.Answered()
	w := httptest.NewRecorder()
	j.flow.ServeHTTP(w, httptest.NewRequestWithContext(j.ctx, http.MethodGet, from.URL, nil))
	if !maps.Equal(before, j.provider.Answered()) {
		return fmt.Errorf("after an install that nobody waits for the provider is asked for something")
	}
	to := w.Header().Get("Location")
	if from.Told == nil {
		return want(to == "" && w.Code == http.StatusBadRequest, "an install that nobody waits for leads to status %d and %q", w.Code, to)
	}
	page, err := url.Parse(installPage)
	if err != nil {
		return err
	}
	query := page.Query()
	for name, value := range from.Told {
		query.Set(name, value)
	}
	page.RawQuery = query.Encode()
	return want(to == page.String(), "an install that nobody waits for leads to %q with status %d, want %q", to, w.Code, page)
}
