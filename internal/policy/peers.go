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

// Verdict is what a policy says of a peer, and what in it decides that.
type Verdict struct {
	Allowed bool
	// Upgrade, when not nil, says that a plain TCP connection is made TLS.
	Upgrade *Upgrade
	// Key is the key that decides, At where the policy sets it, and Fits its item
	// that fits the peer; nil when none does.
	Key  string
	At   Position
	Fits *Destination
	// Pending says that the address of the peer, which is not known, decides: the
	// rest is what holds if no item has it.
	Pending bool
}

// JudgePeer judges a peer by peers.allow and peers.deny: by the name it has to
// prove and by its address, which is not valid before a name has been resolved.
func (e *Effective) JudgePeer(name string, peer netip.AddrPort) Verdict {
	known := peer.Addr().IsValid()
	fits := func(list []Destination) *Destination {
		for i, d := range list {
			if d.ContainsHost(name, peer.Port()) || known && d.Contains(peer) {
				return &list[i]
			}
		}
		return nil
	}
	if d := fits(e.PeersDenied); d != nil {
		return Verdict{Key: "peers.deny", At: e.Origin("peers.deny"), Fits: d}
	}
	v := Verdict{Key: "peers.allow", At: e.Origin("peers.allow"), Fits: fits(e.PeersAllowed)}
	v.Allowed = v.Fits != nil || len(e.PeersAllowed) == 0
	if v.Allowed {
		v.Pending = !known && hasAddresses(e.PeersDenied)
	} else {
		v.Pending = !known && hasAddresses(e.PeersAllowed)
	}
	return v
}

// MayTalkTo is JudgePeer for who goes on when nothing is against it yet. The
// error is a *Forbidden.
func (e *Effective) MayTalkTo(name string, peer netip.AddrPort) error {
	switch v := e.JudgePeer(name, peer); {
	case v.Allowed, v.Pending:
		return nil
	case v.Fits != nil:
		return &Forbidden{fmt.Sprintf("the policy forbids connections to %s (%s)",
			peerText(name, peer), v.At), v.At}
	default:
		return &Forbidden{fmt.Sprintf("%s is not among the peers that the policy allows (%s)",
			peerText(name, peer), v.At), v.At}
	}
}

// JudgePlainTCP judges a plain TCP connection by plain_tcp and upgrade: by its
// address, which is not valid where only a name is known.
func (e *Effective) JudgePlainTCP(peer netip.AddrPort) Verdict {
	known := peer.Addr().IsValid()
	for i, u := range e.Upgrade {
		switch to := (Destination{Prefix: u.To, Port: u.Port}); {
		case known && to.Contains(peer):
			return Verdict{Allowed: true, Upgrade: &e.Upgrade[i], Key: "upgrade", At: e.Origin("upgrade")}
		case !known && to.hasPort(peer.Port()):
			return Verdict{Key: "upgrade", At: e.Origin("upgrade"), Pending: true}
		}
	}
	v := Verdict{Key: "plain_tcp", At: e.Origin("plain_tcp"),
		Allowed: e.PlainTCP.Mode == PlainTCPAllow}
	if e.PlainTCP.Mode != PlainTCPList {
		return v
	}
	v.Pending = !known
	for i, d := range e.PlainTCP.To {
		if known && d.Contains(peer) {
			v.Allowed, v.Fits = true, &e.PlainTCP.To[i]
			break
		}
	}
	return v
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
