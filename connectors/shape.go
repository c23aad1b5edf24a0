package connectors

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// ShapeFormat changes when later programs look at more, or at something else.
const ShapeFormat = 1

// Shape is what accounts depend on of the connector that they were connected with, in one way. It is
// recorded beside them, so that a later file, or the catalogue of a later program, can be compared with it:
// see [Breaks]. It holds no secret.
type Shape struct {
	// Format is [ShapeFormat] of the program that made it. Shapes of two formats cannot be compared.
	Format int `json:"format"`
	// Way is the ID of the way; empty where the connector has one only.
	Way  string `json:"way,omitempty"`
	Mode Mode   `json:"mode"`
	// Hosts are those that a credential is sent to, as the file has them, by the paths of their URLs.
	Hosts map[string]string `json:"hosts,omitempty"`
	// Sends are the names of the operator's secrets that requests to the API have on them.
	Sends []string `json:"sends,omitempty"`
	// Cleans are, by app.NAME and account.NAME, how values are cleaned that are part of a host: what is taken
	// off them is part of where a credential goes.
	Cleans map[string]string `json:"cleans,omitempty"`
	// Bases and Slots are what requests may name.
	Bases []string `json:"bases,omitempty"`
	Slots []string `json:"slots,omitempty"`
	// Refresh is what a token is refreshed with, as [Refresh].With; empty when it is not.
	Refresh string `json:"refresh,omitempty"`
	// Identity is where the lasting ID of an account comes from; empty when nobody tells it.
	Identity string `json:"identity,omitempty"`
	// Secrets and Open are the inputs that are secret and that are not, and Defaults the values of those that
	// were not given: all by app.NAME and account.NAME.
	Secrets  []string          `json:"secrets,omitempty"`
	Open     []string          `json:"open,omitempty"`
	Defaults map[string]string `json:"defaults,omitempty"`
	// Uses are the captured values and further tokens that requests and refreshes need.
	Uses []string `json:"uses,omitempty"`
	// Takes is a digest of what the values of connections and accounts have to fit.
	Takes string `json:"takes"`
}

// Shape returns the shape of the connector in the way with that ID; the empty one is the standard way.
func (c *Connector) Shape(way string) (Shape, bool) {
	one, ok := c.Way(way)
	if !ok {
		return Shape{}, false
	}
	if way == "" && len(c.Ways) > 0 {
		way = c.Ways[0].ID
	}
	s := Shape{
		Format: ShapeFormat, Way: way, Mode: one.mode(), Hosts: one.hosts(), Sends: one.operatorsSecrets(one.sends()...), Bases: slices.Sorted(maps.Keys(one.API.Bases)),
		Refresh: one.refreshing(), Uses: one.uses(), Takes: one.takes(),
	}
	for _, slot := range one.API.Slots {
		s.Slots = append(s.Slots, slot.Name)
	}
	slices.Sort(s.Slots)
	if one.Identity != nil {
		s.Identity = strings.TrimSpace(one.Identity.From + " " + one.Identity.ID)
	}
	inHosts := one.HostNames()
	for _, in := range one.inputs() {
		if slices.Contains(inHosts, in.Name) {
			if s.Cleans == nil {
				s.Cleans = map[string]string{}
			}
			s.Cleans[in.Name] = in.Prefix + "|" + in.Suffix + "|" + strings.Join(in.Normalize, ",")
		}
		if in.Secret {
			s.Secrets = append(s.Secrets, in.Name)
		} else {
			s.Open = append(s.Open, in.Name)
		}
		if in.Default != "" {
			if s.Defaults == nil {
				s.Defaults = map[string]string{}
			}
			s.Defaults[in.Name] = in.Default
		}
	}
	return s, true
}

// inputs are all inputs, under the names that templates have for them.
func (c *Connector) inputs() []Input {
	var all []Input
	for _, in := range c.App {
		in.Name = appPrefix + in.Name
		all = append(all, in)
	}
	for _, in := range c.Account {
		in.Name = accountPrefix + in.Name
		all = append(all, in)
	}
	return all
}

// destinations are the templates of URLs that a credential is sent to, by their paths in the file.
func (c *Connector) destinations() map[string]Template {
	all := map[string]Template{
		"authorize.request_url": c.Authorize.RequestURL, "token.url": c.Token.URL, "refresh.url": c.Refresh.URL,
		"api.base_url": c.API.BaseURL,
	}
	if c.Device != nil {
		all["device.url"] = c.Device.URL
	}
	if c.Introspect != nil {
		all["introspect.url"] = c.Introspect.URL
	}
	if c.Revoke != nil {
		all["revoke.url"] = c.Revoke.URL
	}
	if c.Register != nil {
		all["register.url"], all["register.metadata"] = c.Register.URL, c.Register.Metadata
	}
	for name, base := range c.API.Bases {
		all["api.bases."+name] = base
	}
	for i, s := range c.Steps {
		all[index("steps", i)+".request.url"] = s.Request.URL
	}
	maps.DeleteFunc(all, func(_ string, t Template) bool { return t.IsZero() })
	return all
}

