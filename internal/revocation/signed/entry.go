package signed

import (
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"strconv"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// entry is a revoked certificate in a list.
type entry struct {
	serial []byte // content of the INTEGER
	at     time.Time
	reason int
}

var reasonOID = asn1.ObjectIdentifier{2, 5, 29, 21}

func readEntry(rest *cryptobyte.String) (*entry, error) {
	var sequence, serial cryptobyte.String
	if !rest.ReadASN1(&sequence, cbasn1.SEQUENCE) || !sequence.ReadASN1(&serial, cbasn1.INTEGER) || len(serial) == 0 {
		return nil, errMalformed
	}
	e := &entry{serial: canonical(serial)}
	if !readTime(&sequence, &e.at) {
		return nil, errMalformed
	}
	if sequence.Empty() {
		return e, nil
	}
	var extensions cryptobyte.String
	if !sequence.ReadASN1(&extensions, cbasn1.SEQUENCE) || !sequence.Empty() {
		return nil, errMalformed
	}
	return e, e.readExtensions(extensions)
}

// readExtensions finds the reason. RFC 5280, 5.3: an entry with a critical
// extension that is not understood makes the whole list useless.
func (e *entry) readExtensions(extensions cryptobyte.String) error {
	for !extensions.Empty() {
		var extension, value cryptobyte.String
		var oid asn1.ObjectIdentifier
		critical := false
		if !extensions.ReadASN1(&extension, cbasn1.SEQUENCE) || !extension.ReadASN1ObjectIdentifier(&oid) ||
			extension.PeekASN1Tag(cbasn1.BOOLEAN) && !extension.ReadASN1Boolean(&critical) ||
			!extension.ReadASN1(&value, cbasn1.OCTET_STRING) {
			return errMalformed
		}
		switch {
		case oid.Equal(reasonOID):
			if !value.ReadASN1Enum(&e.reason) || !value.Empty() {
				return errMalformed
			}
		case critical:
			return errors.New("an entry of it has the critical extension " + oid.String() + ", which is not understood (an indirect list?)")
		}
	}
	return nil
}

func readTime(s *cryptobyte.String, out *time.Time) bool {
	if s.PeekASN1Tag(cbasn1.UTCTime) {
		return s.ReadASN1UTCTime(out)
	}
	return s.ReadASN1GeneralizedTime(out)
}

// canonical drops zeros that say nothing: some authorities write serial numbers
// with more of them in lists than in certificates.
func canonical(serial []byte) []byte {
	for len(serial) > 1 && serial[0] == 0 {
		serial = serial[1:]
	}
	return serial
}

// serialBytes is the serial number as entries have it. A negative one, which
// RFC 5280 forbids, could not be told from a positive one.
func serialBytes(cert *x509.Certificate) ([]byte, error) {
	if cert.SerialNumber == nil || cert.SerialNumber.Sign() < 0 {
		return nil, errors.New("the certificate has no proper serial number")
	}
	if cert.SerialNumber.Sign() == 0 {
		return []byte{0}, nil
	}
	return cert.SerialNumber.Bytes(), nil
}

// clip makes text fit for a message.
func clip(s string) string {
	if len(s) > 40 {
		s = s[:40] + "..."
	}
	quoted := strconv.QuoteToASCII(s)
	return quoted[1 : len(quoted)-1]
}
