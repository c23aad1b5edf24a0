package cli

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/connectors"
)

// What is wrong with a redirect URI that a provider does not take, and what to do.
const (
	localRedirect  = "the provider takes no redirect URI with http or of this machine, so no user can consent"
	publicRedirect = "give the option `callback` an https URL with a public name; for a trial, a tunnel to this machine has one"
)

// printConnector is what `connectors show` prints: the facts, then what to do in the order of doing it.
func printConnector(w io.Writer, k client.Connector) {
	facts(w, connectorFacts(k))
	section(w, "Needed from you, with a connection:", operatorFacts(k))
	section(w, "Needed for each account:", accountNeeds(k))
	if len(k.Setup) > 0 {
		fmt.Fprintf(w, "\n%s\n", painter(w)(bold, "At the provider:"))
	}
	for i, step := range k.Setup {
		fmt.Fprintf(w, "  %d. %s\n", i+1, step)
	}
	var scopes []fact
	for _, name := range slices.Sorted(maps.Keys(k.Scopes.Known)) {
		scopes = append(scopes, fact{name, k.Scopes.Known[name]})
	}
	section(w, "Scopes:", scopes)
	var ways []fact
	for _, way := range k.Ways {
		ways = append(ways, fact{way.ID, way.Title + " (" + way.Mode + ")"})
	}
	section(w, "Ways to connect an account, for --auth:", ways)
	if k.PublicRedirect && connectors.LocalRedirect(k.RedirectURI) {
		fmt.Fprintf(w, "\nMind: %s. To mend it, %s.\n", localRedirect, publicRedirect)
	}
	for _, note := range k.Notes {
		fmt.Fprintf(w, "\nNote: %s\n", note)
	}
}

// section prints facts under a heading; nothing if there are none.
func section(w io.Writer, heading string, list []fact) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s\n", painter(w)(bold, heading))
	for i := range list {
		list[i].name = "  " + list[i].name
	}
	facts(w, list)
}

func connectorFacts(k client.Connector) []fact {
	scopes := strings.Join(append(slices.Clone(k.Scopes.Always), k.Scopes.Default...), " ")
	if k.Scopes.None {
		scopes = "none: the provider has no scopes"
	}
	list := []fact{
		{"connector", k.Name},
		{"from", connectorOrigin(k.Origin)},
		{"title", k.Title},
		{"description", k.Description},
		{"categories", strings.Join(k.Categories, ", ")},
		{"documentation", k.Docs},
		{"tested", tested(k.Tested)},
		{"auth", k.Auth},
		{"mode", k.Mode},
		{"scopes", scopes},
		{"scopes, again", incrementalText(k.Scopes.Incremental)},
		{"refresh", refreshText(k)},
		{"limits", limitsText(k.Limits)},
		{"authorization", k.AuthorizeURL},
		{"request token", k.RequestTokenURL},
		{"device", k.DeviceURL},
		{"token", k.TokenURL},
		{"introspection", k.IntrospectURL},
		{"revocation", k.RevokeURL},
		{"registration", k.RegisterURL},
	}
	for i, url := range k.StepURLs {
		list = append(list, fact{fmt.Sprintf("step %d", i+1), url})
	}
	list = append(list, fact{"base", k.BaseURL})
	for _, name := range slices.Sorted(maps.Keys(k.Bases)) {
		list = append(list, fact{"base " + name, k.Bases[name]})
	}
	list = append(list, fact{"slots", strings.Join(k.Slots, ", ")})
	for _, in := range k.Inject {
		list = append(list, fact{strings.TrimSpace("credential " + in.Slot), injectionText(in)})
	}
	list = append(list, fact{"signature", k.Signer})
	if k.ClientCertificate {
		list = append(list, fact{"certificate", "presented to the provider"})
	}
	list = append(list, fact{"redirect URI", k.RedirectURI})
	if k.PublicRedirect {
		list = append(list, fact{"redirect rule", "https and a public name only"})
	}
	return list
}

// connectorOrigin says where a connector is changed.
func connectorOrigin(origin string) string {
	switch origin {
	case client.OriginBuiltin:
		return "this program"
	case client.OriginFolder:
		return "a folder of the configuration"
	case client.OriginStored:
		return "the vault"
	}
	return ""
}

