package socket

import (
	"net/netip"
	"testing"
)

func TestSpecified(t *testing.T) {
	for _, c := range []struct{ to, bound, want string }{
		{"0.0.0.0", "0.0.0.0", "127.0.0.1"},
		{"0.0.0.0", "192.0.2.1", "192.0.2.1"},
		{"192.0.2.9", "192.0.2.1", "192.0.2.9"},
		{"::ffff:0.0.0.0", "::", "::ffff:127.0.0.1"},
		{"::ffff:0.0.0.0", "::ffff:192.0.2.1", "::ffff:192.0.2.1"},
		{"::", "::", "::1"},
		{"::", "2001:db8::1", "::1"},
		{"::", "::ffff:192.0.2.1", "::ffff:127.0.0.1"},
		{"::%3", "::", "::1"},
		{"fe80::1%3", "::", "fe80::1%3"},
	} {
		got := specified(netip.MustParseAddr(c.to), netip.MustParseAddr(c.bound))
		if got != netip.MustParseAddr(c.want) {
			t.Errorf("%s of a socket at %s: %s, want %s", c.to, c.bound, got, c.want)
		}
	}
}
