package trust

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
)

// maxCost bounds the checks of signatures for the chains of one peer, who may
// be anybody, in those of a P-256 key, of which a core does some ten thousand in
// a second.
const maxCost = 500

// maxChecks is how many checks crypto/x509 makes at most for a peer, whatever
// they cost (maxChainSignatureChecks in its verify.go). With usual keys all of
// them stay below maxCost.
const maxChecks = 100

// maxCandidates bounds the certificates besides the peer's own. No chain in
// use needs a tenth; the search for their issuers grows with their square.
const maxCandidates = 128

// affordable refuses a peer whose certificates could have issued one another in
// too many ways to try them all.
func (c *check) affordable() error {
	others := distinct(c.chain[1:])
	if len(others) > maxCandidates {
		return fail(Constrained, fmt.Sprintf("the peer sent %d certificates besides its own, and at most %d are looked at", len(others), maxCandidates), nil)
	}
	s := search{others: others, left: maxCost}
	if !s.from([]*x509.Certificate{c.chain[0]}) && maxChecks*s.dearest > maxCost {
		return tooManyWays(len(others))
	}
	return nil
}

func tooManyWays(others int) *Error {
	return fail(Constrained, fmt.Sprintf("the %d certificates that the peer sent besides its own can have issued one another in more ways than are tried: "+
		"let it send only those of its chain", others), nil)
}

// distinct leaves one of equal certificates: crypto/x509 tries it once.
func distinct(certs []*x509.Certificate) []*x509.Certificate {
	seen := make(map[string]bool, len(certs))
	var kept []*x509.Certificate
	for _, cert := range certs {
		if !seen[string(cert.Raw)] {
			seen[string(cert.Raw)] = true
			kept = append(kept, cert)
		}
	}
	return kept
}

// search counts what building chains costs at most. It goes the way of
// crypto/x509, but by names alone, as if all signatures were right.
type search struct {
	others  []*x509.Certificate
	left    int // of the cost
	dearest int // what the dearest check costs
}

// from goes on from the last certificate of a path, and reports whether the
// whole search can be afforded.
func (s *search) from(path []*x509.Certificate) bool {
	last := path[len(path)-1]
	s.left-- // for an anchor
	for _, parent := range s.others {
		if s.left < 0 {
			return false
		}
		if !bytes.Equal(parent.RawSubject, last.RawIssuer) || onPath(path, parent) {
			continue
		}
		dear := cost(parent)
		s.left -= dear
		s.dearest = max(s.dearest, dear)
		if !s.from(append(path[:len(path):len(path)], parent)) {
			return false
		}
	}
	return s.left >= 0
}

// onPath reports whether the holder and the key of a certificate are on a path
// already: a chain never comes back to them.
func onPath(path []*x509.Certificate, cert *x509.Certificate) bool {
	for _, p := range path {
		if bytes.Equal(p.RawSubject, cert.RawSubject) && bytes.Equal(p.RawSubjectPublicKeyInfo,
			cert.RawSubjectPublicKeyInfo) {
			return true
		}
	}
	return false
}

// cost is what checking a signature by the key of a certificate costs, in
// checks of P-256, as measured with this Go.
func cost(cert *x509.Certificate) int {
	switch key := cert.PublicKey.(type) {
	case *ecdsa.PublicKey:
		switch bits := key.Params().BitSize; {
		case bits <= 256:
			return 1
		case bits <= 384:
			return 8
		}
		return 27
	case *rsa.PublicKey:
		switch bits := key.N.BitLen(); {
		case bits <= 4096:
			return 5
		case bits <= 8192:
			return 18
		}
		return 70
	case ed25519.PublicKey:
		return 1
	case nil:
		return 0 // of a kind that is not known: nobody tries it
	}
	return 27
}
