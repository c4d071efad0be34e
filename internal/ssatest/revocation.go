package ssatest

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"
)

// OCSPAnswer describes an OCSP response. The zero value says good, from an hour
// ago to an hour from now, signed by the authority itself.
type OCSPAnswer struct {
	Status     int // ocsp.Good, ocsp.Revoked, ocsp.Unknown
	Reason     int
	From, To   time.Time // thisUpdate and nextUpdate
	NoNext     bool      // no nextUpdate
	Hash       crypto.Hash
	Responder  *Responder // who signs, if not the authority
	Serial     *big.Int   // replaces that of the certificate
	Signature  x509.SignatureAlgorithm
	Extensions []pkix.Extension
}

// Responder signs OCSP responses for an authority.
type Responder struct {
	Certificate *x509.Certificate
	key         crypto.Signer
}

// Responder makes a delegated responder.
func (a *Authority) Responder(t testing.TB, edit func(*x509.Certificate)) *Responder {
	t.Helper()
	key := ecdsaKey(t)
	template := Leaf{Subject: "SSA Test Responder",
		Usages: []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning}, Edit: edit}.template(t)
	return &Responder{sign(t, template, a.certificate, key.Public(), a.key), key}
}

// OCSP answers for a certificate.
func (a *Authority) OCSP(t testing.TB, cert *x509.Certificate, o OCSPAnswer) []byte {
	t.Helper()
	template := ocsp.Response{
		Status: o.Status, SerialNumber: cert.SerialNumber, ThisUpdate: o.From, NextUpdate: o.To,
		IssuerHash: o.Hash, RevocationReason: o.Reason, SignatureAlgorithm: o.Signature,
		ExtraExtensions: o.Extensions,
	}
	if o.Serial != nil {
		template.SerialNumber = o.Serial
	}
	if o.From.IsZero() {
		template.ThisUpdate = time.Now().Add(-time.Hour)
	}
	if o.To.IsZero() && !o.NoNext {
		template.NextUpdate = time.Now().Add(time.Hour)
	}
	if o.Status == ocsp.Revoked {
		template.RevokedAt = template.ThisUpdate
	}
	signer, by := crypto.Signer(a.key), a.certificate
	if o.Responder != nil {
		signer, by = o.Responder.key, o.Responder.Certificate
		template.Certificate = by
	}
	der, err := ocsp.CreateResponse(a.certificate, by, template, signer)
	if err != nil {
		t.Fatalf("sign an OCSP response: %v", err)
	}
	return der
}

// RevocationList describes a list. The zero value is empty, and good from an
// hour ago to an hour from now.
type RevocationList struct {
	Revoked    []*x509.Certificate
	Reason     int
	From, To   time.Time
	Extensions []pkix.Extension // of the list
	Entry      []pkix.Extension // of each entry
}

// RevocationList signs a list, DER.
func (a *Authority) RevocationList(t testing.TB, l RevocationList) []byte {
	t.Helper()
	template := &x509.RevocationList{Number: serial(t), ThisUpdate: l.From, NextUpdate: l.To,
		ExtraExtensions: l.Extensions}
	if l.From.IsZero() {
		template.ThisUpdate = time.Now().Add(-time.Hour)
	}
	if l.To.IsZero() {
		template.NextUpdate = time.Now().Add(time.Hour)
	}
	for _, cert := range l.Revoked {
		template.RevokedCertificateEntries = append(template.RevokedCertificateEntries,
			x509.RevocationListEntry{
				SerialNumber: cert.SerialNumber, RevocationTime: template.ThisUpdate, ReasonCode: l.Reason,
				ExtraExtensions: l.Entry,
			})
	}
	der, err := x509.CreateRevocationList(rand.Reader, template, a.certificate, a.key)
	if err != nil {
		t.Fatalf("sign a revocation list: %v", err)
	}
	return der
}

// MustStaple is the extension of certificates that oblige to staple.
func MustStaple() pkix.Extension {
	return pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 24},
		Value: []byte{0x30, 3, 2, 1, 5}}
}

// OCSPAbout says good, with this authority's signature, of a certificate that
// another authority would have issued with the same serial number.
func (a *Authority) OCSPAbout(t testing.TB, issuer, cert *x509.Certificate) []byte {
	t.Helper()
	template := ocsp.Response{Status: ocsp.Good, SerialNumber: cert.SerialNumber,
		ThisUpdate: time.Now().Add(-time.Hour), NextUpdate: time.Now().Add(time.Hour)}
	der, err := ocsp.CreateResponse(issuer, a.certificate, template, a.key)
	if err != nil {
		t.Fatalf("sign an OCSP response: %v", err)
	}
	return der
}

// KeyFile writes the authority's key to a file that only its owner may read,
// for tools that sign in its place.
func (a *Authority) KeyFile(t testing.TB) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(a.key)
	if err != nil {
		t.Fatalf("marshal the authority's key: %v", err)
	}
	return writeFile(t, "root.key",
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
}
