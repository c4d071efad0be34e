package trust_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/internal/trust"
)

// crossSigned makes authorities that have all issued one another, and returns
// their certificates and a leaf of the first.
func crossSigned(t *testing.T, curve elliptic.Curve,
	authorities int) (leaf *x509.Certificate, others []*x509.Certificate) {
	t.Helper()
	keys := make([]*ecdsa.PrivateKey, authorities+1)
	for i := range keys {
		var err error
		if keys[i], err = ecdsa.GenerateKey(curve, rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	serial := int64(0)
	issue := func(of, by int) *x509.Certificate {
		serial++
		name := func(i int) pkix.Name { return pkix.Name{CommonName: fmt.Sprintf("authority %d", i)} }
		template := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: name(of),
			IsCA: of < authorities, BasicConstraintsValid: true,
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
			KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
		der, err := x509.CreateCertificate(rand.Reader, template, &x509.Certificate{Subject: name(by)},
			keys[of].Public(), keys[by])
		if err != nil {
			t.Fatal(err)
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return cert
	}
	for of := range authorities {
		for by := range authorities {
			if of != by {
				others = append(others, issue(of, by))
			}
		}
	}
	return issue(authorities, 0), others
}

// TestCostOfStrangers: a peer whose certificates have issued one another in
// every way is refused before any signature is checked.
func TestCostOfStrangers(t *testing.T) {
	pool := x509.NewCertPool()
	pool.AddCert(ssatest.NewAuthority(t).Certificate())
	v := trust.New(trust.Config{MinRSABits: 2048, MinECDSABits: 256,
		Roots: func() *x509.CertPool { return pool }, Usage: trust.ClientCertificate})
	for _, tc := range []struct {
		name        string
		curve       elliptic.Curve
		authorities int
		certs       int // of them, 0 for all
		words       string
	}{
		{"a pair with large keys", elliptic.P521(), 2, 0, "authority"},
		{"eleven with large keys", elliptic.P521(), 11, 0, "in more ways than are tried"},
		{"eleven with usual keys", elliptic.P256(), 11, 0, "in more ways than are tried"},
		{"some of those", elliptic.P256(), 11, 40, "in more ways than are tried"},
		{"more than anybody needs", elliptic.P256(), 13, 0, "at most 128"},
	} {
		leaf, others := crossSigned(t, tc.curve, tc.authorities)
		if tc.certs > 0 {
			others = others[:tc.certs]
		}
		_, err := v.Verify(append([]*x509.Certificate{leaf}, others...), "", time.Now())
		if err == nil || !strings.Contains(err.Error(), tc.words) {
			t.Errorf("%s: %v, want %q in it", tc.name, err, tc.words)
		}
	}
}

// TestCostOfFriends: what honest peers send beside their chain costs nothing.
func TestCostOfFriends(t *testing.T) {
	root := ssatest.NewAuthority(t)
	pool := x509.NewCertPool()
	pool.AddCert(root.Certificate())
	v := trust.New(trust.Config{MinRSABits: 2048, MinECDSABits: 256,
		Roots: func() *x509.CertPool { return pool }, Usage: trust.ServerCertificate})
	below := root.Intermediate(t).Intermediate(t)
	leaf := below.Issue(t, ssatest.Leaf{Names: []string{"a.example"}})
	var chain []*x509.Certificate
	for _, der := range leaf.TLS.Certificate {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		chain = append(chain, cert)
	}
	_, strangers := crossSigned(t, elliptic.P256(), 5)
	for name, extra := range map[string][]*x509.Certificate{
		"the chain alone":  nil,
		"the root":         {root.Certificate()},
		"unrelated ones":   strangers,
		"the same, often":  slices.Repeat(chain[1:], 150),
		"the leaf as well": slices.Repeat(chain[:1], 3),
	} {
		if _, err := v.Verify(append(slices.Clone(chain), extra...), "a.example",
			time.Now()); err != nil {
			t.Errorf("with %s: %v", name, err)
		}
	}
}
