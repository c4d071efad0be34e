package trust_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"strings"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/internal/trust"
	"github.com/secure-socket-api/ssa/internal/trust/constraints"
)

// alphaOnly is a critical constraint: directory names below O=Alpha.
func alphaOnly(c *x509.Certificate) {
	name, err := asn1.Marshal(pkix.Name{Organization: []string{"Alpha"}}.ToRDNSequence())
	if err != nil {
		panic(err)
	}
	value, err := asn1.Marshal(struct {
		Permitted []struct {
			Base asn1.RawValue
		} `asn1:"tag:0"`
	}{[]struct{ Base asn1.RawValue }{{asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 4,
		IsCompound: true, Bytes: name}}}})
	if err != nil {
		panic(err)
	}
	c.ExtraExtensions = append(c.ExtraExtensions,
		pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 30}, Critical: true, Value: value})
}

// TestFit: what crypto/x509 does not look at, for servers and clients, and for
// an authority that the policy trusts as well as one below it.
func TestFit(t *testing.T) {
	root := ssatest.NewAuthority(t)
	alpha := root.IntermediateWith(t, ssatest.AuthorityOptions{Name: "Alpha CA", Edit: alphaOnly})
	alphaRoot := ssatest.NewAuthorityWith(t, ssatest.AuthorityOptions{Name: "Alpha Root",
		Edit: alphaOnly})
	of := func(organisation string) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.Subject.Organization = []string{organisation} }
	}
	usage := func(u x509.KeyUsage) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.KeyUsage = u }
	}
	extension := func(oid asn1.ObjectIdentifier, value ...byte) func(*x509.Certificate) {
		return func(c *x509.Certificate) {
			c.KeyUsage, c.ExtKeyUsage = 0, nil
			c.ExtraExtensions = append(c.ExtraExtensions, pkix.Extension{Id: oid, Value: value})
		}
	}
	noUse := extension(asn1.ObjectIdentifier{2, 5, 29, 15}, 3, 1, 0)
	noPurpose := extension(asn1.ObjectIdentifier{2, 5, 29, 37}, 0x30, 0)
	lame := root.IntermediateWith(t, ssatest.AuthorityOptions{Name: "Lame CA", Edit: noUse})
	idle := root.IntermediateWith(t, ssatest.AuthorityOptions{Name: "Idle CA", Edit: noPurpose})
	for _, test := range []struct {
		name  string
		from  *ssatest.Authority
		edit  func(*x509.Certificate)
		cause trust.Cause
		word  string // of a refusal
	}{
		{name: "below a critical directory name", from: alpha, edit: of("Alpha")},
		{name: "below an anchor's critical directory name", from: alphaRoot, edit: of("alpha")},
		{name: "below another's directory name", from: alpha, edit: of("Beta"), cause: trust.Constrained, word: `"CN=who,O=Beta" is not permitted`},
		{name: "below another anchor's directory name", from: alphaRoot, edit: of("Beta"), cause: trust.Constrained, word: "not permitted"},
		{name: "no key usage", from: root, edit: usage(0)},
		{name: "for encryption", from: root, edit: usage(x509.KeyUsageKeyEncipherment), cause: trust.WrongUsage, word: "digitalSignature"},
		{name: "for both", from: root, edit: usage(x509.KeyUsageKeyEncipherment | x509.KeyUsageDigitalSignature)},
		{name: "for no use", from: root, edit: noUse, cause: trust.WrongUsage, word: "digitalSignature"},
		{name: "for no purpose", from: root, edit: noPurpose, cause: trust.WrongUsage, word: "extendedKeyUsage is empty"},
		{name: "an authority's for no use", from: lame, cause: trust.WrongUsage, word: "keyUsage is empty"},
		{name: "an authority's for no purpose", from: idle, cause: trust.WrongUsage, word: "extendedKeyUsage is empty"},
	} {
		for _, usage := range []trust.Usage{trust.ServerCertificate, trust.ClientCertificate} {
			leaf := test.from.Issue(t, ssatest.Leaf{Subject: "who", Names: []string{"a.example"},
				Client: usage == trust.ClientCertificate, Edit: test.edit})
			roots := poolOf(root.Certificate(), alphaRoot.Certificate())
			v := trust.New(trust.Config{MinRSABits: 2048, MinECDSABits: 256, Usage: usage, Roots: roots})
			name := ""
			if usage == trust.ServerCertificate {
				name = "a.example"
			}
			_, err := v.Verify(chainOf(t, leaf), name, time.Now())
			if cause, _ := trust.CauseOf(err); (err != nil) != (test.word != "") || cause != test.cause {
				t.Errorf("%s, usage %d: %v", test.name, usage, err)
			} else if err != nil && !strings.Contains(err.Error(), test.word) {
				t.Errorf("%s, usage %d: %v, want something about %q", test.name, usage, err, test.word)
			}
		}
	}
}

