package abi

import (
	"bytes"
	"errors"
	"net/netip"
	"strings"
	"testing"
)

func TestDecodeSockaddr(t *testing.T) {
	host := func(name string) []byte { return append([]byte{43, 0, 0x1f, 0x90}, name...) }
	for _, c := range []struct {
		what  string
		bytes []byte
		want  Sockaddr
		err   error
	}{
		{"empty", nil, Sockaddr{}, EINVAL},
		{"one byte", []byte{2}, Sockaddr{}, EINVAL},
		{"unspec", []byte{0, 0}, Sockaddr{}, nil},
		{"inet", EncodeSockaddr(netip.MustParseAddrPort("127.0.0.1:443"), false),
			Sockaddr{Family: FamilyInet, IP: netip.MustParseAddr("127.0.0.1"), Port: 443}, nil},
		{"short inet", make16(2)[:15], Sockaddr{}, EINVAL},
		{"inet6", EncodeSockaddr(netip.MustParseAddrPort("[fe80::1%3]:443"), true),
			Sockaddr{Family: FamilyInet6, IP: netip.MustParseAddr("fe80::1%3"), Port: 443}, nil},
		{"inet6 without scope", EncodeSockaddr(netip.MustParseAddrPort("[::1]:1"), true)[:24],
			Sockaddr{Family: FamilyInet6, IP: netip.MustParseAddr("::1"), Port: 1}, nil},
		{"host with NUL", host("example.com\x00rubbish"), Sockaddr{Family: FamilyHostname, Port: 8080, Name: "example.com"}, nil},
		{"host without NUL", host("example.com"), Sockaddr{Family: FamilyHostname, Port: 8080, Name: "example.com"}, nil},
		{"host of the greatest length", host(strings.Repeat("a.", 127)),
			Sockaddr{Family: FamilyHostname, Port: 8080, Name: strings.Repeat("a.", 127)}, nil},
		{"whole struct sockaddr_host", append(host("example.com"), make([]byte, 245)...),
			Sockaddr{Family: FamilyHostname, Port: 8080, Name: "example.com"}, nil},
		{"host too long", host(strings.Repeat("a.", 127) + "a"), Sockaddr{}, EINVAL},
		{"host with no name", host(""), Sockaddr{}, EINVAL},
		{"host with an empty name", host("\x00"), Sockaddr{}, EINVAL},
		{"host with a space", host("exa mple"), Sockaddr{}, EINVAL},
		{"unix", append([]byte{1, 0}, "/tmp/x"...), Sockaddr{}, EAFNOSUPPORT},
		{"too long", make([]byte, MaxSockaddr+1), Sockaddr{}, EINVAL},
	} {
		got, err := DecodeSockaddr(c.bytes)
		if !errors.Is(err, c.err) || (err == nil && got != c.want) {
			t.Errorf("%s: DecodeSockaddr = %+v, %v; want %+v, %v", c.what, got, err, c.want, c.err)
		}
	}
}

func make16(family byte) []byte { b := make([]byte, 16); b[0] = family; return b }

func TestValidHostname(t *testing.T) {
	for name, want := range map[string]bool{
		"example.com": true, "example.com.": true, "a": true, "127.0.0.1": true, "::1": true,
		"x_y-z.1": true,
		"":        false, ".": false, "a..b": false, ".a": false, "a b": false, "exämple": false,
		"a\x00b": false, "a/b": false,
		strings.Repeat("a", 63): true, strings.Repeat("a", 64): false,
		strings.Repeat("a.", 126) + "a": true,
		strings.Repeat("a.", 127):       true, strings.Repeat("a.", 127) + "a": false,
		"*.example.com": false,
	} {
		if got := ValidHostname(name); got != want {
			t.Errorf("ValidHostname(%q) = %v, want %v", name, got, want)
		}
	}
}

// Decoding and encoding again gives the meaningful bytes back.
func FuzzDecodeSockaddr(f *testing.F) {
	f.Add(EncodeSockaddr(netip.MustParseAddrPort("127.0.0.1:443"), false))
	f.Add(EncodeSockaddr(netip.MustParseAddrPort("[fe80::1%3]:443"), true))
	f.Add([]byte("\x2b\x00\x01\xbbexample.com\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := DecodeSockaddr(b)
		if err != nil {
			return
		}
		switch s.Family {
		case FamilyInet:
			again := EncodeSockaddr(netip.AddrPortFrom(s.IP, s.Port), false)
			if !bytes.Equal(again[:8], b[:8]) {
				t.Errorf("%x decodes to %+v and encodes to %x", b, s, again)
			}
		case FamilyInet6:
			again := EncodeSockaddr(netip.AddrPortFrom(s.IP, s.Port), true)
			if !bytes.Equal(again[8:24], b[8:24]) || !bytes.Equal(again[2:4], b[2:4]) {
				t.Errorf("%x decodes to %+v and encodes to %x", b, s, again)
			}
		case FamilyHostname:
			if !ValidHostname(s.Name) {
				t.Errorf("%x decodes to the host name %q", b, s.Name)
			}
		}
	})
}

func TestOptionsAreOrderedAndNamed(t *testing.T) {
	last := Option(0)
	for _, o := range Options {
		if o.Option <= last {
			t.Errorf("%s (%d) does not follow %d", o.Name, o.Option, last)
		}
		last = o.Option
		if !strings.HasPrefix(o.Name, "TLS_") || o.Doc == "" {
			t.Errorf("option %d has name %q and doc %q", o.Option, o.Name, o.Doc)
		}
		if o.Set == Never && o.Get == Never {
			t.Errorf("%s can be neither set nor asked for", o.Name)
		}
	}
}
