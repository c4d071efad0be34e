package trust

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
)

// pinned keeps the chains that have one of the keys pinned for the name. A pin
// may be that of any certificate, from the peer's own to the anchor.
func (c *check) pinned(chains [][]*x509.Certificate) ([][]*x509.Certificate, error) {
	pins, of := c.v.pinsFor(c.name)
	if of == "" {
		return chains, nil
	}
	var kept [][]*x509.Certificate
	for _, chain := range chains {
		if slices.ContainsFunc(chain,
			func(cert *x509.Certificate) bool { return slices.Contains(pins, keyHash(cert)) }) {
			kept = append(kept, chain)
		}
	}
	if len(kept) > 0 {
		return kept, nil
	}
	own := keyHash(c.chain[0])
	return nil, fail(NotPinned, fmt.Sprintf("no key in the chain of %s is one that the policy pins for %s (trust.pins); if the peer changed its key for a good reason, add sha256/%s",
		c.holder(), clean(of), base64.StdEncoding.EncodeToString(own[:])), nil)
}

// pinsFor returns the pins for a name and under which name they stand; that is
// "" when there are none. A name's own pins count, not those of a wildcard.
func (v *Verifier) pinsFor(name string) ([][32]byte, string) {
	if len(v.cfg.Pins) == 0 || v.cfg.Usage != ServerCertificate {
		return nil, ""
	}
	name = strings.ToLower(verifiable(name))
	if pins, ok := v.cfg.Pins[name]; ok {
		return pins, name
	}
	if _, above, ok := strings.Cut(name, "."); ok {
		if pins, ok := v.cfg.Pins["*."+above]; ok {
			return pins, "*." + above
		}
	}
	return nil, ""
}

func keyHash(cert *x509.Certificate) [32]byte { return sha256.Sum256(cert.RawSubjectPublicKeyInfo) }
