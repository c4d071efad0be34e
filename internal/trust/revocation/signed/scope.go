package signed

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// scope is which certificates a list speaks of, by its issuing distribution
// point: an authority may split its list, and then absence from one part means
// nothing for certificates of another.
type scope struct {
	points            []string // URIs; empty for all certificates
	usersOnly, caOnly bool
	// partial says why absence from the list means nothing for anybody; nil
	// where it does mean something.
	partial error
}

var (
	deltaOID  = asn1.ObjectIdentifier{2, 5, 29, 27}
	pointOID  = asn1.ObjectIdentifier{2, 5, 29, 28}
	keyIDOID  = asn1.ObjectIdentifier{2, 5, 29, 35}
	numberOID = asn1.ObjectIdentifier{2, 5, 29, 20}
)

func scopeOf(extensions []pkix.Extension) (scope, error) {
	var s scope
	var delta error
	for i, extension := range extensions {
		same := func(other pkix.Extension) bool { return other.Id.Equal(extension.Id) }
		switch {
		case slices.ContainsFunc(extensions[:i], same):
			return s, fmt.Errorf("it has the extension %s twice", extension.Id)
		case extension.Id.Equal(deltaOID):
			delta = errors.New("it is a delta list, which is not supported; use the complete one")
		case extension.Id.Equal(pointOID):
			var err error
			if s, err = parsePoint(extension.Value); err != nil {
				return s, err
			}
		case extension.Critical && !extension.Id.Equal(keyIDOID) && !extension.Id.Equal(numberOID):
			return s, fmt.Errorf("it has the critical extension %s, which is not understood", extension.Id)
		}
	}
	if delta != nil {
		s.partial = delta
	}
	return s, nil
}

// parsePoint reads an issuing distribution point, RFC 5280, 5.2.5.
func parsePoint(der []byte) (scope, error) {
	var s scope
	input := cryptobyte.String(der)
	var fields, point, reasons cryptobyte.String
	var hasPoint, someReasons bool
	var indirect, attributes bool
	if !input.ReadASN1(&fields, cbasn1.SEQUENCE) || !input.Empty() ||
		!fields.ReadOptionalASN1(&point, &hasPoint, cbasn1.Tag(0).ContextSpecific().Constructed()) ||
		!readFlag(&fields, 1, &s.usersOnly) || !readFlag(&fields, 2, &s.caOnly) ||
		!fields.ReadOptionalASN1(&reasons, &someReasons, cbasn1.Tag(3).ContextSpecific()) ||
		!readFlag(&fields, 4, &indirect) || !readFlag(&fields, 5, &attributes) || !fields.Empty() {
		return s, errMalformed
	}
	switch {
	case attributes:
		return s, errors.New("it is a list of attribute certificates")
	case indirect:
		s.partial = errors.New("it is an indirect list, which is not supported")
	case someReasons:
		s.partial = errors.New("it is a list for some reasons only, which is not supported")
	}
	if !hasPoint {
		return s, nil
	}
	uris, err := parseNames(point)
	if err != nil {
		return s, err
	}
	if s.points = uris; len(uris) == 0 && s.partial == nil {
		s.partial = errors.New("the name of its distribution point is of a kind that is not supported; use the complete list, or one with an address")
	}
	return s, nil
}

// parseNames reads the URIs of a distribution point's full name. Names of other
// kinds, and names relative to the issuer's, are passed over.
func parseNames(point cryptobyte.String) ([]string, error) {
	var names cryptobyte.String
	if point.PeekASN1Tag(cbasn1.Tag(1).ContextSpecific().Constructed()) {
		return nil, nil
	}
	if !point.ReadASN1(&names, cbasn1.Tag(0).ContextSpecific().Constructed()) || !point.Empty() {
		return nil, errMalformed
	}
	var uris []string
	for !names.Empty() {
		var name cryptobyte.String
		var tag cbasn1.Tag
		if !names.ReadAnyASN1(&name, &tag) {
			return nil, errMalformed
		}
		if tag == cbasn1.Tag(6).ContextSpecific() {
			uris = append(uris, string(name))
		}
	}
	return uris, nil
}

func readFlag(s *cryptobyte.String, tag uint8, out *bool) bool {
	var value cryptobyte.String
	var present bool
	if !s.ReadOptionalASN1(&value, &present, cbasn1.Tag(tag).ContextSpecific()) {
		return false
	}
	if present && len(value) != 1 {
		return false
	}
	*out = present && value[0] != 0
	return true
}

// covers checks that the list speaks of certificates like this one.
func (s scope) covers(cert *x509.Certificate) error {
	switch {
	case s.partial != nil:
		return s.partial
	case s.usersOnly && cert.IsCA:
		return errors.New("it is not about certificates of authorities")
	case s.caOnly && !cert.IsCA:
		return errors.New("it is about certificates of authorities only")
	case len(s.points) == 0:
		return nil
	}
	for _, point := range cert.CRLDistributionPoints {
		if slices.Contains(s.points, point) {
			return nil
		}
	}
	return errors.New("it is a part of the authority's list that is not about this certificate")
}
