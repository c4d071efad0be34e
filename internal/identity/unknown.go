package identity

import (
	"bytes"
	"crypto/x509"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// UnknownKey says whether nothing but the kind of its key keeps crypto/x509
// from parsing a certificate: a curve that is not known.
func UnknownKey(der []byte) bool {
	other, ok := WithoutKey(der)
	if !ok {
		return false
	}
	_, err := x509.ParseCertificate(other)
	return err == nil
}

// WithoutKey returns a certificate of the same length whose key is of an
// algorithm that does not exist, and which crypto/x509 leaves unparsed. Its
// signature is not valid any more.
func WithoutKey(der []byte) ([]byte, bool) {
	at, ok := keyAlgorithm(der)
	if !ok {
		return nil, false
	}
	out := slices.Clone(der)
	out[at] = noAlgorithm
	return out, true
}

// noAlgorithm is the last arc of an object identifier that is not assigned.
const noAlgorithm = 0x7f

// keyAlgorithm returns where the last byte is of the identifier of the key's
// algorithm.
func keyAlgorithm(der []byte) (int, bool) {
	input := cryptobyte.String(der)
	var outer, tbs, info, algorithm, oid cryptobyte.String
	ok := input.ReadASN1(&outer, cbasn1.SEQUENCE) && outer.ReadASN1(&tbs, cbasn1.SEQUENCE) &&
		tbs.SkipOptionalASN1(cbasn1.Tag(0).ContextSpecific().Constructed()) && // version
		tbs.SkipASN1(cbasn1.INTEGER) && tbs.SkipASN1(cbasn1.SEQUENCE) && // number, signature
		tbs.SkipASN1(cbasn1.SEQUENCE) && tbs.SkipASN1(cbasn1.SEQUENCE) && tbs.SkipASN1(cbasn1.SEQUENCE) && // issuer, times, subject
		tbs.ReadASN1(&info, cbasn1.SEQUENCE) && info.ReadASN1(&algorithm, cbasn1.SEQUENCE) &&
		algorithm.ReadASN1(&oid, cbasn1.OBJECT_IDENTIFIER)
	if !ok || len(oid) < 2 || oid[len(oid)-1] == noAlgorithm {
		return 0, false
	}
	// All of these are parts of one piece of memory, and reach to its end.
	start := cap(der) - cap(oid)
	if start < 0 || start+len(oid) > len(der) || !bytes.Equal(der[start:start+len(oid)], oid) {
		return 0, false
	}
	return start + len(oid) - 1, true
}
