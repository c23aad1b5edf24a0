package connectors

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// Breaks says why accounts that were connected by a connector of one shape do not go on with another one:
// one mistake for each reason, with its path in the file, or none; of shapes of two formats nobody can tell. What depends on the values of accounts,
// such as a pattern that takes less, is not among them. docs/reference/connector-file.md has the list for
// people.
func Breaks(old, now Shape) []*Error {
	b := breaks{old: old, now: now}
	if old.Format != now.Format {
		return nil
	}
	b.way()
	b.hosts()
	b.cleans()
	b.names()
	b.refresh()
	b.identity()
	b.secrets()
	return b.errs
}

// Moves says in the same way which hosts the operator's own secrets would be sent to that they were not given
// for: with client that of an OAuth client, and with params those of secret inputs. A host is not given for them
// because requests to the API go there, unless those have the secret, too. given tells of an input of the operator,
// by its own name, whether it has a value; the default stands for it otherwise.
func Moves(old, now Shape, client, params bool, given func(name string) bool) []*Error {
	if old.Format != now.Format {
		return nil
	}
	b := breaks{old: old, now: now}
	if client {
		ofClient := func(name string) bool { return name == nameClientSecret }
		b.send(now.given(ofClient), old.given(ofClient))
		b.values(old.given(ofClient), given)
	}
	if params {
		ofParams := func(name string) bool { return strings.HasPrefix(name, appPrefix) }
		b.send(now.given(ofParams), old.given(ofParams))
		b.values(old.given(ofParams), given)
		b.hosts() // what a secret signs goes nowhere else either
	}
	return b.errs
}

// given are the hosts that a secret of the operator goes to, by the paths of their URLs.
func (s Shape) given(secret func(name string) bool) map[string]string {
	onAPI, captured := slices.ContainsFunc(s.Sends, secret), false
	hosts := map[string]string{}
	for path, host := range s.Hosts {
		if onAPI || !strings.HasPrefix(path, "api.") {
			hosts[path], captured = host, captured || strings.Contains(host, capturedPrefix)
		}
	}
	for path, host := range s.Hosts {
		if captured && strings.HasPrefix(path, "api.within[") { // which bounds the hosts of all URLs
			hosts[path] = host
		}
	}
	return hosts
}

type breaks struct {
	old, now Shape
	errs     []*Error
}

func (b *breaks) fail(path, format string, args ...any) {
	b.errs = append(b.errs, &Error{Path: path, Message: fmt.Sprintf(format, args...)})
}

// way: a credential of one kind is none of another.
func (b *breaks) way() {
	if b.old.Way != "" && b.now.Way != "" && b.old.Way != b.now.Way {
		b.fail("auth", "the standard way was %s and would be %s; keep %[1]s the first", b.old.Way, b.now.Way)
	}
	if b.old.Mode != b.now.Mode {
		b.fail("mode", "was %s and would be %s, whose credentials are of another kind", b.old.Mode, b.now.Mode)
	}
}

// hosts: what was given for one provider is sent to no other.
func (b *breaks) hosts() { b.send(b.now.Hosts, b.old.Hosts) }

// send compares hosts with those that were known before. A path is told once.
func (b *breaks) send(hosts, before map[string]string) {
	known := slices.Compact(slices.Sorted(maps.Values(before)))
	for _, path := range slices.Sorted(maps.Keys(hosts)) {
		host := hosts[path]
		told := slices.ContainsFunc(b.errs, func(e *Error) bool { return e.Path == path })
		if !told && !slices.ContainsFunc(known, func(old string) bool { return sameSite(old, host) }) {
			b.fail(path, "would send credentials to %s, and they are for %s", host, cmp.Or(strings.Join(known, ", "), "no host"))
		}
	}
}

// cleans: what is taken off a value is part of the host that the value makes up.
func (b *breaks) cleans() {
	for _, name := range slices.Sorted(maps.Keys(b.old.Cleans)) {
		if is, still := b.now.Cleans[name]; still && is != b.old.Cleans[name] {
			b.fail(name, "has another prefix, suffix or normalize, and is part of a host that credentials are sent to")
		}
	}
}

// values looks whether inputs of the operator that are part of such hosts would have other values.
func (b *breaks) values(hosts map[string]string, given func(name string) bool) {
	for _, name := range slices.Sorted(maps.Keys(b.old.Cleans)) {
		bare, own := strings.CutPrefix(name, appPrefix)
		within := slices.ContainsFunc(slices.Collect(maps.Values(hosts)), func(host string) bool { return strings.Contains(host, "{"+name+"}") })
		if !own || !within {
			continue
		}
		if is, still := b.now.Cleans[name]; still && is != b.old.Cleans[name] {
			b.fail(name, "has another prefix, suffix or normalize, and is part of a host that credentials are sent to")
		}
		if b.now.Defaults[name] != b.old.Defaults[name] && b.old.Defaults[name] != "" && !given(bare) {
			b.fail(name+".default", "is another one, no value is given in place of it, and it is part of a host that credentials are sent to")
		}
	}
}

// sameSite tells whether who has the one host has the other: both are the same, or have no names in them
// and one registrable domain. Under an ending that nobody registers names with, such as that of a cluster,
// there are none.
func sameSite(a, b string) bool {
	if a == b {
		return true
	}
	if strings.ContainsAny(a+b, "{:") || loopback(a) || loopback(b) {
		return false
	}
	if suffix, icann := publicsuffix.PublicSuffix(a); !icann && !strings.Contains(suffix, ".") {
		return false
	}
	site, err := publicsuffix.EffectiveTLDPlusOne(a)
	if err != nil {
		return false
	}
	other, err := publicsuffix.EffectiveTLDPlusOne(b)
	return err == nil && site == other
}

// names: apps have them in their requests.
func (b *breaks) names() {
	for _, name := range b.old.Bases {
		if !slices.Contains(b.now.Bases, name) {
			b.fail("api.bases."+name, "would be gone, and requests name it")
		}
	}
	for _, name := range b.old.Slots {
		if !slices.Contains(b.now.Slots, name) {
			b.fail("api.slots", "slot %s would be gone, and requests name it", name)
		}
	}
}

// refresh: a token that is not renewed ends, and with it the account.
func (b *breaks) refresh() {
	switch {
	case b.old.Refresh == b.now.Refresh || b.old.Refresh == "":
	case b.now.Refresh == "":
		b.fail("refresh.none", "tokens were refreshed and would not be any more")
	case b.now.Refresh == RefreshWithToken:
		b.fail("refresh.with", "would be refresh_token, and accounts have none: it was %s", b.old.Refresh)
	}
}

// identity: a reconnect compares with what was recorded.
func (b *breaks) identity() {
	switch {
	case b.old.Identity == b.now.Identity || b.old.Identity == "":
	case b.now.Identity == "":
		b.fail("identity", "would be gone, and nobody could tell any more whether a user who connects again is the same one")
	default:
		b.fail("identity.id", "was %s and would be %s, which is not what is recorded: a user who connects again would be refused",
			b.old.Identity, b.now.Identity)
	}
}

// secrets: who gives a secret is told that nobody sees it.
func (b *breaks) secrets() {
	for _, name := range b.old.Secrets {
		if slices.Contains(b.now.Open, name) {
			b.fail(name+".secret", "was given as a secret and would be none")
		}
	}
}

// MoreUses are the captured values and further tokens that now needs and old did not.
func MoreUses(old, now Shape) []string {
	return slices.DeleteFunc(slices.Clone(now.Uses), func(name string) bool { return slices.Contains(old.Uses, name) })
}