// hosts are those of the destinations, and the domains that captured hosts lie in.
func (c *Connector) hosts() map[string]string {
	hosts := map[string]string{}
	for path, t := range c.destinations() {
		hosts[path] = t.host()
	}
	for i, domain := range c.API.Within {
		hosts[index("api.within", i)] = domain
	}
	return hosts
}

// HostNames are the names in the hosts that a credential is sent to.
func (c *Connector) HostNames() []string {
	var names []string
	for _, t := range c.destinations() {
		names = t.hostNames(names)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// hostNames adds the names in the host of a URL template.
func (t Template) hostNames(list []string) []string {
	begun := false
	for _, p := range t.parts {
		if !p.isText() {
			list = p.names(list)
			continue
		}
		rest := p.text
		if !begun {
			_, rest, begun = strings.Cut(rest, "://")
		}
		if strings.ContainsAny(rest, "/?#") {
			break
		}
	}
	return list
}

// host is the host of a URL template, with its expressions. A port is part of it on a loopback host, where
// it tells one program from another.
func (t Template) host() string {
	const mark = "\x00"
	var b strings.Builder
	var expressions []string
	for _, p := range t.parts {
		if p.isText() {
			b.WriteString(p.text)
			continue
		}
		b.WriteString(mark)
		expressions = append(expressions, "{"+p.String()+"}")
	}
	_, rest, _ := strings.Cut(b.String(), "://")
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		rest = rest[:end]
	}
	if host, _ := splitPort(rest); !loopback(strings.Trim(host, "[]")) {
		rest = host
	}
	for _, e := range expressions {
		rest = strings.Replace(rest, mark, e, 1)
	}
	return rest
}

// String is the part as it stands in an expression.
func (p part) String() string {
	switch {
	case p.call != nil:
		args := make([]string, len(p.call.args))
		for i, a := range p.call.args {
			args[i] = a.String()
		}
		return p.call.name + "(" + strings.Join(args, ", ") + ")"
	case p.isName():
		return p.name
	}
	return `"` + p.text + `"`
}

// refreshing is what a token is refreshed with; empty when it is not.
func (c *Connector) refreshing() string {
	switch {
	case c.RenewsWithoutRefreshToken():
		return c.RefreshesWith()
	case c.Refresh.None:
		return ""
	}
	switch c.mode() {
	case ModeStatic, ModeNone, ModeOAuth1:
		return ""
	}
	return RefreshWithToken
}

// uses are the captured values and further tokens without which requests or refreshes fail.
func (c *Connector) uses() []string {
	names := map[string]bool{}
	collect(names, c.Revoke)
	if c.Revoke != nil {
		for _, token := range c.Revoke.Tokens() { // a grant without one is not revoked, and fine otherwise
			delete(names, token)
		}
	}
	collect(names, c.API, c.Signer, c.ClientCert, c.Introspect)
	for _, in := range c.Inject {
		if in.Slot == "" { // else only requests that pick the slot need it
			collect(names, in)
		}
	}
	for _, slot := range c.API.Slots {
		if len(slot.Paths) > 0 {
			names[slotPrefix+slot.Name] = true
		}
	}
	maps.Copy(names, c.refreshUses())
	maps.DeleteFunc(names, func(name string, _ bool) bool {
		return !strings.HasPrefix(name, capturedPrefix) && !strings.HasPrefix(name, slotPrefix) || name == slotPrefix+nameToken
	})
	return slices.Sorted(maps.Keys(names))
}

// refreshUses are the names that a refresh needs and does not get on its way.
func (c *Connector) refreshUses() map[string]bool {
	names := map[string]bool{}
	with := c.refreshing()
	if with == "" {
		return names
	}
	call := c.Token
	if with != RefreshWithGrant {
		call.Params = nil
	}
	collect(names, call, c.Refresh, c.Assertion, c.SAML)
	got := []map[string]string{c.Token.Capture}
	for _, s := range c.Steps {
		if s.When != "connect" {
			collect(names, s.Request)
			got = append(got, s.Capture)
		}
	}
	for _, capture := range got {
		for name := range capture {
			delete(names, capturedPrefix+name)
		}
	}
	return names
}

func collect(names map[string]bool, values ...any) {
	for _, v := range values {
		namesIn(reflect.ValueOf(v), names)
	}
}

// takes is a digest of the inputs, and of the URLs and the client that they make up.
func (c *Connector) takes() string {
	urls := map[string]string{}
	for path, t := range c.destinations() {
		urls[path] = t.String()
	}
	all := []any{c.App, c.Account, urls, c.Authorize.URL.String(), c.Authorize.Issuer.String(), c.API.Within}
	if own := c.Token.Client; own != nil {
		all = append(all, own.ID.String(), own.Secret.String())
	}
	for i, list := range [][]Input{c.App, c.Account} {
		bare := slices.Clone(list)
		for n := range bare {
			bare[n].Title, bare[n].Description, bare[n].Example, bare[n].Help = "", "", "", ""
		}
		all[i] = bare
	}
	text, _ := json.Marshal(all) // texts and lists of them always can be written
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}
