package revocation

import (
	"fmt"
	"net/netip"
	"syscall"
)

// notPublic are the ranges beyond those that net/netip knows as private,
// loopback, link-local or multicast, where no authority publishes anything.
var notPublic = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"), // shared by carriers, RFC 6598
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("192.88.99.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("::/96"),
	netip.MustParsePrefix("64:ff9b::/96"), // leads to IPv4 addresses, private ones too
	netip.MustParsePrefix("64:ff9b:1::/48"),
	netip.MustParsePrefix("100::/64"),
	netip.MustParsePrefix("2001::/23"), // Teredo and other special uses
	netip.MustParsePrefix("2001:db8::/32"),
	netip.MustParsePrefix("2002::/16"), // 6to4: leads to IPv4 addresses too
	netip.MustParsePrefix("3fff::/20"),
	netip.MustParsePrefix("5f00::/16"),
	netip.MustParsePrefix("fec0::/10"),
}

// public reports whether an address is one that anyone on the Internet can
// reach.
func public(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	if !addr.IsGlobalUnicast() || addr.IsPrivate() {
		return false
	}
	for _, prefix := range notPublic {
		if prefix.Contains(addr) {
			return false
		}
	}
	return true
}

// errNotPublic says that a fetch would have gone where it must not.
type errNotPublic struct{ addr netip.Addr }

func (e errNotPublic) Error() string {
	return fmt.Sprintf("%s is not a public address, and the policy has trust.revocation_networks: public", e.addr)
}

// onlyPublic is for net.Dialer.Control: it sees the address that is connected
// to, after every look-up of a name, so that no name and no redirect can lead
// elsewhere.
func onlyPublic(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("the address %s cannot be judged: %w", address, err)
	}
	if !public(to.Addr()) {
		return errNotPublic{to.Addr()}
	}
	return nil
}
