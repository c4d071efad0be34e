package transparency

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// embeddedOID is the extension with the timestamps of a certificate itself.
var embeddedOID = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 4, 2}

// embedded returns the encoded list of timestamps in a certificate, nil
// without one.
func embedded(cert *x509.Certificate) []byte {
	for _, extension := range cert.Extensions {
		var list []byte
		if !extension.Id.Equal(embeddedOID) {
			continue
		}
		if rest, err := asn1.Unmarshal(extension.Value, &list); err != nil || len(rest) > 0 {
			return nil
		}
		return list
	}
	return nil
}

// certificateEntry is what a log signed that was given the certificate itself.
func certificateEntry(cert *x509.Certificate) []byte {
	var b cryptobyte.Builder
	b.AddUint16(0) // x509_entry
	b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(cert.Raw) })
	entry, err := b.Bytes()
	if err != nil {
		return nil // of more than 16 MiB: no log has signed that
	}
	return entry
}

// precertificateEntry is what a log signed that was given the certificate
// before its timestamps were in it.
func precertificateEntry(cert, issuer *x509.Certificate) ([]byte, error) {
	tbs, err := withoutTimestamps(cert.RawTBSCertificate)
	if err != nil {
		return nil, err
	}
	hash := sha256.Sum256(issuer.RawSubjectPublicKeyInfo)
	var b cryptobyte.Builder
	b.AddUint16(1) // precert_entry
	b.AddBytes(hash[:])
	b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(tbs) })
	return b.Bytes()
}

// withoutTimestamps takes the extension with the timestamps out.
func withoutTimestamps(raw []byte) ([]byte, error) {
	input := cryptobyte.String(raw)
	var tbs, wrapped, extensions, kept cryptobyte.String
	if !input.ReadASN1(&tbs, cbasn1.SEQUENCE) || !input.Empty() {
		return nil, errMalformed
	}
	tag := cbasn1.Tag(3).ContextSpecific().Constructed()
	rest := tbs
	for !rest.Empty() && !rest.PeekASN1Tag(tag) {
		var skipped cryptobyte.String
		var any cbasn1.Tag
		if !rest.ReadAnyASN1Element(&skipped, &any) {
			return nil, errMalformed
		}
	}
	before := tbs[:len(tbs)-len(rest)]
	if !rest.ReadASN1(&wrapped, tag) || !wrapped.ReadASN1(&extensions, cbasn1.SEQUENCE) {
		return nil, errMalformed
	}
	for !extensions.Empty() {
		var element, inner cryptobyte.String
		var oid asn1.ObjectIdentifier
		if !extensions.ReadASN1Element(&element, cbasn1.SEQUENCE) {
			return nil, errMalformed
		}
		whole := element
		if !element.ReadASN1(&inner, cbasn1.SEQUENCE) || !inner.ReadASN1ObjectIdentifier(&oid) {
			return nil, errMalformed
		}
		if !oid.Equal(embeddedOID) {
			kept = append(kept, whole...)
		}
	}
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(before)
		b.AddASN1(tag, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddBytes(kept) })
		})
		b.AddBytes(rest)
	})
	return b.Bytes()
}
