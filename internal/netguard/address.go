// Package netguard decides which addresses may be dialled. A name is resolved by whoever owns it, so that what
// counts is the address: it is looked at after it was resolved, right before it is dialled, and for each of a
// name's addresses. Whatever else it has, a name never leads to an address that is not allowed.
package netguard

import (
	"net/netip"
	"slices"
)

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		list[i] = netip.MustParsePrefix(text)
	}
	return list
}

var (
	// metadata is where clouds tell machines their credentials, beside the link-local addresses.
	metadata = prefixes(
		"fd00:ec2::/32",      // Amazon: also time, names and the identity of pods
		"fd20:ce::254/128",   // Google
		"100.100.100.200/32", // Alibaba
		"192.0.0.192/32",     // Oracle
		"168.63.129.16/32",   // Azure's agent
	)
	// inside are the networks that are not the internet's (RFC 6890), beside those that netip knows.
	inside = prefixes(
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24",
		"203.0.113.0/24", "192.88.99.0/24", "240.0.0.0/4", "100::/64", "2001:2::/48", "2001:10::/28", "2001:db8::/32", "3fff::/20",
		"5f00::/16", "fec0::/10",
	)
	// nat64 has an IPv4 address in the last four bytes (RFC 6052), sixToFour in the third to sixth (RFC 3056).
	nat64     = prefixes("64:ff9b::/96")
	sixToFour = prefixes("2002::/16")
	// veiled lead to an IPv4 address that cannot be told from them: local NAT64 (RFC 8215), which has it in any
	// of five places, forms that nobody uses any more (RFC 4291, RFC 6890), and Teredo (RFC 4380).
	veiled = prefixes("64:ff9b:1::/48", "::/96", "::ffff:0:0:0/96", "2001::/32")
)

// plain is the address that a connection to ip would really be made to.
func plain(ip netip.Addr) netip.Addr {
	ip = ip.Unmap().WithZone("")
	switch b := ip.As16(); {
	case in(nat64, ip):
		return netip.AddrFrom4([4]byte(b[12:]))
	case in(sixToFour, ip):
		return netip.AddrFrom4([4]byte(b[2:6]))
	}
	return ip
}

// Loopback tells whether an address is this machine's own.
func Loopback(ip netip.Addr) bool { return ip.Unmap().IsLoopback() }

// Ordinary tells whether an address may be a server at all: also one of a private network, or of this
// machine, but neither link-local, where clouds hand out credentials, nor one that is no single machine's.
func Ordinary(ip netip.Addr) bool {
	ip = plain(ip)
	return !ip.IsUnspecified() && !ip.IsLinkLocalUnicast() && !ip.IsMulticast() && !in(metadata, ip) && (ip.IsLoopback() || !in(veiled, ip))
}

// Public tells whether an address is on the internet.
func Public(ip netip.Addr) bool {
	ip = plain(ip)
	return Ordinary(ip) && ip.IsGlobalUnicast() && !ip.IsLoopback() && !ip.IsPrivate() && !in(inside, ip)
}

func in(list []netip.Prefix, ip netip.Addr) bool {
	return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(ip) })
}
