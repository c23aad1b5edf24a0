package consent

import (
	"slices"
	"strings"
	"testing"
	"unicode"
)

// pageOnly are codes with words for the page of a user that no link ends with.
var pageOnly = []string{
	codeLinkUnknown, codeLinkUsed, codeLinkClosed, codeBusy, codeOrigin, codeDevicesFull, codeCallbackInvalid, codeStateUnknown, codeAlreadyDone,
	codeInstallUnasked,
	codeConnected, codeNothingOffered, codeNothingToFill, codeFormInvalid, codeNothingHere, codeNoConnection, codeWrongHost, codeMethod, codeNothingToShow,
}

// Whoever asks how a link has ended is not told what stands on a page for its user.
func TestOutcomeHasWords(t *testing.T) {
	for code, m := range messages {
		if !unicode.IsUpper([]rune(m.text)[0]) && !strings.HasPrefix(m.text, "{") { // for a program already
			continue
		}
		_, has := told[code]
		if only := slices.Contains(pageOnly, code); has == only {
			t.Errorf("%s has words for others than the user: %v; no link ends with it: %v", code, has, only)
		}
		if detail, next := Outcome(code); has && (unicode.IsUpper([]rune(detail)[0]) || next == "" || strings.Contains(detail+next, "{")) {
			t.Errorf("%s: %q, %q", code, detail, next)
		}
	}
}
