package ssatest

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"testing"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Resign changes what is signed of a certificate, and signs it again, so that
// it is odd in a way that crypto/x509 does not write. The result is DER, or
// meant to be.
func (a *Authority) Resign(t testing.TB, cert *x509.Certificate, edit func(tbs []byte) []byte) []byte {
	t.Helper()
	tbs := edit(append([]byte(nil), cert.RawTBSCertificate...))
	digest := sha256.Sum256(tbs)
	signature, err := ecdsa.SignASN1(rand.Reader, a.key, digest[:])
	if err != nil {
		t.Fatalf("sign again: %v", err)
	}
	input := cryptobyte.String(cert.Raw)
	var outer, algorithm cryptobyte.String
	if !input.ReadASN1(&outer, asn1.SEQUENCE) || !outer.SkipASN1(asn1.SEQUENCE) || !outer.ReadASN1Element(&algorithm, asn1.SEQUENCE) {
		t.Fatal("sign again: the certificate is malformed")
	}
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(tbs)
		b.AddBytes(algorithm)
		b.AddASN1BitString(signature)
	})
	return b.BytesOrPanic()
}
