package policy

import (
	"fmt"
	"net/netip"
)

// Forbidden is the error of a peer that the policy does not let a program talk
// to.
type Forbidden struct {
	Sentence string
	At       Position // of the list that decided
}

func (e *Forbidden) Error() string { return e.Sentence }

// MayTalkTo judges a peer by peers.allow and peers.deny: by the name it has to
// prove and by its address, which is not valid before a name has been resolved.
// The error is a *Forbidden.
func (e *Effective) MayTalkTo(name string, peer netip.AddrPort) error {
	in := func(list []Destination) bool {
		for _, d := range list {
			if d.ContainsHost(name, peer.Port()) || peer.Addr().IsValid() && d.Contains(peer) {
				return true
			}
		}
		return false
	}
	switch {
	case in(e.PeersDenied):
		at := e.Origin("peers.deny")
		return &Forbidden{fmt.Sprintf("the policy forbids connections to %s (%s)", peerText(name, peer), at), at}
	case len(e.PeersAllowed) == 0, in(e.PeersAllowed),
		!peer.Addr().IsValid() && hasAddresses(e.PeersAllowed):
		return nil
	}
	at := e.Origin("peers.allow")
	return &Forbidden{fmt.Sprintf("%s is not among the peers that the policy allows (%s)", peerText(name, peer), at), at}
}

// hasAddresses reports whether a list may still allow a name once its address
// is known.
func hasAddresses(list []Destination) bool {
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
