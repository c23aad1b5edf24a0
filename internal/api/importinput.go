package api

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/connectors"
)

// static tells whether accounts of the mode never have a token.
func static(mode connectors.Mode) bool {
	return mode == connectors.ModeStatic || mode == connectors.ModeNone
}

// tokenless tells whether an account of the connector may come without a token: it never has one, or its
// inputs get it.
func tokenless(k *connectors.Connector) bool {
	return static(k.Mode) || !k.Mode.NeedsUser() && k.RenewsWithoutRefreshToken() && k.Refresh.With != connectors.RefreshWithAccess
}

// checkInputs refuses inputs that the connector does not take. It shows no value, secret or not.
func checkInputs(k *connectors.Connector, given map[string]string) error {
	_, err := k.AccountValues(given)
	bad, ok := errors.AsType[*connectors.Error](err)
	if !ok {
		return err
	}
	i := slices.IndexFunc(k.Account, func(in connectors.Input) bool { return in.Name == bad.Path })
	switch {
	case i < 0 && len(k.Account) == 0:
		return refuseItem("it has the input %.80q, and connector %s has none", bad.Path, k.Name)
	case i < 0:
		return refuseItem("it has the input %.80q, and connector %s has: %s", bad.Path, k.Name, inputNames(k))
	case i >= 0 && isHidden(k, bad.Path, given):
		return refuseItem("it has the input %s, which connector %s takes only when %s", bad.Path, k.Name, k.Account[i].VisibleWhen)
	case given[bad.Path] == "":
		return refuseItem("it lacks the input %s, which connector %s needs", bad.Path, k.Name)
	}
	return refuseItem("its input %s is not what connector %s takes: %s", bad.Path, k.Name, inputForm(k.Account[i]))
}

// isHidden tells whether an input is not asked for where these values are given.
func isHidden(k *connectors.Connector, name string, given map[string]string) bool {
	return !slices.ContainsFunc(connectors.Asked(k.Account, given), func(in connectors.Input) bool { return in.Name == name })
}

func inputNames(k *connectors.Connector) string {
	names := make([]string, len(k.Account))
	for i, in := range k.Account {
		names[i] = in.Name
	}
	return strings.Join(names, ", ")
}

// inputForm says what the value of an input must be.
func inputForm(in connectors.Input) string {
	switch {
	case len(in.Enum) > 0:
		return "one of " + strings.Join(in.Enum, ", ")
	case in.Pattern != "":
		return "text that matches " + in.Pattern
	}
	return "at most 16 KiB of text without control characters"
}

// kept are the captured values and the slots that the connector itself would have kept.
func kept(k *connectors.Connector, in client.ImportGrant) (captured, slots map[string]string) {
	captures := []map[string]string{k.Token.Capture, k.Callback.Capture}
	further := []map[string]string{k.Token.Response.Slots}
	for _, s := range k.Steps {
		captures = append(captures, s.Capture)
		if s.Response != nil {
			further = append(further, s.Response.Slots)
		}
	}
	if s := k.Signer; s != nil && s.Kind == connectors.SignerOAuth1 {
		further = append(further, map[string]string{connectors.SlotSecret: ""})
	}
	for _, d := range k.Discover {
		captures = append(captures, d.Capture, map[string]string{d.Into: d.ID})
	}
	return declared(in.Captured, captures, printable), declared(in.Slots, further, func(text string) bool { return text != "" })
}

// declared are those of the values whose names are declared and whose texts are good.
func declared(values map[string]string, names []map[string]string, good func(string) bool) map[string]string {
	var some map[string]string
	for name, text := range values {
		wanted := slices.ContainsFunc(names, func(declared map[string]string) bool {
			_, ok := declared[name]
			return ok
		})
		if !wanted || !good(text) {
			continue
		}
		if some == nil {
			some = map[string]string{}
		}
		some[name] = text
	}
	return some
}

func printable(text string) bool {
	return !tooLong(text) && !strings.ContainsFunc(text, func(r rune) bool { return !strconv.IsPrint(r) })
}

func allOf(list []string, good func(string) bool) bool {
	return !slices.ContainsFunc(list, func(s string) bool { return !good(s) })
}
