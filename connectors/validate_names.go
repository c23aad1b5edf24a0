package connectors

import "strings"

// names says which names a template may have where it stands.
type names uint

const (
	appNames names = 1 << iota
	accountNames
	capturedNames
	clientIDName
	clientSecretName
	tokenNames // {token} and {token.SLOT}
	refreshName
	assertionName
	codeName
	secretNames   // inputs that are secrets, too
	optionalNames // inputs without a value, too: the place is left out then

	// inURLs is what may stand in a URL: no secret, because URLs get into logs.
	inURLs = appNames | accountNames | capturedNames
	// inCalls is what may stand in a call of a token endpoint.
	inCalls = inURLs | clientIDName | clientSecretName | secretNames
	// inExchange is what may stand in the parameters of a token call, which may be for a code.
	inExchange = inCalls | codeName
	// inRefresh is what may stand in a refresh.
	inRefresh = inCalls | tokenNames | refreshName
	// inSteps is what may stand in a step.
	inSteps = inRefresh | assertionName
	// inRequests is what may be put on a request.
	inRequests = inURLs | clientIDName | tokenNames | secretNames
)

// kinds are the names that there are, those with a prefix by that.
var kinds = []struct {
	name string
	kind names
}{
	{appPrefix, appNames},
	{accountPrefix, accountNames},
	{capturedPrefix, capturedNames},
	{nameClientID, clientIDName},
	{nameClientSecret, clientSecretName},
	{nameToken, tokenNames},
	{slotPrefix, tokenNames},
	{nameRefreshToken, refreshName},
	{nameAssertion, assertionName},
	{nameCode, codeName},
}

// kindOf returns the kind of a name, and its prefix if it has one.
func kindOf(name string) (kind names, prefix string) {
	if i := strings.IndexByte(name, '.'); i >= 0 {
		prefix = name[:i+1]
	}
	for _, k := range kinds {
		if k.name == name || k.name == prefix {
			return k.kind, prefix
		}
	}
	return 0, ""
}

// String lists the names.
func (n names) String() string {
	var list []string
	for _, k := range kinds {
		if n&k.kind == 0 {
			continue
		}
		name := k.name
		if strings.HasSuffix(name, ".") {
			name += "NAME"
		}
		list = append(list, "{"+name+"}")
	}
	return strings.Join(list, ", ")
}

// declaredUnder tells where names with a prefix are declared.
var declaredUnder = map[string]string{
	appPrefix: "app", accountPrefix: "account", capturedPrefix: "capture", slotPrefix: "token.response.slots",
}

// names checks the names of a template.
func (v *validator) names(path string, t Template, may names) {
	for _, name := range t.Names() {
		kind, prefix := kindOf(name)
		d, ok := v.declared[name]
		switch {
		case may&kind == 0:
			v.fail(path, "{%s} must not be used here; use %s", name, may)
		case !ok && prefix != "":
			v.fail(path, "{%s} is not declared under %s", name, declaredUnder[prefix])
		case !ok && name == nameAssertion:
			v.fail(path, "{assertion} needs the key assertion")
		case !ok && name == nameCode:
			v.fail(path, "{code} has no value with mode %s", v.c.mode())
		case name == nameCode && v.c.Device != nil:
			v.fail(path, "{code} has no value where a user consents on another machine: leave device out")
		case !ok && kind&(tokenNames|refreshName) != 0:
			v.fail(path, "{%s} has no value: there is neither a token call nor a step with a response", name)
		case d.known > v.now:
			v.fail(path, "{%s} has no value yet: it comes from %s", name, d.from)
		case d.secret && may&secretNames == 0:
			v.fail(path, "{%s} is a secret, and must not be used here", name)
		case d.optional && may&optionalNames == 0:
			v.fail(path, "{%s} %s: it may stand only where it can be left out, in a parameter or a header", name, d.lack())
		}
	}
}
