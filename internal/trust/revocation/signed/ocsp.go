package signed

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/crypto/ocsp"
)

// minResponderBits is the least RSA key of a delegated responder.
const minResponderBits = 2048

// OCSP reads a response and returns what it says of a certificate. Nothing but
// a signature by the certificate's issuer, or by a responder to whom the issuer
// delegated this, counts. A nonce is neither asked for nor needed: the times in
// the response say how old it may be.
func OCSP(der []byte, cert, issuer *x509.Certificate, now time.Time) (Statement, error) {
	response, answers, err := parseOCSP(der, cert, issuer)
	if err != nil {
		return Statement{}, err
	}
	if err := checkResponder(response, issuer, now); err != nil {
		return Statement{}, err
	}
	var worst Statement
	for i, a := range answers {
		until, err := fresh(a.this, a.next, now)
		if err != nil {
			return Statement{}, err
		}
		if i == 0 || badness[a.status] > badness[worst.Status] {
			worst = Statement{Status: a.status, RevokedAt: a.at, Reason: a.reason, Until: until}
		}
		if worst.Status == a.status && until.Before(worst.Until) {
			worst.Until = until
		}
	}
	if worst.Status == Unknown {
		return Statement{Until: worst.Until}, nil
	}
	return worst, nil
}

// badness orders the answers of a response that has several about one
// certificate: the worst counts.
var badness = map[Status]int{Good: 0, Unknown: 1, Revoked: 2}

// parseOCSP parses, checks signatures, and that the response is about this
// certificate: golang.org/x/crypto/ocsp itself compares serial numbers alone.
func parseOCSP(der []byte, cert, issuer *x509.Certificate) (*ocsp.Response, []answer, error) {
	if len(der) > MaxOCSP {
		return nil, nil, fmt.Errorf("it has %d bytes, more than %d", len(der), MaxOCSP)
	}
	if cert.SerialNumber == nil {
		return nil, nil, errors.New("the certificate has no serial number")
	}
	response, err := ocsp.ParseResponseForCert(der, cert, issuer)
	var refused ocsp.ResponseError
	switch {
	case errors.As(err, &refused):
		return nil, nil, fmt.Errorf("the responder gave no answer, but %q", refused.Status)
	case err != nil:
		return nil, nil, fmt.Errorf("it is malformed or not signed by the authority: %w", err)
	}
	answers, err := answersFor(der, cert, issuer)
	return response, answers, err
}

// checkResponder checks who signed. A response that brings no certificate has
// been checked to be signed by the issuer itself.
func checkResponder(response *ocsp.Response, issuer *x509.Certificate, now time.Time) error {
	if broken(response.SignatureAlgorithm) {
		return fmt.Errorf("it is signed with %s, which proves nothing", response.SignatureAlgorithm)
	}
	delegate := response.Certificate
	if delegate == nil {
		return nil
	}
	if bytes.Equal(delegate.RawSubjectPublicKeyInfo, issuer.RawSubjectPublicKeyInfo) &&
		bytes.Equal(delegate.RawSubject, issuer.RawSubject) {
		return nil // the issuer, which sent its own certificate along
	}
	key, isRSA := delegate.PublicKey.(*rsa.PublicKey)
	switch {
	case !bytes.Equal(delegate.RawIssuer, issuer.RawSubject):
		return errors.New("its responder's certificate is from another authority")
	case !slices.Contains(delegate.ExtKeyUsage, x509.ExtKeyUsageOCSPSigning):
		return errors.New("its responder's certificate is not for signing OCSP responses")
	case delegate.KeyUsage != 0 && delegate.KeyUsage&x509.KeyUsageDigitalSignature == 0:
		return errors.New("its responder's key is not for signatures")
	case broken(delegate.SignatureAlgorithm):
		return fmt.Errorf("its responder's certificate is signed with %s, which proves nothing", delegate.SignatureAlgorithm)
	case isRSA && key.N.BitLen() < minResponderBits:
		return fmt.Errorf("its responder has an RSA key of %d bits, which is too small (at least %d)", key.N.BitLen(), minResponderBits)
	case len(delegate.UnhandledCriticalExtensions) > 0:
		return errors.New("its responder's certificate has a critical extension that is not understood")
	case now.Before(delegate.NotBefore.Add(-Skew)), now.After(delegate.NotAfter.Add(Skew)):
		return fmt.Errorf("its responder's certificate is valid from %s to %s only", stamp(delegate.NotBefore), stamp(delegate.NotAfter))
	}
	return nil
}

// timestampsOID is the extension of RFC 6962, 3.3, in a response.
var timestampsOID = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 4, 5}

// Timestamps returns the list of signed certificate timestamps in a response
// about a certificate, still encoded; nil without one.
func Timestamps(der []byte, cert, issuer *x509.Certificate) []byte {
	_, answers, err := parseOCSP(der, cert, issuer)
	if err != nil {
		return nil
	}
	for _, a := range answers {
		for rest := a.extensions; !rest.Empty(); {
			oid, _, value, ok := readExtension(&rest)
			var list []byte
			if !ok || !oid.Equal(timestampsOID) {
				continue
			}
			if more, err := asn1.Unmarshal(value, &list); err == nil && len(more) == 0 {
				return list
			}
		}
	}
	return nil
}
