package identity

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
)

// Limits of what is parsed. The largest trust stores in use have some 150
// certificates and 250 KiB.
const (
	maxPEM          = 1 << 20
	maxChain        = 32
	maxCertificates = 1024
)

// Chain is a certificate chain, leaf first. The zero value is no chain.
type Chain struct {
	certificates []*x509.Certificate
}

// Leaf returns the first certificate, nil for the zero value.
func (c Chain) Leaf() *x509.Certificate {
	if len(c.certificates) == 0 {
		return nil
	}
	return c.certificates[0]
}

// ParseChain reads a chain from PEM, leaf first. Blocks that are not
// certificates are passed over, since people keep the key in the same file.
// What follows the leaf is put in order by who issued whom, as TLS 1.2 and many
// peers demand of what is sent; what is there twice, or has issued nobody in the
// chain, is left out.
func ParseChain(data []byte) (Chain, error) {
	blocks, err := certificateBlocks(data)
	if err != nil {
		return Chain{}, err
	}
	certs, err := parseAll(blocks)
	if err != nil {
		return Chain{}, err
	}
	for i, cert := range certs[1:] {
		if issued(certs[0], cert) && !issued(cert, certs[0]) {
			return Chain{}, fmt.Errorf("the chain is in the wrong order: certificate %d (%s) was issued by certificate 1 (%s); the leaf must come first, then who issued it",
				i+2, describe(cert), describe(certs[0]))
		}
	}
	return Chain{certificates: linked(certs[0], certs[1:])}, nil
}

// parseAll parses the certificates of a chain.
func parseAll(blocks [][]byte) ([]*x509.Certificate, error) {
	if len(blocks) > maxChain {
		return nil, fmt.Errorf("%d certificates are too many for a chain (at most %d); is this a trust store?", len(blocks), maxChain)
	}
	var certs []*x509.Certificate
	for i, der := range blocks {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("certificate %d of %d is malformed: %w", i+1, len(blocks), err)
		}
		certs = append(certs, cert)
	}
	return certs, nil
}

// linked begins with a leaf and goes on with who issued it, and so on.
func linked(leaf *x509.Certificate, others []*x509.Certificate) []*x509.Certificate {
	chain := []*x509.Certificate{leaf}
	for i := 0; i < len(chain); i++ {
		for _, above := range others {
			if issued(above, chain[i]) && !slices.ContainsFunc(chain, above.Equal) {
				chain = append(chain, above)
			}
		}
	}
	return chain
}

// issued says whether one certificate's holder issued another one. It looks at
// names alone: a wrong signature is for the peer to find.
func issued(above, below *x509.Certificate) bool {
	return bytes.Equal(above.RawSubject, below.RawIssuer) &&
		(len(above.SubjectKeyId) == 0 || len(below.AuthorityKeyId) == 0 ||
			bytes.Equal(above.SubjectKeyId, below.AuthorityKeyId))
}

// ParseRoots reads the certificates of a trust store from PEM. Certificates
// that cannot be parsed are passed over, as crypto/x509 does, as long as one
// can: leaving an anchor out never makes more peers trusted.
func ParseRoots(data []byte) ([]*x509.Certificate, error) {
	blocks, err := certificateBlocks(data)
	if err != nil {
		return nil, err
	}
	var roots []*x509.Certificate
	var first error
	for _, der := range blocks {
		cert, err := x509.ParseCertificate(der)
		if err == nil {
			roots = append(roots, cert)
		} else if first == nil {
			first = err
		}
	}
	if len(roots) == 0 {
		return nil, fmt.Errorf("none of the %d certificates can be parsed: %w", len(blocks), first)
	}
	return roots, nil
}

// certificateBlocks returns the DER of all CERTIFICATE blocks, of which there
// is at least one.
func certificateBlocks(data []byte) ([][]byte, error) {
	if len(data) > maxPEM {
		return nil, tooLong(len(data), maxPEM)
	}
	var ders [][]byte
	others := map[string]bool{}
	blocks, err := Blocks(data)
	if err != nil {
		return nil, err
	}
	for _, block := range blocks {
		if block.Type != "CERTIFICATE" {
			others[clean(block.Type)] = true
			continue
		}
		if len(ders) == maxCertificates {
			return nil, fmt.Errorf("more than %d certificates", maxCertificates)
		}
		ders = append(ders, block.Bytes)
	}
	if len(ders) == 0 {
		return nil, nothingFound("certificate", data, others)
	}
	return ders, nil
}

// nothingFound says what there was instead of what was wanted.
func nothingFound(wanted string, data []byte, others map[string]bool) error {
	if len(others) > 0 {
		names := make([]string, 0, len(others))
		for name := range others {
			names = append(names, name)
		}
		sort.Strings(names)
		if len(names) > 5 {
			names = append(names[:5], "others")
		}
		return fmt.Errorf("no %s found, only PEM blocks of type %s", wanted, strings.Join(names, ", "))
	}
	switch {
	case len(bytes.TrimSpace(data)) == 0:
		return fmt.Errorf("no %s found: there is nothing in it", wanted)
	case data[0] == 0x30:
		return fmt.Errorf("no %s found: this looks like DER, convert it to PEM", wanted)
	}
	return fmt.Errorf("no %s found: this is not PEM", wanted)
}

func tooLong(n, limit int) error {
	return fmt.Errorf("%d bytes of PEM are too many (at most %d)", n, limit)
}

var errEncrypted = errors.New("the private key is encrypted; decrypt it first, for example with openssl pkey -in KEY -out PLAINKEY")
