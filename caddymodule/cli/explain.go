package cli

import (
	"errors"
	"regexp"
	"strings"
)

// reason is a way in which a server does not start. Caddy turns errors into text before they come
// here, so they are known by their words.
type reason struct {
	words  string // any of them, separated by |
	code   string
	detail func(text, path string) string
	next   string
}

var reasons = []reason{
	{
		"in use by another process", "vault_in_use", after("opening vault"),
		"stop the other process, or give this one another vault directory; `claviger doctor` says which process it is",
	},
	{
		"key is out of reach", "key_unavailable", after("key command|transit key|key is out of reach"),
		"correct what the message names, then try again; the vault is as it was",
	},
	{"key is not usable", "key_unusable", after("key file|environment variable|key command"), "correct the key; `claviger doctor` checks a key file"},
	{
		"key is missing|there is no key|decrypting the keyset", "key_wrong",
		after("transit key|key is missing|decrypting the keyset|key file|environment variable|key command"),
		"put the key back that the vault was made with, or name it as retired; without it the vault cannot be opened",
	},
	{"vault has no room", "vault_full", after("vault has no room"), "make room on that disk"},
	{"opening vault", "vault_unavailable", after("opening vault"), "`claviger doctor` checks the directory"},
	{
		"address already in use|Only one usage of each socket address", "port_taken", after("listening on|listen"),
		"stop the program that listens there, or choose another port in the configuration",
	},
	{
		"cannot assign requested address", "address_unknown", after("listening on|listen"),
		"name an address of this machine in `bind` or `default_bind`",
	},
	{
		"adapting config|unrecognized|parsing caddyfile", "config_invalid", configDetail,
		"correct the configuration, then try again",
	},
	{"reading config from file|reading input file", "config_not_found", after("reading"), "check the path given with --config"},
	{
		"connection refused|connect: no such file", "admin_unreachable", after("dial"),
		"there is no server to talk to; start one with `claviger run`",
	},
}

// explain says in a sentence why one of Caddy's commands failed with the configuration at path.
func explain(text, path string) *failure {
	for _, r := range reasons {
		for words := range strings.SplitSeq(r.words, "|") {
			if strings.Contains(text, words) {
				return &failure{Code: r.code, Detail: r.detail(text, path), Next: r.next}
			}
		}
	}
	return &failure{
		Code: "config_invalid", Detail: path + ": " + provisioning.ReplaceAllString(oneLine(text), ""),
		Next: "correct it there; `claviger validate` checks it",
	}
}

var (
	adapting     = regexp.MustCompile(`^.*adapting config using \w+: `)
	provisioning = regexp.MustCompile(`^.*(?:provision [\w.]+|: start|loading new config): `)
)

// after cuts the text down to its part from the last of the first words that it has: what is before
// them says only which function called which.
func after(words string) func(text, path string) string {
	return func(text, _ string) string {
		text = oneLine(text)
		for w := range strings.SplitSeq(words, "|") {
			if i := strings.LastIndex(text, w); i >= 0 {
				return text[i:]
			}
		}
		return text
	}
}

func oneLine(text string) string { return strings.ReplaceAll(strings.TrimSpace(text), "\n", "; ") }

// configDetail is the adapter's message with file and line in front.
func configDetail(text, path string) string {
	text = adapting.ReplaceAllString(oneLine(text), "")
	return failureOf(configFailure(path, errors.New(text))).Detail
}
