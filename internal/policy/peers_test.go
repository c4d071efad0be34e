package policy

import (
	"net/netip"
	"testing"
)

func TestJudgePeer(t *testing.T) {
	private := Destination{Prefix: netip.MustParsePrefix("10.0.0.0/8")}
	bank := Destination{Host: "bank.example", Port: 443}
	all := Destination{Host: "*.example"}
	for _, test := range []struct {
		name        string
		allow, deny []Destination
		host, addr  string
		want        Verdict // without At
		may         bool
	}{
		{"nothing said", nil, nil, "bank.example", "", Verdict{Allowed: true, Key: "peers.allow"}, true},
		{"allowed", []Destination{all, bank}, nil, "bank.example", "", Verdict{Allowed: true, Key: "peers.allow", Fits: &all}, true},
		{"deny wins", []Destination{bank}, []Destination{all}, "bank.example", "10.0.0.1", Verdict{Key: "peers.deny", Fits: &all}, false},
		{"address", []Destination{private}, nil, "bank.example", "10.0.0.1", Verdict{Allowed: true, Key: "peers.allow", Fits: &private}, true},
		{"mapped address", []Destination{private}, nil, "bank.example", "::ffff:10.0.0.1", Verdict{Allowed: true, Key: "peers.allow", Fits: &private}, true},
		{"address outside", []Destination{private}, nil, "bank.example", "11.0.0.1", Verdict{Key: "peers.allow"}, false},
		{"address not known", []Destination{private}, nil, "bank.example", "", Verdict{Key: "peers.allow", Pending: true}, true},
		{"address denied, not known", nil, []Destination{private}, "bank.example", "", Verdict{Allowed: true, Key: "peers.allow", Pending: true}, true},
		{"other name", []Destination{bank}, nil, "other.example", "", Verdict{Key: "peers.allow"}, false},
	} {
		e := *Builtin().Default()
		e.PeersAllowed, e.PeersDenied = test.allow, test.deny
		addr, _ := netip.ParseAddr(test.addr) // invalid for ""
		peer := netip.AddrPortFrom(addr, 443)
		got := e.JudgePeer(test.host, peer)
		if !same(got, test.want) {
			t.Errorf("%s: %+v, want %+v", test.name, got, test.want)
		}
		if err := e.MayTalkTo(test.host, peer); (err == nil) != test.may {
			t.Errorf("%s: may talk to it: %v, want %v", test.name, err, test.may)
		}
	}
}

// same compares verdicts by what they say, not by where they say it.
func same(a, b Verdict) bool {
	fits := func(d *Destination) Destination {
		if d == nil {
			return Destination{}
		}
		return *d
	}
	return a.Allowed == b.Allowed && a.Key == b.Key && a.Pending == b.Pending &&
		fits(a.Fits) == fits(b.Fits) && (a.Upgrade == nil) == (b.Upgrade == nil)
}

// Addresses with a zone, as link-local ones have, are in a range as without it.
func TestJudgePlainTCP(t *testing.T) {
	local := Upgrade{To: netip.MustParsePrefix("fe80::/10"), Port: 25, Name: "mail.example"}
	list := PlainTCP{PlainTCPList,
		[]Destination{{Prefix: netip.MustParsePrefix("10.0.0.0/8"), Port: 80}}}
	for _, test := range []struct {
		name  string
		plain PlainTCP
		addr  string
		port  uint16
		want  Verdict
	}{
		{"upgraded", PlainTCP{Mode: PlainTCPDeny}, "fe80::1", 25, Verdict{Allowed: true, Key: "upgrade", Upgrade: &local}},
		{"upgraded, with a zone", PlainTCP{Mode: PlainTCPAllow}, "fe80::1%2", 25, Verdict{Allowed: true, Key: "upgrade", Upgrade: &local}},
		{"perhaps upgraded", PlainTCP{Mode: PlainTCPAllow}, "", 25, Verdict{Key: "upgrade", Pending: true}},
		{"other port", PlainTCP{Mode: PlainTCPAllow}, "fe80::1%2", 26, Verdict{Allowed: true, Key: "plain_tcp"}},
		{"denied", PlainTCP{Mode: PlainTCPDeny}, "", 80, Verdict{Key: "plain_tcp"}},
		{"on the list", list, "10.0.0.1", 80, Verdict{Allowed: true, Key: "plain_tcp", Fits: &list.To[0]}},
		{"not on the list", list, "10.0.0.1", 81, Verdict{Key: "plain_tcp"}},
		{"perhaps on the list", list, "", 80, Verdict{Key: "plain_tcp", Pending: true}},
	} {
		e := *Builtin().Default()
		e.PlainTCP, e.Upgrade = test.plain, []Upgrade{local}
		addr, _ := netip.ParseAddr(test.addr)
		if got := e.JudgePlainTCP(netip.AddrPortFrom(addr, test.port)); !same(got, test.want) {
			t.Errorf("%s: %+v, want %+v", test.name, got, test.want)
		}
	}
}
