package revocation

import (
	"errors"
	"net/netip"
	"testing"
)

func TestPublic(t *testing.T) {
	for text, want := range map[string]bool{
		"93.184.216.34": true, "8.8.8.8": true, "2606:4700::1": true, "::ffff:8.8.8.8": true,
		"172.32.0.1": true, "100.128.0.1": true,
		"127.0.0.1": false, "::1": false, "::ffff:127.0.0.1": false, "0.0.0.0": false, "::": false,
		"10.1.2.3":   false,
		"172.16.0.1": false, "192.168.1.1": false, "169.254.169.254": false, "fe80::1": false,
		"fe80::1%eth0": false,
		"fc00::1":      false, "fd12::1": false, "224.0.0.1": false, "ff02::1": false,
		"255.255.255.255": false, "240.0.0.1": false,
		"100.64.0.1": false, "198.18.0.1": false, "192.0.2.1": false, "0.1.2.3": false,
		"64:ff9b::7f00:1": false,
		"2002:7f00:1::":   false, "2001:db8::1": false, "::7f00:1": false, "fec0::1": false,
		"2001::1": false,
	} {
		if got := public(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s is public: %v, want %v", text, got, want)
		}
	}
}

func TestOnlyPublic(t *testing.T) {
	if err := onlyPublic("tcp4", "8.8.8.8:80", nil); err != nil {
		t.Errorf("a public address is refused: %v", err)
	}
	var refused errNotPublic
	if err := onlyPublic("tcp6", "[::ffff:10.0.0.1]:80", nil); !errors.As(err, &refused) {
		t.Errorf("a private address gives %v", err)
	}
	for _, text := range []string{"", "name:80", "8.8.8.8"} {
		if err := onlyPublic("tcp", text, nil); err == nil {
			t.Errorf("%q is connected to", text)
		}
	}
}
