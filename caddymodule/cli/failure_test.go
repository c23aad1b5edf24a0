package cli

import (
	"net/http"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/client"
)

// Who has to choose is shown what there is, and told when that is not all.
func TestReportChoices(t *testing.T) {
	refused := &client.Error{
		Status: http.StatusConflict, Code: "choice_needed", Detail: "several", Next: "choose",
		Choices: []client.Item{{Name: "site", ID: "s-1", Label: "One"}},
	}
	for _, more := range []bool{false, true} {
		refused.MoreChoices = more
		var text, doc strings.Builder
		report(&text, failureOf(refused), false)
		report(&doc, failureOf(refused), true)
		if got := strings.Contains(text.String(), "\n  s-1  One\n  and more"); got != more || !strings.Contains(text.String(), "\n  s-1  One\n") {
			t.Errorf("more is %t, and the text is\n%s", more, text.String())
		}
		if got := strings.Contains(doc.String(), `"more_choices": true`); got != more {
			t.Errorf("more is %t, and the JSON is\n%s", more, doc.String())
		}
	}
}
