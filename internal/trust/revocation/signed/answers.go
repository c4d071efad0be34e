package signed

import (
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"math/big"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// answer is what a response says of one certificate.
type answer struct {
	status     Status
	at         time.Time
	reason     int
	this, next time.Time
	extensions cryptobyte.String
}

// answersFor returns all answers of a response about a certificate:
// golang.org/x/crypto/ocsp takes the first that has its serial number. It is
// strict where that passes over something: bytes that follow, and critical
// extensions (RFC 6960, 4.4).
func answersFor(der []byte, cert, issuer *x509.Certificate) ([]answer, error) {
	list, err := answersOf(der)
	if err != nil {
		return nil, err
	}
	var found []answer
	others := false
	for !list.Empty() {
		var one, id cryptobyte.String
		if !list.ReadASN1(&one, cbasn1.SEQUENCE) || !one.ReadASN1(&id, cbasn1.SEQUENCE) {
			return nil, errMalformed
		}
		about, err := matchID(id, cert, issuer)
		if err != nil {
			return nil, err
		}
		if about != sameCertificate {
			others = others || about == sameNumber
			continue
		}
		a, err := readAnswer(one)
		if err != nil {
			return nil, err
		}
		found = append(found, a)
	}
	switch {
	case len(found) == 0 && others:
		return nil, errors.New("it is about a certificate of another authority")
	case len(found) == 0:
		return nil, errMalformed
	}
	return found, nil
}

// about says how an answer has to do with a certificate.
type about uint8

const (
	another    about = iota
	sameNumber       // of another authority
	sameCertificate
)

func matchID(id cryptobyte.String, cert, issuer *x509.Certificate) (about, error) {
	var algorithm, nameHash, keyHash cryptobyte.String
	var oid asn1.ObjectIdentifier
	serial := new(big.Int)
	if !id.ReadASN1(&algorithm, cbasn1.SEQUENCE) || !algorithm.ReadASN1ObjectIdentifier(&oid) ||
		!id.ReadASN1(&nameHash, cbasn1.OCTET_STRING) || !id.ReadASN1(&keyHash, cbasn1.OCTET_STRING) ||
		!id.ReadASN1Integer(serial) || !id.Empty() {
		return another, errMalformed
	}
	switch {
	case serial.Cmp(cert.SerialNumber) != 0:
		return another, nil
	case !namesIssuer(oid, nameHash, keyHash, issuer):
		return sameNumber, nil
	}
	return sameCertificate, nil
}

// readAnswer reads what follows the identifier of a certificate.
func readAnswer(in cryptobyte.String) (a answer, err error) {
	var revoked, next cryptobyte.String
	var isGood, isRevoked, isUnknown, hasNext bool
	var none cryptobyte.String
	tag := func(n uint8) cbasn1.Tag { return cbasn1.Tag(n).ContextSpecific() }
	ok := in.ReadOptionalASN1(&none, &isGood, tag(0)) &&
		in.ReadOptionalASN1(&revoked, &isRevoked, tag(1).Constructed()) &&
		in.ReadOptionalASN1(&none, &isUnknown, tag(2)) && in.ReadASN1GeneralizedTime(&a.this) &&
		in.ReadOptionalASN1(&next, &hasNext, tag(0).Constructed())
	switch {
	case !ok, hasNext && (!next.ReadASN1GeneralizedTime(&a.next) || !next.Empty()):
		return a, errMalformed
	case isGood && !isRevoked && !isUnknown:
		a.status = Good
	case isRevoked && !isGood && !isUnknown:
		a.status = Revoked
		if !readRevoked(revoked, &a) {
			return a, errMalformed
		}
	case !isUnknown || isGood || isRevoked:
		return a, errMalformed
	}
	a.extensions, err = readExtensions(&in)
	if err == nil && !in.Empty() {
		err = errMalformed
	}
	return a, err
}

func readRevoked(in cryptobyte.String, a *answer) bool {
	var reason cryptobyte.String
	var why bool
	return in.ReadASN1GeneralizedTime(&a.at) &&
		in.ReadOptionalASN1(&reason, &why, cbasn1.Tag(0).ContextSpecific().Constructed()) &&
		in.Empty() && (!why || reason.ReadASN1Enum(&a.reason) && reason.Empty())
}

// answersOf leads to the answers in a response.
func answersOf(der []byte) (cryptobyte.String, error) {
	input := cryptobyte.String(der)
	var outer, tagged, response, octets, basic, data, answers cryptobyte.String
	if !input.ReadASN1(&outer, cbasn1.SEQUENCE) || !input.Empty() || !outer.SkipASN1(cbasn1.ENUM) ||
		!outer.ReadASN1(&tagged, cbasn1.Tag(0).ContextSpecific().Constructed()) || !outer.Empty() ||
		!tagged.ReadASN1(&response, cbasn1.SEQUENCE) || !tagged.Empty() ||
		!response.SkipASN1(cbasn1.OBJECT_IDENTIFIER) ||
		!response.ReadASN1(&octets, cbasn1.OCTET_STRING) || !response.Empty() ||
		!octets.ReadASN1(&basic, cbasn1.SEQUENCE) || !octets.Empty() ||
		!basic.ReadASN1(&data, cbasn1.SEQUENCE) {
		return nil, errMalformed
	}
	// The algorithm, the signature and certificates follow.
	if !basic.SkipASN1(cbasn1.SEQUENCE) || !basic.SkipASN1(cbasn1.BIT_STRING) ||
		!basic.SkipOptionalASN1(cbasn1.Tag(0).ContextSpecific().Constructed()) || !basic.Empty() {
		return nil, errMalformed
	}
	if !data.SkipOptionalASN1(cbasn1.Tag(0).ContextSpecific().Constructed()) ||
		!data.SkipOptionalASN1(cbasn1.Tag(1).ContextSpecific().Constructed()) ||
		!data.SkipOptionalASN1(cbasn1.Tag(2).ContextSpecific().Constructed()) ||
		!data.SkipASN1(cbasn1.GeneralizedTime) || !data.ReadASN1(&answers, cbasn1.SEQUENCE) {
		return nil, errMalformed
	}
	if _, err := readExtensions(&data); err != nil {
		return nil, err
	}
	if !data.Empty() {
		return nil, errMalformed
	}
	return answers, nil
}

// nonceOID is an extension that may be critical: what it answers was not asked.
var nonceOID = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 2}

