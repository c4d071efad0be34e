//go:build linux

package trust

import (
	"crypto/elliptic"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

const day = 24 * time.Hour

// leafSite serves a leaf of the authority.
func leafSite(l ssatest.Leaf) func(*world) *tls.Config {
	return func(w *world) *tls.Config { return with(w.root.Issue(w, l)) }
}

// below serves a leaf of an intermediate.
func below(opts ssatest.AuthorityOptions) func(*world) *tls.Config {
	return func(w *world) *tls.Config {
		return with(w.root.IntermediateWith(w, opts).Issue(w,
			named(host)))
	}
}

func named(names ...string) ssatest.Leaf { return ssatest.Leaf{Names: names} }

// rearranged serves a chain in another way than it should be sent.
func rearranged(edit func(w *world, chain [][]byte) [][]byte) func(*world) *tls.Config {
	return func(w *world) *tls.Config {
		config := with(w.root.Intermediate(w).Intermediate(w).Issue(w, named(host)))
		config.Certificates[0].Certificate = edit(w, config.Certificates[0].Certificate)
		return config
	}
}

func manyNames(n int) []string {
	names := []string{host}
	for i := range n - 1 {
		names = append(names, fmt.Sprintf("site-%05d.example", i))
	}
	return names
}

func TestNames(t *testing.T) {
	run(t, []site{
		{name: "right", serve: leafSite(named(host))},
		{name: "one of many", serve: leafSite(named(manyNames(1000)...))},
		{name: "wrong host", serve: leafSite(named("b.example")), words: []string{"b.example", "not for a.example"}},
		{name: "certificate beyond all measure", serve: leafSite(named(manyNames(20000)...)), words: []string{"exceeds maximum"}},
		{name: "wildcard", host: "www.a.example", serve: leafSite(named("*.a.example"))},
		{name: "wildcard too deep", host: "x.y.a.example", serve: leafSite(named("*.a.example")), words: []string{"*.a.example", "not for x.y.a.example"}},
		{name: "wildcard for the name itself", serve: leafSite(named("*.a.example")), words: []string{"*.a.example", "not for a.example"}},
		{name: "wildcard in a label", host: "www.a.example", serve: leafSite(named("w*.a.example")), words: []string{"w*.a.example"}},
		{name: "wildcard in the middle", host: "x.a.example", serve: leafSite(named("x.*.example")), words: []string{"x.*.example"}},
		{name: "no subject", serve: leafSite(named(host))},
		{name: "common name alone", serve: leafSite(ssatest.Leaf{Subject: host}), words: []string{"subjectAltName", "ignored"}},
		{name: "no name", serve: leafSite(ssatest.Leaf{}), words: []string{"no subjectAltName"}},
		{name: "address", host: "127.0.0.1", serve: leafSite(ssatest.Leaf{IPs: []net.IP{net.IPv4(127, 0, 0, 1)}})},
		{name: "address as a host name", host: "127.0.0.1", serve: leafSite(named("127.0.0.1")), words: []string{"the address 127.0.0.1"}},
		{name: "another address", host: "127.0.0.1", serve: leafSite(ssatest.Leaf{IPs: []net.IP{net.IPv4(127, 0, 0, 2)}}), words: []string{"127.0.0.2", "the address 127.0.0.1"}},
		{name: "zero byte in the name", serve: leafSite(named("a.example\x00.b.example")), words: []string{"not for a.example"}},
	})
}

func TestTimes(t *testing.T) {
	now := time.Now()
	past := ssatest.AuthorityOptions{NotBefore: now.Add(-3 * day), NotAfter: now.Add(-2 * day)}
	run(t, []site{
		{name: "expired", serve: leafSite(ssatest.Leaf{Names: []string{host}, NotBefore: now.Add(-9 * day), NotAfter: now.Add(-4 * day)}), words: []string{"expired on", "4 days ago"}},
		{name: "not yet valid", serve: leafSite(ssatest.Leaf{Names: []string{host}, NotBefore: now.Add(day)}), words: []string{"not valid before", "is the clock right?"}},
		{name: "expired intermediate", serve: below(past), words: []string{"intermediate", "expired on"}},
		{name: "expired root", serve: func(w *world) *tls.Config {
			w.root = ssatest.NewAuthorityWith(w, past)
			w.roots = []string{w.root.File(w)}
			return with(w.root.Issue(w, named(host)))
		}, words: []string{"SSA Test Root", "expired on"}},
	})
}

func TestChains(t *testing.T) {
	run(t, []site{
		{name: "self-signed", serve: func(w *world) *tls.Config { return with(ssatest.SelfSigned(w, named(host))) }, words: []string{"self-signed", "trust.roots"}},
		{name: "self-signed and trusted", serve: func(w *world) *tls.Config {
			issued := ssatest.SelfSigned(w,
				ssatest.Leaf{Names: []string{host}, Edit: func(c *x509.Certificate) { c.IsCA = true }})
			w.roots = append(w.roots, issued.ChainFile(w))
			return with(issued)
		}},
		{name: "untrusted root", serve: func(w *world) *tls.Config {
			return with(ssatest.NewAuthorityWith(w, ssatest.AuthorityOptions{Name: "Nobody"}).Issue(w,
				named(host)))
		}, words: []string{"Nobody", "trust.roots"}},
		{name: "untrusted root of a trusted name", serve: func(w *world) *tls.Config { return with(ssatest.NewAuthority(w).Issue(w, named(host))) }, words: []string{"not among the anchors"}},
		{name: "whole", serve: below(ssatest.AuthorityOptions{})},
		{name: "incomplete", serve: rearranged(func(_ *world, chain [][]byte) [][]byte { return chain[:1] }), words: []string{"the peer should send it"}},
		{name: "gap", serve: rearranged(func(_ *world, chain [][]byte) [][]byte { return [][]byte{chain[0], chain[2]} }), words: []string{"not among the anchors"}},
		{name: "out of order", serve: rearranged(func(_ *world, chain [][]byte) [][]byte { return [][]byte{chain[0], chain[2], chain[1]} })},
		{name: "twice", serve: rearranged(func(_ *world, chain [][]byte) [][]byte { return append(chain, chain[1:]...) })},
		{name: "with the root", serve: rearranged(func(w *world, chain [][]byte) [][]byte { return append(chain, w.root.Certificate().Raw) })},
		{name: "with a stranger", serve: rearranged(func(w *world, chain [][]byte) [][]byte {
			return append(chain, ssatest.SelfSigned(w, named("b.example")).Leaf().Raw)
		})},
		{name: "garbage behind the leaf", serve: rearranged(func(_ *world, chain [][]byte) [][]byte { return [][]byte{chain[0], {0x30, 0}} }), words: []string{"certificate"}},
		{name: "too long", serve: func(w *world) *tls.Config {
			a := w.root
			for range 9 {
				a = a.Intermediate(w)
			}
			return with(a.Issue(w, named(host)))
		}, words: []string{"more than 10 certificates"}},
	})
}

func TestConstraints(t *testing.T) {
	mail := []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection}
	constrained := func(edit func(*x509.Certificate)) func(*world) *tls.Config {
		return below(ssatest.AuthorityOptions{Name: "Constrained", Edit: edit})
	}
	unknown := pkix.Extension{Id: asn1.ObjectIdentifier{1, 2, 3, 4}, Critical: true,
		Value: []byte{5, 0}}
	run(t, []site{
		{name: "for clients", serve: leafSite(ssatest.Leaf{Names: []string{host}, Client: true}), words: []string{"not for servers, only for clients"}},
		{name: "for code", serve: leafSite(ssatest.Leaf{Names: []string{host}, Usages: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}}), words: []string{"only for code signing"}},
		{name: "for any use", serve: leafSite(ssatest.Leaf{Names: []string{host}, Usages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})},
		{name: "no usage said", serve: leafSite(ssatest.Leaf{Names: []string{host}, Usages: []x509.ExtKeyUsage{}})},
		{name: "intermediate for mail", serve: below(ssatest.AuthorityOptions{Name: "Mail", KeyUsages: mail}), words: []string{"Mail", "only for e-mail"}},
		{name: "permitted name", serve: below(ssatest.AuthorityOptions{PermittedDNSDomains: []string{"example"}})},
		{name: "name not permitted", serve: below(ssatest.AuthorityOptions{PermittedDNSDomains: []string{"b.example"}}), words: []string{"may not", "a.example"}},
		{name: "name excluded", serve: constrained(func(c *x509.Certificate) { c.ExcludedDNSDomains = []string{host} }), words: []string{"may not", "a.example"}},
		{name: "address range excluded", host: "127.0.0.1", serve: func(w *world) *tls.Config {
			a := w.root.IntermediateWith(w, ssatest.AuthorityOptions{Edit: func(c *x509.Certificate) {
				c.ExcludedIPRanges = []*net.IPNet{{IP: net.IPv4(127, 0, 0, 0).To4(), Mask: net.CIDRMask(8, 32)}}
			}})
			return with(a.Issue(w, ssatest.Leaf{IPs: []net.IP{net.IPv4(127, 0, 0, 1)}}))
		}, words: []string{"may not"}},
		{name: "path length", serve: func(w *world) *tls.Config {
			return with(w.root.IntermediateWith(w,
				ssatest.AuthorityOptions{NoIntermediates: true}).Intermediate(w).Issue(w, named(host)))
		}, words: []string{"allows fewer intermediates"}},
		{name: "issued by no authority",
			serve: constrained(func(c *x509.Certificate) {
				c.IsCA, c.KeyUsage, c.MaxPathLen = false,
					x509.KeyUsageDigitalSignature, 0
			}),
			words: []string{"Constrained", "is not the certificate of an authority"}},
		{name: "unknown critical extension",
			serve: leafSite(ssatest.Leaf{Names: []string{host},
				Edit: func(c *x509.Certificate) { c.ExtraExtensions = []pkix.Extension{unknown} }}),
			words: []string{"critical extension"}},
		{name: "unknown critical extension of the intermediate",
			serve: constrained(func(c *x509.Certificate) { c.ExtraExtensions = []pkix.Extension{unknown} }),
			words: []string{"critical extension"}},
	})
}

