package abi

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"strconv"
)

// Sizes of socket addresses in bytes.
const (
	SizeSockaddrInet   = 16
	SizeSockaddrInet6  = 28
	MinSockaddrInet6   = 24 // RFC 2133, without sin6_scope_id, which Linux still takes
	maxHostname        = 255
	offsetHostname     = 4
	MaxSockaddr        = 260 // the longest: sizeof(struct sockaddr_host), with one byte of padding
	maxResolvableLabel = 253 // RFC 1035, 2.3.4, without the last dot
)

// Sockaddr is a decoded socket address.
type Sockaddr struct {
	Family uint16
	// IP and Port are those of AF_INET and AF_INET6; Port also of AF_HOSTNAME.
	IP   netip.Addr
	Port uint16
	// Name is the host name of AF_HOSTNAME.
	Name string
}

// DecodeSockaddr decodes the bytes of a struct sockaddr_in, sockaddr_in6 or
// sockaddr_host, hostile until then. The family is in host byte order, the
// port in network byte order. Too few bytes for the family are EINVAL, and so
// is a host name that cannot be one; another family is EAFNOSUPPORT, of which
// Family tells which. AF_UNSPEC decodes to its family alone.
func DecodeSockaddr(b []byte) (Sockaddr, error) {
	if len(b) < 2 || len(b) > MaxSockaddr {
		return Sockaddr{}, EINVAL
	}
	s := Sockaddr{Family: binary.NativeEndian.Uint16(b)}
	switch s.Family {
	case FamilyUnspec:
		return s, nil
	case FamilyInet:
		if len(b) < SizeSockaddrInet {
			return s, EINVAL
		}
		s.IP = netip.AddrFrom4([4]byte(b[4:8]))
	case FamilyInet6:
		if len(b) < MinSockaddrInet6 {
			return s, EINVAL
		}
		s.IP = netip.AddrFrom16([16]byte(b[8:24]))
		if len(b) >= SizeSockaddrInet6 {
			if scope := binary.NativeEndian.Uint32(b[24:28]); scope != 0 {
				s.IP = s.IP.WithZone(strconv.FormatUint(uint64(scope), 10))
			}
		}
	case FamilyHostname:
		if len(b) <= offsetHostname {
			return s, EINVAL
		}
		name, _, _ := bytes.Cut(b[offsetHostname:min(len(b), offsetHostname+maxHostname)], []byte{0})
		if !ValidHostname(string(name)) {
			return s, EINVAL
		}
		s.Name = string(name)
	default:
		return s, EAFNOSUPPORT
	}
	s.Port = binary.BigEndian.Uint16(b[2:4])
	return s, nil
}

// EncodeSockaddr returns the bytes of a struct sockaddr_in or, when v6 is
// asked for, sockaddr_in6 with IPv4 addresses mapped into it.
func EncodeSockaddr(a netip.AddrPort, v6 bool) []byte {
	if !v6 {
		b := make([]byte, SizeSockaddrInet)
		binary.NativeEndian.PutUint16(b, FamilyInet)
		binary.BigEndian.PutUint16(b[2:], a.Port())
		ip := a.Addr().As4()
		copy(b[4:], ip[:])
		return b
	}
	b := make([]byte, SizeSockaddrInet6)
	binary.NativeEndian.PutUint16(b, FamilyInet6)
	binary.BigEndian.PutUint16(b[2:], a.Port())
	ip := a.Addr().As16()
	copy(b[8:], ip[:])
	if scope, err := strconv.ParseUint(a.Addr().Zone(), 10, 32); err == nil {
		binary.NativeEndian.PutUint32(b[24:], uint32(scope))
	}
	return b
}

// ValidHostname reports whether a name may be resolved and verified: labels
// of letters, digits, hyphens and underscores, 63 bytes at most each, 253 in
// all (RFC 1035, 2.3.4), one dot at the end allowed; or the text of an address.
func ValidHostname(name string) bool {
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	if n := len(name); n > 0 && name[n-1] == '.' {
		name = name[:n-1]
	}
	if name == "" || len(name) > maxResolvableLabel {
		return false
	}
	label := 0
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case c == '.':
			if label == 0 {
				return false
			}
			label = 0
			continue
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
		default:
			return false
		}
		if label++; label > 63 {
			return false
		}
	}
	return label > 0
}