// readExtensions reads the extensions under tag 1, if they are there. None that
// is critical is understood.
func readExtensions(in *cryptobyte.String) (cryptobyte.String, error) {
	var tagged, list cryptobyte.String
	var present bool
	if !in.ReadOptionalASN1(&tagged, &present, cbasn1.Tag(1).ContextSpecific().Constructed()) {
		return nil, errMalformed
	}
	if !present {
		return nil, nil
	}
	if !tagged.ReadASN1(&list, cbasn1.SEQUENCE) || !tagged.Empty() {
		return nil, errMalformed
	}
	for rest := list; !rest.Empty(); {
		oid, critical, _, ok := readExtension(&rest)
		switch {
		case !ok:
			return nil, errMalformed
		case critical && !oid.Equal(nonceOID):
			return nil,
				errors.New("it has the critical extension " + oid.String() + ", which is not understood")
		}
	}
	return list, nil
}

func readExtension(in *cryptobyte.String) (
	oid asn1.ObjectIdentifier, critical bool, value cryptobyte.String, ok bool) {
	var one cryptobyte.String
	ok = in.ReadASN1(&one, cbasn1.SEQUENCE) && one.ReadASN1ObjectIdentifier(&oid) &&
		(!one.PeekASN1Tag(cbasn1.BOOLEAN) || one.ReadASN1Boolean(&critical)) &&
		one.ReadASN1(&value, cbasn1.OCTET_STRING) && one.Empty()
	return oid, critical, value, ok
}
