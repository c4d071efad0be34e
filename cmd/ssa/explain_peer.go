package main

import (
	"encoding/base64"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/secure-socket-api/ssa/internal/policy"
)

// peerVerdict says whether a program may talk to a peer.
type peerVerdict struct {
	Peer     string   `json:"peer"`
	Allowed  bool     `json:"allowed"`
	Why      string   `json:"why"`
	Pins     []string `json:"pins,omitempty"`
	PinsFrom string   `json:"pins_from,omitempty"`
	PlainTCP string   `json:"plain_tcp"` // what becomes of a plain TCP connection
}

// splitPeer reads host:port, or [address]:port.
func splitPeer(text string) (host string, port uint16, err error) {
	host, service, err := net.SplitHostPort(text)
	if err == nil && host == "" {
		err = fmt.Errorf("no host")
	}
	n := 0
	if err == nil {
		if n, err = net.LookupPort("tcp", service); err == nil && n == 0 {
			err = fmt.Errorf("port 0")
		}
	}
	if err != nil {
		return "", 0, &problem{what: fmt.Sprintf("%q is not a host and a port", printable(text)),
			hint: "write host:port, as in example.com:443 or [2001:db8::1]:443", status: statusUsage}
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Unmap().WithZone("").String(), uint16(n), nil
	}
	return strings.ToLower(strings.TrimSuffix(host, ".")), uint16(n), nil
}

// judgePeer asks a policy about a peer by the name given, without resolving it.
func judgePeer(e *policy.Effective, text string) (*peerVerdict, error) {
	host, port, err := splitPeer(text)
	if err != nil {
		return nil, err
	}
	v := &peerVerdict{Peer: net.JoinHostPort(host, strconv.Itoa(int(port)))}
	v.Allowed, v.Why = judgeDestination(e, host, netip.Addr{}, port)
	v.PlainTCP = judgePlainTCP(e, host, port)
	pins := e.Pins[host]
	if _, above, ok := strings.Cut(host, "."); ok && pins == nil {
		pins = e.Pins["*."+above]
	}
	for _, pin := range pins {
		v.PinsFrom = e.Origin("trust.pins").String()
		v.Pins = append(v.Pins, "sha256/"+base64.StdEncoding.EncodeToString(pin[:]))
	}
	return v, nil
}

// judgeDestination says whether the policy lets a program talk to a host, by
// its name or the text of its address; addr is what the name leads to, if that
// is known.
func judgeDestination(e *policy.Effective, host string, addr netip.Addr,
	port uint16) (bool, string) {
	if literal, err := netip.ParseAddr(host); err == nil && !addr.IsValid() {
		addr = literal
	}
	has := func(d policy.Destination) bool {
		return d.ContainsHost(host, port) || addr.IsValid() && d.Contains(netip.AddrPortFrom(addr, port))
	}
	more := ""
	for _, d := range e.PeersDenied {
		if has(d) {
			return false, fmt.Sprintf("%s is in peers.deny (%s)", d, e.Origin("peers.deny"))
		}
		if d.Host == "" && !addr.IsValid() {
			more = "; its addresses, known once it is connected to, must not be in those of peers.deny"
		}
	}
	if len(e.PeersAllowed) == 0 {
		return true, "peers.allow is empty, which allows everyone" + more
	}
	for _, d := range e.PeersAllowed {
		if has(d) {
			return true, fmt.Sprintf("%s is in peers.allow (%s)", d, e.Origin("peers.allow")) + more
		}
	}
	more = ""
	if !addr.IsValid() &&
		slices.ContainsFunc(e.PeersAllowed, func(d policy.Destination) bool { return d.Host == "" }) {
		more = "; it would be if its address were in one of the ranges there"
	}
	return false, fmt.Sprintf("it is not in peers.allow (%s)", e.Origin("peers.allow")) + more
}

// judgePlainTCP says what becomes of a plain TCP connection, which has only an
// address.
func judgePlainTCP(e *policy.Effective, host string, port uint16) string {
	addr, err := netip.ParseAddr(host)
	known := err == nil
	upgrades := slices.ContainsFunc(e.Upgrade,
		func(u policy.Upgrade) bool { return u.Port == port || u.Port == 0 })
	if known {
		for _, u := range e.Upgrade {
			if u.To.Contains(addr) && (u.Port == port || u.Port == 0) {
				return fmt.Sprintf("made TLS, and the peer must prove to be %s (upgrade, %s)", u.Name, e.Origin("upgrade"))
			}
		}
	}
	from := fmt.Sprintf(" (plain_tcp, %s)", e.Origin("plain_tcp"))
	switch {
	case upgrades && !known:
		return fmt.Sprintf("depends on the address (upgrade, %s)", e.Origin("upgrade"))
	case e.PlainTCP.Mode == policy.PlainTCPAllow:
		return "allowed" + from
	case e.PlainTCP.Mode == policy.PlainTCPDeny:
		return "refused" + from
	case !known:
		return "depends on the address" + from
	case slices.ContainsFunc(e.PlainTCP.To,
		func(d policy.Destination) bool { return d.Contains(netip.AddrPortFrom(addr, port)) }):
		return "allowed" + from
	}
	return "refused" + from
}
