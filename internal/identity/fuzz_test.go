package identity_test

import (
	"testing"

	"github.com/secure-socket-api/ssa/internal/identity"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// A result never comes with an error, and what was parsed can be used.
func FuzzParseChain(f *testing.F) {
	issued := ssatest.NewAuthority(f).Intermediate(f).Issue(f,
		ssatest.Leaf{Names: []string{"a.example"}})
	f.Add(issued.ChainPEM)
	f.Add(issued.KeyPEM)
	f.Add([]byte("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		chain, err := identity.ParseChain(data)
		if (err == nil) != (chain.Leaf() != nil) {
			t.Fatalf("leaf %v with error %v", chain.Leaf() != nil, err)
		}
		roots, rootsErr := identity.ParseRoots(data)
		if (rootsErr == nil) != (len(roots) > 0) {
			t.Fatalf("%d roots with error %v", len(roots), rootsErr)
		}
		if err == nil && rootsErr != nil {
			t.Fatalf("a chain is no set of roots: %v", rootsErr)
		}
	})
}

// A key that parses signs for exactly the certificate made with it.
func FuzzParseKey(f *testing.F) {
	for _, leaf := range []ssatest.Leaf{{}, {RSA: 2048}, {Ed25519: true}} {
		f.Add(ssatest.SelfSigned(f, leaf).KeyPEM)
	}
	other, err := identity.ParseChain(ssatest.SelfSigned(f, ssatest.Leaf{}).ChainPEM)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		key, err := identity.ParseKey(data)
		if (err == nil) != (key != nil) {
			t.Fatalf("key %v with error %v", key != nil, err)
		}
		if err != nil {
			return
		}
		if _, err := identity.Match([]identity.Chain{other}, key); err == nil {
			t.Fatal("the key matches a certificate that was not made with it")
		}
	})
}
