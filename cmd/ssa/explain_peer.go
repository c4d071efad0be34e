package main

import (
	"encoding/base64"
	"fmt"
	"net"
	"net/netip"
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
	v := e.JudgePeer(host, netip.AddrPortFrom(addr, port))
	why, more := "", ""
	switch {
	case v.Fits != nil:
		why = fmt.Sprintf("%s is in %s (%s)", v.Fits, v.Key, v.At)
	case v.Allowed:
		why = "peers.allow is empty, which allows everyone"
	default:
		why = fmt.Sprintf("it is not in %s (%s)", v.Key, v.At)
	}
	switch {
	case v.Pending && v.Allowed:
		more = "; its addresses, known once it is connected to, must not be in those of peers.deny"
	case v.Pending:
		more = "; it would be if its address were in one of the ranges there"
	}
	return v.Allowed, why + more
}

// judgePlainTCP says what becomes of a plain TCP connection, which has only an
// address.
func judgePlainTCP(e *policy.Effective, host string, port uint16) string {
	addr, _ := netip.ParseAddr(host)
	v := e.JudgePlainTCP(netip.AddrPortFrom(addr, port))
	from := fmt.Sprintf(" (%s, %s)", v.Key, v.At)
	switch {
	case v.Upgrade != nil:
		return fmt.Sprintf("made TLS, and the peer must prove to be %s", v.Upgrade.Name) + from
	case v.Pending:
		return "depends on the address" + from
	case v.Allowed:
		return "allowed" + from
	}
	return "refused" + from
}
