package identity

import (
	"bytes"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

var (
	// 1.2.840.10045.2.1
	ecKey = []byte{0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1}
	// 1.2.840.113549.1.1.1
	rsaKey = []byte{0x2a, 0x86, 0x48, 0x86, 0xf7, 0xd, 1, 1, 1}
	// P-224, P-384, P-521
	curves = [][]byte{{0x2b, 0x81, 4, 0, 0x21}, {0x2b, 0x81, 4, 0, 0x22}, {0x2b, 0x81, 4, 0, 0x23},
		{0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7}} // P-256
)

// noKind takes the place of the last byte of the two above: such an algorithm
// does not exist.
const noKind = 0x7f

// maxKeyBytes is more than an RSA key of 8192 bits has, the largest that
// crypto/tls takes.
const maxKeyBytes = 1024 + 64

// UnknownKey says whether a certificate has a key that crypto/x509 or crypto/tls
// refuses to look at: on a curve that is not known, or far too large.
func UnknownKey(der []byte) bool {
	algorithm, parameters, key, ok := keyInfo(der)
	if !ok {
		return false
	}
	if bytes.Equal(algorithm, rsaKey) {
		return len(key) > maxKeyBytes
	}
	if !bytes.Equal(algorithm, ecKey) {
		return false
	}
	var curve cryptobyte.String
	known := parameters.ReadASN1(&curve, cbasn1.OBJECT_IDENTIFIER) &&
		slices.ContainsFunc(curves, func(c []byte) bool { return bytes.Equal(c, curve) })
	return !known
}

// MarkKey changes a certificate with such a key in its place: the key is of no
// kind from then on, which crypto/x509 leaves unparsed. Unmarked undoes it.
func MarkKey(der []byte) { setKind(der, 1, noKind) }

// Unmarked returns a certificate as it was before MarkKey.
func Unmarked(der []byte) []byte {
	out := slices.Clone(der)
	if !setKind(out, noKind, 1) {
		return der
	}
	return out
}

// setKind changes the last byte of the identifier of the key's algorithm.
func setKind(der []byte, from, to byte) bool {
	algorithm, _, _, ok := keyInfo(der)
	if !ok || len(algorithm) == 0 {
		return false
	}
	last := len(algorithm) - 1
	if algorithm[last] != from || !bytes.Equal(algorithm[:last], ecKey[:len(ecKey)-1]) &&
		!bytes.Equal(algorithm[:last], rsaKey[:len(rsaKey)-1]) {
		return false
	}
	algorithm[last] = to // a part of der
	return true
}

// keyInfo returns parts of a certificate: what kind of key it has, and the key.
func keyInfo(der []byte) (algorithm, parameters, key cryptobyte.String, ok bool) {
	input := cryptobyte.String(der)
	var outer, tbs, info, kind cryptobyte.String
	ok = input.ReadASN1(&outer, cbasn1.SEQUENCE) && outer.ReadASN1(&tbs, cbasn1.SEQUENCE) &&
		tbs.SkipOptionalASN1(cbasn1.Tag(0).ContextSpecific().Constructed()) && // version
		tbs.SkipASN1(cbasn1.INTEGER) && tbs.SkipASN1(cbasn1.SEQUENCE) && // number, signature
		// issuer, times, subject
		tbs.SkipASN1(cbasn1.SEQUENCE) && tbs.SkipASN1(cbasn1.SEQUENCE) && tbs.SkipASN1(cbasn1.SEQUENCE) &&
		tbs.ReadASN1(&info, cbasn1.SEQUENCE) && info.ReadASN1(&kind, cbasn1.SEQUENCE) &&
		kind.ReadASN1(&algorithm, cbasn1.OBJECT_IDENTIFIER) && info.ReadASN1(&key, cbasn1.BIT_STRING)
	return algorithm, kind, key, ok
}
