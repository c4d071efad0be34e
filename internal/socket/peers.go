package socket

import (
	"net/netip"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/policy"
)

// mayTalkTo judges a peer by the policy's peers.allow and peers.deny: by the
// name it has to prove and by its address, which is not valid before a name has
// been resolved.
func mayTalkTo(e *policy.Effective, name string, peer netip.AddrPort) error {
	in := func(list []policy.Destination) bool {
		for _, d := range list {
			if d.ContainsHost(name, peer.Port()) || peer.Addr().IsValid() && d.Contains(peer) {
				return true
			}
		}
		return false
	}
	switch {
	case in(e.PeersDenied):
		return fail(abi.EPERM, "the policy forbids to talk to %s (%s)", peerText(name, peer), e.Origin("peers.deny"))
	case len(e.PeersAllowed) == 0, in(e.PeersAllowed), !peer.Addr().IsValid() && hasAddresses(e.PeersAllowed):
		return nil
	}
	return fail(abi.EPERM, "%s is not among the peers that the policy allows (%s)", peerText(name, peer), e.Origin("peers.allow"))
}

// hasAddresses reports whether a list may still allow a name once its address
// is known.
func hasAddresses(list []policy.Destination) bool {
	for _, d := range list {
		if d.Prefix.IsValid() {
			return true
		}
	}
	return false
}

func peerText(name string, peer netip.AddrPort) string {
	if !peer.Addr().IsValid() {
		return name
	}
	if name == peer.Addr().String() {
		return peer.String()
	}
	return name + " at " + peer.String()
}
