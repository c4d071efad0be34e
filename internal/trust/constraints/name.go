package constraints

import (
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"net/netip"
	"strconv"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Kinds of general names, by their tags.
const (
	mailbox   = 1
	dnsName   = 2
	directory = 4
	uri       = 6
	address   = 7
)

// kinds are the names that are understood. A match is asked with a constraint
// and a name, and for which side; it errs on the side of refusing. Its error is
// for a name that cannot be held against any constraint.
var kinds = map[uint8]struct {
	text  string
	match func(constraint, name []byte, excluded bool) (bool, error)
}{
	mailbox:   {"email address", matchMailbox},
	dnsName:   {"DNS name", matchDNS},
	directory: {"directory name", matchDirectory},
	uri:       {"URI", matchURI},
	address:   {"IP address", matchAddress},
}

// name is one that a certificate has.
type name struct {
	kind  uint8
	value []byte
}

// String names it for a person.
func (n name) String() string {
	kind, known := kinds[n.kind]
	switch {
	case !known:
		return "a name of kind " + strconv.Itoa(int(n.kind))
	case n.kind == address:
		addr, _ := netip.AddrFromSlice(n.value)
		return fmt.Sprintf("%s %q", kind.text, addr)
	case n.kind == directory:
		return fmt.Sprintf("%s %q", kind.text, directoryText(n.value))
	}
	return fmt.Sprintf("%s %q", kind.text, n.value)
}

var errNames = errors.New("the names of a certificate are malformed")

// namesOf returns all names of a certificate that constraints are about: its
// subject, mailboxes in that, and its alternative names.
func namesOf(cert *x509.Certificate) ([]name, error) {
	var names []name
	subject, err := parseDirectory(cert.RawSubject)
	if err != nil {
		return nil, err
	}
	if len(subject) > 0 {
		names = append(names, name{directory, cert.RawSubject})
	}
	for _, set := range subject {
		for _, part := range set {
			if part.Type.Equal(emailOID) {
				names = append(names, name{mailbox, part.Value.Bytes})
			}
		}
	}
	for _, e := range cert.Extensions {
		if e.Id.Equal(namesOID) {
			more, err := parseNames(e.Value)
			if err != nil {
				return nil, err
			}
			names = append(names, more...)
		}
	}
	return names, nil
}

var emailOID = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}

func parseNames(value []byte) ([]name, error) {
	outer := cryptobyte.String(value)
	var in cryptobyte.String
	if !outer.ReadASN1(&in, cbasn1.SEQUENCE) || !outer.Empty() {
		return nil, errNames
	}
	var names []name
	for !in.Empty() {
		var value cryptobyte.String
		var tag cbasn1.Tag
		if !in.ReadAnyASN1(&value, &tag) || !isKind(tag) {
			return nil, errNames
		}
		names = append(names, name{uint8(tag) & 0x1f, value})
	}
	return names, nil
}

// isKind says whether a tag is that of a general name.
func isKind(tag cbasn1.Tag) bool { return tag&0xc0 == 0x80 }