// TestProgramRootIsConstrained: the constraints of a program's own authority
// count too.
func TestProgramRootIsConstrained(t *testing.T) {
	root := ssatest.NewAuthority(t)
	alpha := root.IntermediateWith(t, ssatest.AuthorityOptions{Name: "Alpha CA", Edit: alphaOnly})
	v := trust.New(trust.Config{MinRSABits: 2048, MinECDSABits: 256,
		Roots: poolOf(root.Certificate()), ProgramRoots: []*x509.Certificate{alpha.Certificate()}})
	for organisation, right := range map[string]bool{"Alpha": true, "Beta": false} {
		leaf := alpha.Issue(t, ssatest.Leaf{Names: []string{"a.example"},
			Edit: func(c *x509.Certificate) { c.Subject.Organization = []string{organisation} }})
		if _, err := v.Verify(chainOf(t, leaf), "a.example", time.Now()); (err == nil) != right {
			t.Errorf("%s: %v", organisation, err)
		}
	}
}

// TestAnchorThatIsNoAuthority: who it is must not be looked for in the wrong
// place.
func TestAnchorThatIsNoAuthority(t *testing.T) {
	anchor := ssatest.NewAuthorityWith(t, ssatest.AuthorityOptions{Name: "No CA",
		Edit: func(c *x509.Certificate) { c.IsCA, c.KeyUsage = false, 0 }})
	leaf := anchor.Issue(t, ssatest.Leaf{Names: []string{"a.example"}})
	_, err := trust.New(trust.Config{MinRSABits: 2048, MinECDSABits: 256,
		Roots: poolOf(anchor.Certificate())}).Verify(chainOf(t, leaf), "a.example", time.Now())
	if cause, _ := trust.CauseOf(err); cause != trust.Constrained ||
		!strings.Contains(err.Error(), "not the certificate of an authority") {
		t.Errorf("%v", err)
	}
}

// TestKeyOfUnknownKind: a certificate beside the chain may have any key.
func TestKeyOfUnknownKind(t *testing.T) {
	root := ssatest.NewAuthority(t)
	chain := chainOf(t, root.Issue(t, ssatest.Leaf{Names: []string{"a.example"}}))
	strange := *ssatest.SelfSigned(t, ssatest.Leaf{Names: []string{"b.example"}}).Leaf()
	strange.PublicKey, strange.PublicKeyAlgorithm = nil, x509.UnknownPublicKeyAlgorithm
	v := trust.New(trust.Config{MinRSABits: 2048, MinECDSABits: 256,
		Roots: poolOf(root.Certificate())})
	if _, err := v.Verify(append(chain, &strange, &strange), "a.example", time.Now()); err != nil {
		t.Errorf("%v", err)
	}
}

// poolOf is a pool as the policy makes it.
func poolOf(certs ...*x509.Certificate) func() *x509.CertPool {
	pool := x509.NewCertPool()
	for _, cert := range certs {
		pool.AddCert(constraints.Relax(cert))
	}
	return func() *x509.CertPool { return pool }
}
