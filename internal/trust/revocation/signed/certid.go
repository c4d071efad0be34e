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

func namesIssuer(oid asn1.ObjectIdentifier, nameHash, keyHash []byte,
	issuer *x509.Certificate) bool {
	for _, known := range idHashes {
		if !known.oid.Equal(oid) {
			continue
		}
		key, ok := publicKeyBits(issuer)
		return ok && bytes.Equal(digest(known.hash, issuer.RawSubject), nameHash) &&
			bytes.Equal(digest(known.hash, key), keyHash)
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
	if !input.ReadASN1(&info, cbasn1.SEQUENCE) || !info.SkipASN1(cbasn1.SEQUENCE) ||
		!info.ReadASN1BitString(&bits) {
		return nil, false
	}
	return bits.RightAlign(), true
}
