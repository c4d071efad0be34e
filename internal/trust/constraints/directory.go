package constraints

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// attribute is one part of a directory name, still encoded.
type attribute struct {
	Type  asn1.ObjectIdentifier
	Value asn1.RawValue
}

type attributeSET []attribute // encoding/asn1 takes it for a SET by this name

// parseDirectory reads a name as it is in a subject.
func parseDirectory(der []byte) ([]attributeSET, error) {
	var name []attributeSET
	if rest, err := asn1.Unmarshal(der, &name); err != nil || len(rest) > 0 {
		return nil, errNames
	}
	return name, nil
}

func directoryText(der []byte) string {
	var name pkix.RDNSequence
	if _, err := asn1.Unmarshal(der, &name); err != nil {
		return "?"
	}
	return name.String()
}

// matchDirectory: a name that begins with the parts of a constraint is below it.
func matchDirectory(constraint, name []byte, _ bool) (bool, error) {
	base, err := parseDirectory(constraint)
	if err != nil {
		return false, errMalformed
	}
	parts, err := parseDirectory(name)
	if err != nil {
		return false, err
	}
	if len(base) > len(parts) {
		return false, nil
	}
	for i := range base {
		if !slices.Equal(canonical(base[i]), canonical(parts[i])) {
			return false, nil
		}
	}
	return true, nil
}

// canonical writes a set so that equal ones have the same text: in one order,
// and texts without regard to case, blanks and encoding (RFC 5280, 7.1).
func canonical(set attributeSET) []string {
	var all []string
	for _, part := range set {
		value, ok := text(part.Value)
		if ok {
			value = "text " + strings.ToLower(strings.Join(strings.Fields(value), " "))
		} else {
			value = "bytes " + string(part.Value.FullBytes)
		}
		all = append(all, part.Type.String()+" "+value)
	}
	slices.Sort(all)
	return all
}

const (
	tagUniversalString = 28
	tagVisibleString   = 26
)

// text decodes the kinds of strings that names are written in.
func text(v asn1.RawValue) (string, bool) {
	if v.Class != asn1.ClassUniversal {
		return "", false
	}
	var runes []rune
	switch v.Tag {
	case asn1.TagUTF8String:
		return string(v.Bytes), utf8.Valid(v.Bytes)
	case asn1.TagPrintableString, asn1.TagIA5String, asn1.TagNumericString, tagVisibleString,
		asn1.TagT61String:
		for _, b := range v.Bytes { // T61 as everybody writes it, Latin-1
			runes = append(runes, rune(b))
		}
	case asn1.TagBMPString:
		if len(v.Bytes)%2 != 0 {
			return "", false
		}
		var units []uint16
		for i := 0; i < len(v.Bytes); i += 2 {
			units = append(units, binary.BigEndian.Uint16(v.Bytes[i:]))
		}
		runes = utf16.Decode(units)
	case tagUniversalString:
		if len(v.Bytes)%4 != 0 {
			return "", false
		}
		for i := 0; i < len(v.Bytes); i += 4 {
			runes = append(runes, rune(binary.BigEndian.Uint32(v.Bytes[i:])))
		}
	default:
		return "", false
	}
	return string(runes), true
}
