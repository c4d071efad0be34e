package socket

import (
	"net/netip"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// Reached returns the address to connect a TCP socket to. To the kernel the
// unspecified address means the machine itself: the address that the socket is
// bound to, else that of its device, else loopback. So that it passes no rule
// of the policy for these, it is replaced before it is judged, and what was
// judged is what is connected to.
func Reached(fd *sys.FD, addr []byte) []byte {
	to, err := abi.DecodeSockaddr(addr)
	if err != nil || to.Family != abi.FamilyInet && to.Family != abi.FamilyInet6 ||
		fd.Int() >= 0 && !internetStream(fd) { // one of AF_HOSTNAME has no TCP socket yet
		return addr
	}
	var bound netip.Addr
	if local, err := sys.Getsockname(fd.Int()); err == nil {
		if at, err := abi.DecodeSockaddr(local); err == nil {
			bound = at.IP
		}
	}
	ip := specified(to.IP, bound)
	if ip == to.IP {
		return addr
	}
	return abi.EncodeSockaddr(netip.AddrPortFrom(ip, to.Port), to.Family == abi.FamilyInet6)
}

// specified returns the address that the kernel takes for an unspecified one,
// as tcp_v4_connect and tcp_v6_connect do; any other is returned as it is.
func specified(ip, bound netip.Addr) netip.Addr {
	if !ip.Unmap().WithZone("").IsUnspecified() {
		return ip
	}
	mapped := netip.AddrFrom16(netip.AddrFrom4([4]byte{127, 0, 0, 1}).As16())
	v4 := bound.Unmap().Is4() && !bound.Unmap().IsUnspecified()
	switch {
	case ip.Is4() && v4:
		return bound.Unmap()
	case ip.Is4():
		return mapped.Unmap()
	case ip.Is4In6() && v4:
		return netip.AddrFrom16(bound.As16())
	case ip.Is4In6(), bound.Is4In6():
		return mapped
	}
	return netip.IPv6Loopback()
}
