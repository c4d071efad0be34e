package graph

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"net"
	"strings"
	"time"
)

// Defects that the two sides are known to judge in different ways.
const (
	OtherString = "issuer's name as another kind of string"
	OtherCase   = "issuer's name in another case"
	AnyUsage    = "for any use"
	WrongKeyID  = "wrong key identifier of the issuer"
)

type defect struct {
	name    string
	percent int
	apply   func(c *Certificate, template, parent *x509.Certificate)
}

// defectsFor lists what may be unusual about a certificate. Not all of it is
// wrong.
func defectsFor(c *Certificate) []defect {
	all := []defect{
		{"expired", 3, func(_ *Certificate, t, _ *x509.Certificate) { t.NotAfter = t.NotBefore.Add(time.Minute) }},
		{"not yet valid", 2, func(_ *Certificate, t, _ *x509.Certificate) { t.NotBefore = t.NotAfter.Add(-time.Minute) }},
	}
	if c.Subject == c.Issuer {
		return all
	}
	all = append(all,
		defect{"revoked", 6, func(c *Certificate, _, _ *x509.Certificate) { c.revoked = true }},
		defect{"signed with SHA-1", 2,
			func(_ *Certificate, t, _ *x509.Certificate) { t.SignatureAlgorithm = x509.ECDSAWithSHA1 }},
		defect{"unknown critical extension", 2, func(_ *Certificate, t, _ *x509.Certificate) {
			t.ExtraExtensions = append(t.ExtraExtensions, pkix.Extension{Id: asn1.ObjectIdentifier{1, 2, 3},
				Critical: true, Value: []byte{5, 0}})
		}},
		defect{OtherString, 3, func(c *Certificate, _, p *x509.Certificate) {
			p.RawSubject = mustName(c.Issuer.Name, asn1.TagUTF8String)
		}},
		defect{OtherCase, 2, func(c *Certificate, _, p *x509.Certificate) {
			p.RawSubject = mustName(strings.ToUpper(c.Issuer.Name), asn1.TagPrintableString)
		}},
		defect{WrongKeyID, 3,
			func(_ *Certificate, _, p *x509.Certificate) { p.SubjectKeyId = []byte{99} }},
		defect{"no key identifier of the issuer", 5,
			func(_ *Certificate, _, p *x509.Certificate) { p.SubjectKeyId = nil }},
		defect{"with a policy", 20,
			func(_ *Certificate,
				t, _ *x509.Certificate) {
				t.Policies = []x509.OID{oid("1.3.6.1.4.1.99999.1")}
			}},
	)
	if c.Subject == nil {
		return append(all, leafDefects()...)
	}
	return append(all, authorityDefects()...)
}

func leafDefects() []defect {
	names := func(names ...string) func(*Certificate, *x509.Certificate, *x509.Certificate) {
		return func(_ *Certificate, t, _ *x509.Certificate) { t.DNSNames = names }
	}
	return []defect{
		{"wildcard", 20, names("*.a.example")},
		{"name in capitals", 10, names("WWW.A.EXAMPLE")},
		{"several names", 10, names("b.example", "other.a.example", Host)},
		{"wrong name", 3, names("b.example")},
		{"wildcard too high", 2, names("*.example")},
		{"no name", 2, names()},
		{"for clients", 2, usages(x509.ExtKeyUsageClientAuth)},
		{AnyUsage, 3, usages(x509.ExtKeyUsageAny)},
		{"for no use in particular", 10, usages()},
	}
}

func authorityDefects() []defect {
	return []defect{
		{"not an authority", 3, func(_ *Certificate, t, _ *x509.Certificate) { t.IsCA, t.MaxPathLen = false, 0 }},
		{"key not for certificates", 2, func(_ *Certificate, t, _ *x509.Certificate) { t.KeyUsage &^= x509.KeyUsageCertSign }},
		{"key not for lists", 2, func(_ *Certificate, t, _ *x509.Certificate) { t.KeyUsage &^= x509.KeyUsageCRLSign }},
		{"no intermediates below", 6, func(_ *Certificate, t, _ *x509.Certificate) { t.MaxPathLen, t.MaxPathLenZero = 0, t.IsCA }},
		{"for e-mail", 3, usages(x509.ExtKeyUsageEmailProtection)},
		{"for servers", 15, usages(x509.ExtKeyUsageServerAuth)},
		{"for names of a.example", 8, func(_ *Certificate, t, _ *x509.Certificate) {
			t.PermittedDNSDomainsCritical, t.PermittedDNSDomains = true, []string{"a.example"}
		}},
		{"for names of b.example", 3, func(_ *Certificate, t, _ *x509.Certificate) {
			t.PermittedDNSDomainsCritical, t.PermittedDNSDomains = true, []string{"b.example"}
		}},
		{"not for " + Host, 3, func(_ *Certificate, t, _ *x509.Certificate) {
			t.PermittedDNSDomainsCritical, t.ExcludedDNSDomains = true, []string{Host}
		}},
		{"not for 10.0.0.0/8", 5, func(_ *Certificate, t, _ *x509.Certificate) {
			t.PermittedDNSDomainsCritical = true
			t.ExcludedIPRanges = []*net.IPNet{{IP: net.IPv4(10, 0, 0, 0).To4(), Mask: net.CIDRMask(8, 32)}}
		}},
		{"requires a policy", 4, func(_ *Certificate, t, _ *x509.Certificate) {
			t.ExtraExtensions = append(t.ExtraExtensions,
				pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 36}, Critical: true,
					Value: []byte{0x30, 3, 0x80, 1, 0}})
		}},
	}
}

func usages(list ...x509.ExtKeyUsage) func(*Certificate, *x509.Certificate, *x509.Certificate) {
	return func(_ *Certificate, t, _ *x509.Certificate) { t.ExtKeyUsage = list }
}

func mustName(text string, tag int) []byte {
	der, err := nameOf(text, tag)
	if err != nil {
		panic(err) // the text is ours
	}
	return der
}

func oid(text string) x509.OID {
	o, err := x509.ParseOID(text)
	if err != nil {
		panic(err) // the text is ours
	}
	return o
}
