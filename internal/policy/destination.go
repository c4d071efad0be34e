package policy

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// Destination is a peer or a set of peers: a host name, which may begin with
// "*." for all names with one more label, or an address range; and a port.
type Destination struct {
	Host   string       // lower case; "" when Prefix says which
	Prefix netip.Prefix // invalid when Host says which
	Port   uint16       // 0 for all
}

// Made at its first use: most policies name no host.
var hostShape = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(\*\.)?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z_]([a-z0-9_-]{0,61}[a-z0-9_])?\.?$`)
})

// parseHost returns a host name in lower case without a final dot.
func parseHost(text string) (string, error) {
	host := strings.ToLower(text)
	if len(host) > 253 || !hostShape().MatchString(host) {
		return "", fmt.Errorf("%q is not a host name", clip(text))
	}
	return strings.TrimSuffix(host, "."), nil
}

// parsePrefix reads an address or an address range.
func parsePrefix(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		return netip.Prefix{}, fmt.Errorf("%q is not an address or a range as in 10.0.0.0/8", clip(text))
	case prefix.Addr().Is4In6():
		return netip.Prefix{}, fmt.Errorf("write %s as a range of IPv4", clip(text))
	case prefix != prefix.Masked():
		return netip.Prefix{}, fmt.Errorf("%s has bits beyond its length, did you mean %s?", clip(text), prefix.Masked())
	}
	return prefix, nil
}

// parseDestination reads host, host:port, 10.0.0.0/8, 10.0.0.0/8:443,
// 2001:db8::/32 or [2001:db8::/32]:443.
func parseDestination(text string) (Destination, error) {
	var d Destination
	host, port := text, ""
	switch {
	case strings.HasPrefix(text, "["):
		end := strings.IndexByte(text, ']')
		if end < 0 {
			return d, fmt.Errorf("%q has no ]", clip(text))
		}
		host, port = text[1:end], text[end+1:]
	case strings.Count(text, ":") == 1:
		i := strings.IndexByte(text, ':')
		host, port = text[:i], text[i:]
	}
	if port != "" {
		n, err := strconv.ParseUint(strings.TrimPrefix(port, ":"), 10, 16)
		if err != nil || n == 0 || port[0] != ':' {
			return d, fmt.Errorf("%q has no port from 1 to 65535 after its colon", clip(text))
		}
		d.Port = uint16(n)
	}
	var err, hostErr error
	if d.Prefix, err = parsePrefix(host); err == nil {
		return d, nil
	}
	if strings.ContainsAny(host, "/:") {
		return d, err
	}
	if d.Host, hostErr = parseHost(host); hostErr != nil {
		return d, fmt.Errorf("%q is neither a host name nor an address or range", clip(text))
	}
	return d, nil
}

// parseAddressed reads a destination that is an address or range.
func parseAddressed(text string) (Destination, error) {
	d, err := parseDestination(text)
	if err == nil && d.Host != "" {
		return d, errors.New(strconv.Quote(clip(text)) + " is a name; a plain TCP connection has only an address")
	}
	return d, err
}

// Contains reports whether the set has an address and port.
func (d Destination) Contains(peer netip.AddrPort) bool {
	return d.Prefix.IsValid() && d.Prefix.Contains(peer.Addr().Unmap().WithZone("")) &&
		d.hasPort(peer.Port())
}

// ContainsHost reports whether the set has a host name and port.
func (d Destination) ContainsHost(host string, port uint16) bool {
	if d.Host == "" || !d.hasPort(port) {
		return false
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if suffix, ok := strings.CutPrefix(d.Host, "*"); ok {
		label, found := strings.CutSuffix(host, suffix)
		return found && label != "" && !strings.Contains(label, ".")
	}
	return host == d.Host
}

func (d Destination) hasPort(port uint16) bool { return d.Port == 0 || d.Port == port }
