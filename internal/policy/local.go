package policy

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

var (
	refuseHost = &Refusal{
		CodeHost, http.StatusMisdirectedRequest,
		"address this proxy as localhost or by its own address, or add the name to the allowed hosts",
	}
	refuseCaller = &Refusal{
		CodeCaller, http.StatusForbidden,
		"call from the same host, or turn on caller authentication",
	}
)

// CheckHost refuses requests that were led here by a name of somebody else, as DNS rebinding does.
// The Host header's name must be localhost, a loopback address, the local address of the
// connection, or one that allowed accepts; allowed is given the name in lower case, without port
// and final dot, and may be nil. Over a unix socket any host is fine.
func CheckHost(r *http.Request, allowed func(host string) bool) *Refusal {
	local := localAddr(r)
	if _, ok := local.(*net.UnixAddr); ok {
		return nil
	}
	name, ok := hostName(r.Host)
	if !ok {
		return refuseHost
	}
	if name == "localhost" {
		return nil
	}
	if ip, ok := literal(name); ok && (ip.IsLoopback() || ip == addrOf(local)) {
		return nil
	}
	if allowed != nil && allowed(name) {
		return nil
	}
	return refuseHost
}

// CheckCaller refuses requests from other machines. It is for listeners that know no caller keys:
// a site address such as http://localhost:8090 listens on every interface.
func CheckCaller(r *http.Request) *Refusal {
	// The remote address of a unix socket is empty or "@", which proves nothing by itself.
	if _, ok := localAddr(r).(*net.UnixAddr); ok {
		return nil
	}
	remote, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !remote.Addr().Unmap().WithZone("").IsLoopback() {
		return refuseCaller
	}
	return nil
}

// localAddr returns the address the connection was accepted on, or nil.
func localAddr(r *http.Request) net.Addr {
	addr, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return addr
}

// addrOf returns the IP address of a TCP or UDP address, or the zero Addr.
func addrOf(a net.Addr) netip.Addr {
	var ip netip.Addr
	switch a := a.(type) {
	case *net.TCPAddr:
		ip = a.AddrPort().Addr()
	case *net.UDPAddr:
		ip = a.AddrPort().Addr()
	}
	return ip.Unmap().WithZone("")
}

// literal parses an IP address. Names are sorted out first, since an error of netip allocates.
func literal(name string) (netip.Addr, bool) {
	if strings.Contains(name, ":") || '0' <= name[0] && name[0] <= '9' {
		ip, err := netip.ParseAddr(name)
		return ip.Unmap().WithZone(""), err == nil
	}
	return netip.Addr{}, false
}

// hostName splits the port off a Host header and returns the name in lower case, an IPv6 address
// without its brackets.
func hostName(host string) (string, bool) {
	name, port := host, ""
	if rest, ok := strings.CutPrefix(host, "["); ok {
		if name, port, ok = strings.Cut(rest, "]"); !ok || !strings.Contains(name, ":") {
			return "", false
		}
	} else if i := strings.IndexByte(host, ':'); i >= 0 {
		name, port = strings.TrimSuffix(host[:i], "."), host[i:]
	} else {
		name = strings.TrimSuffix(host, ".")
	}
	return strings.ToLower(name), name != "" && validPort(port)
}

// validPort accepts nothing, or a colon and digits.
func validPort(port string) bool {
	if port == "" {
		return true
	}
	return port[0] == ':' && strings.Trim(port[1:], "0123456789") == ""
}
