package trust

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxIdentity bounds the name of a client, in bytes.
const maxIdentity = 1024

// clientIdentity names the holder of a client's certificate: its whole subject
// as RFC 2253 writes it, CN=alice,O=Example, or without a subject its first
// alternative name with the kind before it, URI:spiffe://example/alice.
//
// Programs decide by this text what a client may do. So no two subjects have
// the same text: nothing is shortened or left out, and what does not print is
// written as \XX, which RFC 2253 allows. A subject that can not be written is
// an error.
func clientIdentity(leaf *x509.Certificate) (string, error) {
	text, err := subjectText(leaf)
	switch {
	case err != nil:
		return "", fail(Other, "the subject of the client's certificate is malformed: "+clean(err.Error()), err)
	case text == "":
		return "", fail(WrongName, "the client's certificate names nobody: it has neither a subject nor an alternative name", nil)
	case len(text) > maxIdentity:
		return "", fail(WrongName, fmt.Sprintf("the subject of the client's certificate has more than %d bytes", maxIdentity), nil)
	}
	return text, nil
}

func subjectText(leaf *x509.Certificate) (string, error) {
	// Not leaf.Subject: that keeps one value of each kind.
	var subject pkix.RDNSequence
	rest, err := asn1.Unmarshal(leaf.RawSubject, &subject)
	switch {
	case err != nil:
		return "", fmt.Errorf("read the subject: %w", err)
	case len(rest) > 0:
		return "", fmt.Errorf("%d bytes follow the subject", len(rest))
	case len(subject) > 0:
		return printable(subject.String()), nil
	case len(leaf.URIs) > 0:
		return "URI:" + printable(leaf.URIs[0].String()), nil
	case len(leaf.EmailAddresses) > 0:
		return "email:" + printable(leaf.EmailAddresses[0]), nil
	case len(leaf.DNSNames) > 0:
		return "DNS:" + printable(leaf.DNSNames[0]), nil
	}
	return "", nil
}

// printable writes the bytes of what does not print in hexadecimal.
func printable(s string) string {
	var out strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if unicode.IsPrint(r) && (r != utf8.RuneError || n > 1) {
			out.WriteString(s[:n])
		} else {
			for _, b := range []byte(s[:n]) {
				fmt.Fprintf(&out, "\\%02X", b)
			}
		}
		s = s[n:]
	}
	return out.String()
}
