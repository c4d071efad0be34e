// Package graph makes graphs of certificates, with cross-signatures and
// defects, from seeds: the same seed gives the same graph, with other keys. It
// judges nothing.
package graph

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Host is the name that the leaf should be for.
const Host = "www.a.example"

// Authority is a name with a key, which may have several certificates.
type Authority struct {
	Name string
	// List is its revocation list, nil when it has none.
	List    []byte
	key     *ecdsa.PrivateKey
	subject []byte // DER of the name as it writes it
	index   int
	root    bool
}

// Certificate is an edge: an authority, or the leaf, certified by another.
type Certificate struct {
	*x509.Certificate
	Subject, Issuer *Authority // Subject is nil for the leaf
	// Defects say in words what is unusual about it.
	Defects []string
	revoked bool
}

// Graph is what a peer sends, and what is trusted.
type Graph struct {
	Seed        uint64
	Leaf        *Certificate
	Sent        []*Certificate // besides the leaf
	Roots       []*Certificate // trusted
	Authorities []*Authority
	serial      int64
	rng         *mathrand.Rand
	now         time.Time
}

// New makes the graph of a seed.
func New(seed uint64, now time.Time) (*Graph, error) {
	g := &Graph{Seed: seed, rng: mathrand.New(mathrand.NewPCG(seed, 1)), now: now}
	roots, middles := 1+g.rng.IntN(2), 1+g.rng.IntN(4)
	for i := range roots + middles {
		if err := g.addAuthority(i, i < roots); err != nil {
			return nil, err
		}
	}
	for _, a := range g.Authorities {
		if err := g.certify(a); err != nil {
			return nil, err
		}
	}
	leaf, err := g.issue(nil, g.Authorities[roots+g.rng.IntN(middles)])
	if err != nil {
		return nil, err
	}
	g.Leaf = leaf
	g.rng.Shuffle(len(g.Sent), func(i, j int) { g.Sent[i], g.Sent[j] = g.Sent[j], g.Sent[i] })
	return g, g.publish()
}

func (g *Graph) addAuthority(index int, root bool) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	kind := "Middle"
	if root {
		kind = "Root"
	}
	a := &Authority{Name: fmt.Sprintf("%s %d", kind, index), key: key, index: index, root: root}
	if a.subject, err = nameOf(a.Name, asn1.TagPrintableString); err != nil {
		return err
	}
	g.Authorities = append(g.Authorities, a)
	return nil
}

// nameOf encodes a common name as one of the kinds of string.
func nameOf(text string, tag int) ([]byte, error) {
	value := asn1.RawValue{Tag: tag, Bytes: []byte(text)}
	return asn1.Marshal(pkix.RDNSequence{{{Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: value}}})
}

// certify gives an authority its certificates: a root its own, others one to
// three by any authority, below them or above.
func (g *Graph) certify(a *Authority) error {
	if a.root {
		cert, err := g.issue(a, a)
		if err != nil {
			return err
		}
		if a.index == 0 || g.chance(50) {
			g.Roots = append(g.Roots, cert)
		} else {
			g.Sent = append(g.Sent, cert)
		}
		return nil
	}
	for range 1 + g.rng.IntN(3) {
		issuer := g.Authorities[g.rng.IntN(len(g.Authorities))]
		if issuer == a || g.chance(40) {
			issuer = g.Authorities[0]
		}
		cert, err := g.issue(a, issuer)
		if err != nil {
			return err
		}
		g.Sent = append(g.Sent, cert)
	}
	return nil
}

func (g *Graph) chance(percent int) bool { return g.rng.IntN(100) < percent }

// issue makes one certificate, maybe with a defect.
func (g *Graph) issue(subject, issuer *Authority) (*Certificate, error) {
	g.serial++
	c := &Certificate{Subject: subject, Issuer: issuer}
	parent := &x509.Certificate{RawSubject: issuer.subject}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(g.serial),
		NotBefore:    g.now.Add(-time.Hour), NotAfter: g.now.Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true,
		MaxPathLen: -1,
	}
	var key *ecdsa.PrivateKey
	if subject == nil {
		var err error
		if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			return nil, err
		}
		template.Subject, template.DNSNames = pkix.Name{CommonName: "leaf"}, []string{Host}
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	} else {
		key = subject.key
		template.RawSubject, template.IsCA = subject.subject, true
		template.KeyUsage |= x509.KeyUsageCertSign | x509.KeyUsageCRLSign
		template.SubjectKeyId = []byte{byte(subject.index)}
		if subject == issuer {
			parent = template
		}
	}
	if parent != template {
		parent.SubjectKeyId = []byte{byte(issuer.index)}
	}
	for _, d := range defectsFor(c) {
		if g.chance(d.percent) {
			c.Defects = append(c.Defects, d.name)
			d.apply(c, template, parent)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), issuer.key)
	if err != nil {
		return nil, fmt.Errorf("issue a certificate with %q: %w", c.Defects, err)
	}
	c.Certificate, err = x509.ParseCertificate(der)
	return c, err
}

// publish makes the revocation lists.
func (g *Graph) publish() error {
	all := append(append([]*Certificate{g.Leaf}, g.Sent...), g.Roots...)
	for _, a := range g.Authorities {
		list := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: g.now.Add(-time.Hour),
			NextUpdate: g.now.Add(time.Hour)}
		switch {
		case g.chance(2):
			continue
		case g.chance(2):
			list.NextUpdate = g.now.Add(-10 * time.Minute)
		}
		for _, c := range all {
			if c.Issuer == a && c.revoked {
				list.RevokedCertificateEntries = append(list.RevokedCertificateEntries,
					x509.RevocationListEntry{SerialNumber: c.SerialNumber, RevocationTime: list.ThisUpdate})
			}
		}
		signer := &x509.Certificate{RawSubject: a.subject, KeyUsage: x509.KeyUsageCRLSign,
			SubjectKeyId: []byte{byte(a.index)}}
		var err error
		if a.List, err = x509.CreateRevocationList(rand.Reader, list, signer, a.key); err != nil {
			return err
		}
	}
	return nil
}

// Paths lists the ways from the leaf to a trusted root that do not come by an
// authority twice, at most some.
func (g *Graph) Paths(most int) [][]*Certificate {
	var paths [][]*Certificate
	var walk func(path []*Certificate)
	walk = func(path []*Certificate) {
		last := path[len(path)-1]
		if len(paths) >= most {
			return
		}
		for _, root := range g.Roots {
			if root.Subject == last.Issuer {
				paths = append(paths, append(slices.Clone(path), root))
			}
		}
		for _, next := range g.Sent {
			loop := slices.ContainsFunc(path, func(c *Certificate) bool { return c.Subject == next.Subject })
			if next.Subject == last.Issuer && next.Subject != next.Issuer && !loop {
				walk(append(slices.Clone(path), next))
			}
		}
	}
	walk([]*Certificate{g.Leaf})
	return paths
}

// Describe tells a path with the defects on it.
func Describe(path []*Certificate) string {
	var parts []string
	for _, c := range path {
		name := "leaf"
		if c.Subject != nil {
			name = c.Subject.Name
		}
		if len(c.Defects) > 0 {
			name += " (" + strings.Join(c.Defects, ", ") + ")"
		}
		parts = append(parts, name)
	}
	return strings.Join(parts, " < ")
}