func TestStrength(t *testing.T) {
	run(t, []site{
		{name: "RSA 2048", serve: leafSite(ssatest.Leaf{Names: []string{host}, RSA: 2048})},
		{name: "RSA 1024", serve: leafSite(ssatest.Leaf{Names: []string{host}, RSA: 1024}), words: []string{"RSA key of 1024 bits"}},
		{name: "P-384", serve: leafSite(ssatest.Leaf{Names: []string{host}, Curve: elliptic.P384()})},
		{name: "Ed25519", serve: leafSite(ssatest.Leaf{Names: []string{host}, Ed25519: true})},
		{name: "SHA-1", serve: leafSite(ssatest.Leaf{Names: []string{host}, Signature: x509.ECDSAWithSHA1}), words: []string{"ECDSA-SHA1", "too weak"}},
		{name: "SHA-1 in the intermediate",
			serve: below(ssatest.AuthorityOptions{Name: "Old",
				Edit: func(c *x509.Certificate) { c.SignatureAlgorithm = x509.ECDSAWithSHA1 }}),
			words: []string{"Old", "ECDSA-SHA1"}},
		{name: "signature not listed", serve: func(w *world) *tls.Config {
			w.more = []string{"signature_algorithms: [rsa_pss_rsae_sha256, ecdsa_secp384r1_sha384]"}
			return with(w.root.Issue(w, named(host)))
		}, words: []string{"ECDSA-SHA256", "signature_algorithms"}},
		{name: "signature listed", serve: func(w *world) *tls.Config {
			w.more = []string{"signature_algorithms: [ecdsa_secp256r1_sha256]"}
			return with(w.root.Issue(w, named(host)))
		}},
	})
}
