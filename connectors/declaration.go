package connectors

// stage is when a template is filled.
type stage int

const (
	atConsent stage = iota // before the user is sent to the provider
	atToken                // with what the callback told
	atSteps                // with what the token call told; a step is at atSteps and its number

	// atRequest has it all, but for what is found after consent; see [Discover].
	atRequest stage = 1 << 20
)

// declaration is a name that has a value.
type declaration struct {
	// from is where the value comes from, and known the first stage that has it.
	from  string
	known stage
	// optional ones may have no value, because it is optional or, with conditional, not always asked for.
	secret, optional, conditional bool
	// open says that an account may give any host for it.
	open bool
}

// lack says why there may be no value.
func (d declaration) lack() string {
	if d.conditional {
		return "is not always asked for"
	}
	return "is optional"
}

// declare collects what the file declares.
func (v *validator) declare() {
	v.declared = map[string]declaration{}
	for _, in := range v.c.App {
		v.declared[appPrefix+in.Name] = declaration{from: "app", secret: in.Secret, optional: in.MayLack(), conditional: in.VisibleWhen != nil}
	}
	for _, in := range v.c.Account {
		v.declared[accountPrefix+in.Name] = declaration{from: "account", secret: in.Secret, optional: in.MayLack(), conditional: in.VisibleWhen != nil, open: in.takesAnyHost()}
	}
	if v.c.Assertion != nil {
		v.declared[nameAssertion] = declaration{from: "assertion"}
	}
	if v.c.mode() == ModeCode {
		v.declared[nameCode] = declaration{from: "callback", known: atToken}
	}
	v.captured(v.c.Callback.Capture, "callback.capture", atToken)
	if v.c.asksForToken() {
		v.tokens(&v.c.Token.Response, "token", atSteps)
		v.captured(v.c.Token.Capture, "token.capture", atSteps)
	}
	if v.c.mode() == ModeJWT {
		v.known(nameToken, "assertion", atSteps)
	}
	for i, s := range v.c.Steps {
		after := atSteps + stage(i) + 1
		v.captured(s.Capture, index("steps", i), after)
		v.tokens(s.Response, index("steps", i), after)
	}
	for i, d := range v.c.Discover {
		v.known(capturedPrefix+d.Into, index("discover", i), atRequest)
		v.captured(d.Capture, index("discover", i), atRequest)
	}
}

// known says where a value comes from and when. The first one counts.
func (v *validator) known(name, from string, at stage) {
	if d, ok := v.declared[name]; !ok || at < d.known {
		v.declared[name] = declaration{from: from, known: at}
	}
}

func (v *validator) captured(capture map[string]string, from string, at stage) {
	for name := range capture {
		v.known(capturedPrefix+name, from, at)
	}
}

// tokens are those of an answer.
func (v *validator) tokens(r *TokenResponse, from string, at stage) {
	if r == nil {
		return
	}
	v.known(nameToken, from, at)
	v.known(nameRefreshToken, from, at)
	for name := range r.Slots {
		v.known(slotPrefix+name, from, at)
	}
}

// takesAnyHost tells whether the value may be a host that is nobody's in particular, or a URL of it.
func (in Input) takesAnyHost() bool {
	const host = "host.of.anybody.example.org"
	for _, value := range []string{host, "https://" + host} {
		if _, err := in.Clean(value); err == nil {
			return true
		}
	}
	return false
}
