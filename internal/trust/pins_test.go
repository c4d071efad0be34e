package trust_test

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/internal/trust"
	"github.com/secure-socket-api/ssa/internal/trust/transparency"
)

func pin(cert *x509.Certificate) [32]byte { return sha256.Sum256(cert.RawSubjectPublicKeyInfo) }

func logList(t *testing.T, logs ...*ssatest.Log) *transparency.List {
	t.Helper()
	list, err := transparency.Parse(ssatest.LogList(t, time.Now(), logs...))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestPins(t *testing.T) {
	root := ssatest.NewAuthority(t)
	middle := root.Intermediate(t)
	chain := chainOf(t,
		middle.Issue(t, ssatest.Leaf{Names: []string{"a.example", "b.a.example", "c.b.a.example"}}))
	wrong := [32]byte{1}
	own := pin(chain[0])
	for _, test := range []struct {
		name, host string
		pins       map[string][][32]byte
		refused    bool
	}{
		{"no pins", "a.example", nil, false},
		{"of others", "a.example", map[string][][32]byte{"z.example": {wrong}, "*.a.example": {wrong}}, false},
		{"leaf", "a.example", map[string][][32]byte{"a.example": {own}}, false},
		{"leaf, other case, with a dot", "A.example.", map[string][][32]byte{"a.example": {own}}, false},
		{"intermediate", "a.example", map[string][][32]byte{"a.example": {wrong, pin(chain[1])}}, false},
		{"anchor", "a.example", map[string][][32]byte{"a.example": {pin(root.Certificate())}}, false},
		{"wrong", "a.example", map[string][][32]byte{"a.example": {wrong}}, true},
		{"wrong, other case, with a dot", "A.EXAMPLE.", map[string][][32]byte{"a.example": {wrong}}, true},
		{"none allowed", "a.example", map[string][][32]byte{"a.example": nil}, true},
		{"wildcard", "b.a.example", map[string][][32]byte{"*.a.example": {own}}, false},
		{"wildcard, wrong", "b.a.example", map[string][][32]byte{"*.a.example": {wrong}}, true},
		{"wildcard is one label", "c.b.a.example", map[string][][32]byte{"*.a.example": {wrong}}, false},
		{"its own before a wildcard", "b.a.example", map[string][][32]byte{"*.a.example": {wrong}, "b.a.example": {own}}, false},
	} {
		v := trust.New(trust.Config{MinRSABits: 2048, MinECDSABits: 256, Roots: root.Pool,
			Pins: test.pins})
		_, err := v.Verify(chain, test.host, now)
		if cause, _ := trust.CauseOf(err); (err != nil) != test.refused ||
			err != nil && (cause != trust.NotPinned || !strings.Contains(err.Error(), "add sha256/")) {
			t.Errorf("%s: error %v, want refused: %v", test.name, err, test.refused)
		}
	}
}

func TestPinOfAnAddress(t *testing.T) {
	root := ssatest.NewAuthority(t)
	chain := chainOf(t,
		root.Issue(t, ssatest.Leaf{IPs: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}}))
	v := trust.New(trust.Config{MinRSABits: 2048, MinECDSABits: 256, Roots: root.Pool,
		Pins: map[string][][32]byte{"::1": {{1}}}})
	if _, err := v.Verify(chain, "127.0.0.1", now); err != nil {
		t.Errorf("an address without pins: %v", err)
	}
	if _, err := v.Verify(chain, "0:0::1", now); err == nil {
		t.Error("another way to write the address escapes its pins")
	}
}

func TestSignatures(t *testing.T) {
	root := ssatest.NewAuthority(t)
	chain := chainOf(t,
		root.Issue(t, ssatest.Leaf{Names: []string{"a.example"}, Signature: x509.ECDSAWithSHA384}))
	for scheme, accepted := range map[tls.SignatureScheme]bool{tls.ECDSAWithP384AndSHA384: true,
		tls.ECDSAWithP256AndSHA256: false, tls.Ed25519: false} {
		v := trust.New(trust.Config{MinRSABits: 2048, MinECDSABits: 256, Roots: root.Pool,
			Signatures: []tls.SignatureScheme{scheme}})
		_, err := v.Verify(chain, "a.example", now)
		if cause, _ := trust.CauseOf(err); (err == nil) != accepted || err != nil && cause != trust.Weak {
			t.Errorf("%v: error %v, want accepted: %v", scheme, err, accepted)
		}
	}
}
