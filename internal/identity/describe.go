package identity

import (
	"crypto/x509"
	"strconv"
	"strings"
	"unicode"
)

// describe names a certificate for a message: its first names, else its
// subject.
func describe(cert *x509.Certificate) string {
	if cert == nil {
		return "nobody"
	}
	const shown = 3
	var names []string
	for _, name := range cert.DNSNames {
		names = append(names, clean(name))
	}
	for _, ip := range cert.IPAddresses {
		names = append(names, ip.String())
	}
	switch {
	case len(names) == 0:
		return strconv.Quote(clean(cert.Subject.String()))
	case len(names) > shown:
		return strings.Join(names[:shown], ", ") + " and others"
	}
	return strings.Join(names, ", ")
}

// clean makes text from a file fit for a message: no control characters and
// not endless.
func clean(s string) string {
	const limit = 100
	var out strings.Builder
	n := 0
	for _, r := range s {
		if n++; n > limit {
			out.WriteString("...")
			break
		}
		if !unicode.IsPrint(r) {
			r = '?'
		}
		out.WriteRune(r)
	}
	return out.String()
}
