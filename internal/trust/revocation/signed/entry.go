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
	serial []byte // content of the INTEGER, see canonical
	at     time.Time
	reason int
	// others says that this entry and those after it are about certificates of
	// another authority, in an indirect list (RFC 5280, 5.3.3).
	others bool
}

// removeFromCRL is the reason of an entry in a delta list that takes another
// one back.
const removeFromCRL = 8

var (
	reasonOID = asn1.ObjectIdentifier{2, 5, 29, 21}
	issuerOID = asn1.ObjectIdentifier{2, 5, 29, 29}
)

func readEntry(rest *cryptobyte.String) (*entry, error) {
	var sequence, serial cryptobyte.String
	if !rest.ReadASN1(&sequence, cbasn1.SEQUENCE) || !sequence.ReadASN1(&serial, cbasn1.INTEGER) ||
		len(serial) == 0 {
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
		oid, critical, value, ok := readExtension(&extensions)
		if !ok {
			return errMalformed
		}
		switch {
		case oid.Equal(reasonOID):
			if !value.ReadASN1Enum(&e.reason) || !value.Empty() {
				return errMalformed
			}
		case oid.Equal(issuerOID):
			e.others = true
		case critical:
			return errors.New("an entry of it has the critical extension " + oid.String() + ", which is not understood")
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

// canonical drops bytes that say nothing: some authorities write serial numbers
// with more zeros in lists than in certificates. What is left of a number of one
// sign is never that of another: a first bit of one is that of a negative one.
func canonical(serial []byte) []byte {
	for len(serial) > 1 &&
		(serial[0] == 0 && serial[1] < 0x80 || serial[0] == 0xff && serial[1] >= 0x80) {
		serial = serial[1:]
	}
	return serial
}

// serialBytes is the serial number as entries have it.
func serialBytes(cert *x509.Certificate) ([]byte, error) {
	if cert.SerialNumber == nil || cert.SerialNumber.Sign() < 0 {
		return nil, errors.New("the certificate has no proper serial number")
	}
	return canonical(append([]byte{0}, cert.SerialNumber.Bytes()...)), nil
}

// clip makes text fit for a message.
func clip(s string) string {
	if len(s) > 40 {
		s = s[:40] + "..."
	}
	quoted := strconv.QuoteToASCII(s)
	return quoted[1 : len(quoted)-1]
}
