package identity

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ChainOf reads a chain from the files of a folder, PEM or DER, in whatever
// order they come: the leaf is the certificate that issued no other one. Files
// without certificates are passed over.
func ChainOf(files [][]byte) (Chain, error) {
	var blocks [][]byte
	for _, data := range files {
		more, err := certificatesOf(data)
		if err != nil {
			return Chain{}, fmt.Errorf("a file of the folder: %w", err)
		}
		blocks = append(blocks, more...)
	}
	if len(blocks) == 0 {
		return Chain{}, errors.New("no certificate found in the files of the folder")
	}
	// Reading a folder gives no order, and what follows must not depend on one.
	slices.SortFunc(blocks, bytes.Compare)
	certs, err := parseAll(slices.CompactFunc(blocks, bytes.Equal))
	if err != nil {
		return Chain{}, err
	}
	var leaves []*x509.Certificate
	for _, cert := range certs {
		if !slices.ContainsFunc(certs,
			func(other *x509.Certificate) bool { return other != cert && issued(cert, other) }) {
			leaves = append(leaves, cert)
		}
	}
	// An authority that issued nobody here is no leaf, beside one.
	if users := slices.DeleteFunc(slices.Clone(leaves),
		func(c *x509.Certificate) bool { return c.IsCA }); len(users) > 0 {
		leaves = users
	}
	if len(leaves) != 1 {
		return Chain{}, fmt.Errorf("the folder has %d certificates that could be the leaf%s; name the file of one", len(leaves), listed(leaves))
	}
	return Chain{certificates: linked(leaves[0], certs)}, nil
}

func listed(certs []*x509.Certificate) string {
	const shown = 3
	var names []string
	for _, cert := range certs[:min(len(certs), shown)] {
		names = append(names, describe(cert))
	}
	if len(names) == 0 {
		return ""
	}
	return " (" + strings.Join(names, "; ") + ")"
}

// RootsOf reads the certificates of a trust store from the files of a folder,
// PEM or DER. Files that cannot be read, and certificates in them that cannot
// be parsed, are passed over as long as one is left.
func RootsOf(files [][]byte) ([]*x509.Certificate, error) {
	var roots []*x509.Certificate
	for _, data := range files {
		blocks, err := certificatesOf(data)
		if err != nil {
			continue
		}
		for _, der := range blocks {
			if cert, err := x509.ParseCertificate(der); err == nil && len(roots) < maxCertificates {
				roots = append(roots, cert)
			}
		}
	}
	if len(roots) == 0 {
		return nil, errors.New("no certificate found in the files of the folder")
	}
	return roots, nil
}

// certificatesOf returns the DER of the certificates in a file, which may have
// none.
func certificatesOf(data []byte) ([][]byte, error) {
	if _, err := x509.ParseCertificate(data); err == nil {
		return [][]byte{data}, nil
	}
	blocks, err := Blocks(data)
	if err != nil {
		return nil, err
	}
	var ders [][]byte
	for _, block := range blocks {
		if block.Type == "CERTIFICATE" {
			ders = append(ders, block.Bytes)
		}
	}
	return ders, nil
}

// PEM returns a chain as a file of one would have it.
func (c Chain) PEM() []byte { return encode(c.certificates) }

// EncodeRoots returns certificates as PEM.
func EncodeRoots(certs []*x509.Certificate) []byte { return encode(certs) }

func encode(certs []*x509.Certificate) []byte {
	var out bytes.Buffer
	for _, cert := range certs {
		out.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}))
	}
	return out.Bytes()
}
