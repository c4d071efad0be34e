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
	v.Allowed, v.Why = judgeDestination(e, host, port)
	if pins := e.Pins[host]; len(pins) > 0 {
		v.PinsFrom = e.Origin("trust.pins").String()
		for _, pin := range pins {
			v.Pins = append(v.Pins, "sha256/"+base64.StdEncoding.EncodeToString(pin[:]))
		}
	}
	return v, nil
}

func judgeDestination(e *policy.Effective, host string, port uint16) (bool, string) {
	has := func(d policy.Destination) bool { return d.ContainsHost(host, port) }
	byAddress := false
	if addr, err := netip.ParseAddr(host); err == nil {
		has = func(d policy.Destination) bool { return d.Contains(netip.AddrPortFrom(addr, port)) }
		byAddress = true
	}
	ranges := ""
	for _, d := range e.PeersDenied {
		if has(d) {
			return false, fmt.Sprintf("%s is in peers.deny (%s)", d, e.Origin("peers.deny"))
		}
		if d.Host == "" && !byAddress {
			ranges = "; its addresses, which are known once it is connected to, must not be in those of peers.deny"
		}
	}
	if len(e.PeersAllowed) == 0 {
		return true, "peers.allow is empty, which allows everyone" + ranges
	}
	for _, d := range e.PeersAllowed {
		if has(d) {
			return true, fmt.Sprintf("%s is in peers.allow (%s)", d, e.Origin("peers.allow")) + ranges
		}
		if d.Host == "" && !byAddress {
			ranges = "; it would be if one of its addresses were in the ranges there"
		}
	}
	return false, fmt.Sprintf("it is not in peers.allow (%s)", e.Origin("peers.allow")) + ranges
}