// refreshText says how a token is renewed, where there is one.
func refreshText(k client.Connector) string {
	switch {
	case k.Mode == client.ModeStatic || k.Mode == client.ModeNone || k.Mode == client.ModeOAuth1:
		return ""
	case !k.Refresh.Supported:
		return "no refresh tokens: users consent again when a token ends"
	case k.Refresh.Rotates == "":
		return "yes, without a refresh token"
	}
	return "yes; the refresh token changes " + k.Refresh.Rotates
}

// incrementalText says what becomes of an account's scopes when its user connects it again; empty if that is nothing
// special.
func incrementalText(how string) string {
	switch how {
	case "merge":
		return "a user who connects again is asked for those that the account has, too"
	case "include_granted":
		return "the provider adds those that this user has granted to the OAuth client, at any connection"
	}
	return ""
}

// limitsText says what a provider allows; empty if nothing is known.
func limitsText(l *client.Limits) string {
	var list []string
	if l != nil && l.RefreshTokens > 0 {
		list = append(list, fmt.Sprintf("%d refresh tokens for one user and OAuth client, a further one ends the oldest", l.RefreshTokens))
	}
	if l != nil && l.Accounts > 0 {
		list = append(list, fmt.Sprintf("%d accounts until the provider has reviewed the OAuth client", l.Accounts))
	}
	return strings.Join(list, "; ")
}

func injectionText(in client.Injection) string {
	if in.User != "" || in.Password != "" {
		return in.In + ": user " + cmp.Or(in.User, "(empty)") + ", password " + cmp.Or(in.Password, "(empty)")
	}
	return strings.TrimSpace(in.In+" "+in.Name) + ": " + in.Template
}

// operatorFacts are what a connection must bring.
func operatorFacts(k client.Connector) []fact {
	var list []fact
	if k.RegisterURL != "" {
		list = append(list, fact{"client", "registered at the provider when the connection is added; or --client-id, and its secret, of one of yours"})
	} else if k.NeedsClientID {
		list = append(list, fact{"client ID", "--client-id: of the OAuth client that you register at the provider"})
	}
	if k.NeedsClientSecret && k.RegisterURL == "" {
		list = append(list, fact{"client secret", "--client-secret-file or --client-secret-env: the same client's"})
	}
	for _, in := range k.Inputs {
		list = append(list, fact{"param " + in.Name, inputLine(in)})
	}
	return list
}

// accountNeeds are what an account takes.
func accountNeeds(k client.Connector) []fact {
	var list []fact
	switch {
	case k.NeedsUser && k.AuthorizeURL == "":
		list = append(list, fact{"consent", "of the user, on any machine with a browser"})
	case k.NeedsUser:
		list = append(list, fact{"consent", "of the user, in a browser: " + program() + " connect CONNECTION IDENTIFIER"})
	case len(k.AccountInputs) == 0:
		return []fact{{"nothing", program() + " accounts add CONNECTION IDENTIFIER"}}
	}
	for _, in := range k.AccountInputs {
		list = append(list, fact{"input " + in.Name, inputLine(in)})
	}
	return list
}

// inputLine says what an input wants, in one line.
func inputLine(in client.Input) string {
	var kind []string
	switch {
	case in.Required:
		kind = append(kind, "required")
	case in.Default != "":
		kind = append(kind, "default "+in.Default)
	default:
		kind = append(kind, "optional")
	}
	if w := in.VisibleWhen; w != nil {
		kind[0] += " when " + w.Input + " is " + strings.Join(w.In, " or ") + ", else left out"
	}
	if in.Secret {
		kind = append(kind, "secret")
	}
	if in.Multiline {
		kind = append(kind, "several lines")
	}
	if len(in.Enum) > 0 {
		kind = append(kind, strings.Join(in.Enum, " or "))
	}
	line := []string{strings.Join(kind, ", ") + ";", sentence(in.Title), sentence(in.Description)}
	if in.Example != "" {
		line = append(line, "Example: "+in.Prefix+in.Example+in.Suffix)
	}
	line = append(line, in.Help)
	line = slices.DeleteFunc(line, func(part string) bool { return part == "" })
	return strings.TrimSuffix(strings.Join(line, " "), ";")
}

// sentence ends a text with a full stop, if there is one.
func sentence(text string) string {
	if text == "" || strings.HasSuffix(text, ".") {
		return text
	}
	return text + "."
}
