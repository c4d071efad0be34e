package constraints

import (
	"bytes"
	"errors"
	"net/netip"
	"net/url"
	"strings"
)

var errNotComparable = errors.New("it cannot be checked against the constraints of its issuers")

// matchDNS: the domain itself and what ends in it after a dot; a constraint
// that begins with a dot is for what is below alone (erratum 5997). An empty one
// is for all names.
func matchDNS(constraint, name []byte, excluded bool) (bool, error) {
	if len(name) > 0 && !isHost(string(name)) {
		return false, errNotComparable
	}
	domain, host := lower(constraint), lower(name)
	if domain == "" || host == domain || below(host, domain) {
		return true, nil
	}
	// A wildcard stands for a name that is excluded, if for any below its own.
	parent, wildcard := strings.CutPrefix(host, "*.")
	if excluded && wildcard {
		_, above, dotted := strings.Cut(strings.TrimPrefix(domain, "."), ".")
		return dotted && above == parent || strings.HasPrefix(domain, ".") && domain[1:] == parent, nil
	}
	return false, nil
}

// matchURI is about the host of a URI: a constraint names that host alone, or
// with a dot before it all below. What has no host, or an address for one, is
// to be refused (RFC 5280, 4.2.1.10).
func matchURI(constraint, name []byte, excluded bool) (bool, error) {
	parsed, err := url.Parse(string(name))
	if err != nil {
		return false, errNotComparable
	}
	host := strings.TrimSuffix(strings.ToLower(parsed.Hostname()), ".")
	if _, err := netip.ParseAddr(host); err == nil || !isHost(host) {
		return false, errNotComparable
	}
	return matchHost(lower(constraint), host, excluded), nil
}

// matchMailbox: a constraint is a mailbox, a host, or with a dot before it all
// hosts below. Case matters before the @, and not behind it (RFC 5280, 7.5).
func matchMailbox(constraint, name []byte, excluded bool) (bool, error) {
	local, host, ok := splitMailbox(string(name))
	if !ok {
		return false, errNotComparable
	}
	if !bytes.ContainsRune(constraint, '@') {
		return matchHost(lower(constraint), host, excluded), nil
	}
	wanted, at, ok := splitMailbox(string(constraint))
	if !ok {
		return false, errMalformed
	}
	return host == at && local == wanted, nil
}

// matchHost compares hosts of URIs and mailboxes. No host is empty, but who
// excludes an empty one means all.
func matchHost(constraint, host string, excluded bool) bool {
	if constraint == "" {
		return excluded
	}
	return host == constraint || strings.HasPrefix(constraint, ".") && below(host, constraint)
}

func below(host, domain string) bool {
	if !strings.HasPrefix(domain, ".") {
		domain = "." + domain
	}
	return len(host) > len(domain) && strings.HasSuffix(host, domain)
}

// splitMailbox takes a mailbox apart, without the quotes that its first part
// may be in. The host is in lower case.
func splitMailbox(s string) (local, host string, ok bool) {
	at := strings.LastIndexByte(s, '@')
	if at < 1 {
		return "", "", false
	}
	local, host = s[:at], lower([]byte(s[at+1:]))
	if !isHost(host) {
		return "", "", false
	}
	if local[0] != '"' {
		return local, host, !strings.ContainsAny(local, "\"\\@ ")
	}
	if len(local) < 2 || !strings.HasSuffix(local, `"`) {
		return "", "", false
	}
	var plain strings.Builder
	for rest := local[1 : len(local)-1]; rest != ""; rest = rest[1:] {
		switch {
		case rest[0] == '\\' && len(rest) > 1:
			rest = rest[1:]
		case rest[0] == '\\', rest[0] == '"':
			return "", "", false
		}
		plain.WriteByte(rest[0])
	}
	return plain.String(), host, true
}

// matchAddress: a constraint is an address and a mask. Bits behind the mask mean
// nothing. An IPv4 address written as one of IPv6 is compared as both: it is
// taken for either.
func matchAddress(constraint, name []byte, excluded bool) (bool, error) {
	const v4, v6 = 4, 16
	size := len(constraint) / 2
	if len(constraint) != 2*v4 && len(constraint) != 2*v6 || len(name) != v4 && len(name) != v6 {
		return false, errMalformed
	}
	if addr, _ := netip.AddrFromSlice(name); addr.Is4In6() && (!excluded || size == v4) {
		name = name[v6-v4:]
	}
	if len(name) != size {
		return false, nil
	}
	for i := range name {
		if mask := constraint[size+i]; name[i]&mask != constraint[i]&mask {
			return false, nil
		}
	}
	return true, nil
}

// isHost says whether a name can be compared label by label. It may be a
// wildcard. Lengths do not matter here, and real certificates get them wrong.
func isHost(s string) bool {
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || strings.ContainsFunc(label, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return false
		}
	}
	return true
}

// lower is for ASCII: names of the DNS have nothing else.
func lower(b []byte) string { return strings.ToLower(string(b)) }
