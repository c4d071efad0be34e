package signed

import (
	"bytes"
	"crypto"
	_ "crypto/sha1" // OCSP names issuers by SHA-1: an identifier, not a proof
	_ "crypto/sha256"
	_ "crypto/sha512"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

var idHashes = []struct {
	oid  asn1.ObjectIdentifier
	hash crypto.Hash
}{
	{asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}, crypto.SHA1},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}, crypto.SHA256},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 2}, crypto.SHA384},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 3}, crypto.SHA512},
}

var errMalformed = errors.New("it is malformed")

// matchID checks that the first answer with the certificate's serial number,
// which is the one that golang.org/x/crypto/ocsp takes, is about a certificate
// of the same issuer.
func matchID(der []byte, cert, issuer *x509.Certificate) error {
	answers, ok := answersOf(der)
	for ok && !answers.Empty() {
		var answer, id, algorithm, nameHash, keyHash cryptobyte.String
		var oid asn1.ObjectIdentifier
		serial := new(big.Int)
		if !answers.ReadASN1(&answer, cbasn1.SEQUENCE) || !answer.ReadASN1(&id, cbasn1.SEQUENCE) ||
			!id.ReadASN1(&algorithm, cbasn1.SEQUENCE) || !algorithm.ReadASN1ObjectIdentifier(&oid) ||
			!id.ReadASN1(&nameHash, cbasn1.OCTET_STRING) || !id.ReadASN1(&keyHash, cbasn1.OCTET_STRING) ||
			!id.ReadASN1Integer(serial) {
			return errMalformed
		}
		if serial.Cmp(cert.SerialNumber) != 0 {
			continue
		}
		if !namesIssuer(oid, nameHash, keyHash, issuer) {
			return errors.New("it is about a certificate of another authority")
		}
		return nil
	}
	return errMalformed
}

// answersOf leads to the answers in a response.
func answersOf(der []byte) (cryptobyte.String, bool) {
	input := cryptobyte.String(der)
	var outer, tagged, response, octets, basic, data, answers cryptobyte.String
	ok := input.ReadASN1(&outer, cbasn1.SEQUENCE) && outer.SkipASN1(cbasn1.ENUM) &&
		outer.ReadASN1(&tagged, cbasn1.Tag(0).ContextSpecific().Constructed()) &&
		tagged.ReadASN1(&response, cbasn1.SEQUENCE) && response.SkipASN1(cbasn1.OBJECT_IDENTIFIER) &&
		response.ReadASN1(&octets, cbasn1.OCTET_STRING) &&
		octets.ReadASN1(&basic, cbasn1.SEQUENCE) && basic.ReadASN1(&data, cbasn1.SEQUENCE) &&
		data.SkipOptionalASN1(cbasn1.Tag(0).ContextSpecific().Constructed()) &&
		data.SkipOptionalASN1(cbasn1.Tag(1).ContextSpecific().Constructed()) &&
		data.SkipOptionalASN1(cbasn1.Tag(2).ContextSpecific().Constructed()) &&
		data.SkipASN1(cbasn1.GeneralizedTime) && data.ReadASN1(&answers, cbasn1.SEQUENCE)
	return answers, ok
}

func namesIssuer(oid asn1.ObjectIdentifier, nameHash, keyHash []byte, issuer *x509.Certificate) bool {
	for _, known := range idHashes {
		if !known.oid.Equal(oid) {
			continue
		}
		key, ok := publicKeyBits(issuer)
		return ok && bytes.Equal(digest(known.hash, issuer.RawSubject), nameHash) && bytes.Equal(digest(known.hash, key), keyHash)
	}
	return false
}

func digest(hash crypto.Hash, data []byte) []byte {
	h := hash.New()
	h.Write(data)
	return h.Sum(nil)
}

// publicKeyBits returns the key without its algorithm, as OCSP hashes it.
func publicKeyBits(cert *x509.Certificate) ([]byte, bool) {
	input := cryptobyte.String(cert.RawSubjectPublicKeyInfo)
	var info cryptobyte.String
	var bits asn1.BitString
	if !input.ReadASN1(&info, cbasn1.SEQUENCE) || !info.SkipASN1(cbasn1.SEQUENCE) || !info.ReadASN1BitString(&bits) {
		return nil, false
	}
	return bits.RightAlign(), true
}
