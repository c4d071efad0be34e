package trust

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"slices"

	"github.com/secure-socket-api/ssa/internal/trust/constraints"
)

// fit keeps the chains that hold what crypto/x509 does not look at: the name
// constraints, and extensions for the use of a key that allow none.
func (c *check) fit(chains [][]*x509.Certificate) ([][]*x509.Certificate, error) {
	judge := &constraints.Judge{Strict: c.v.cfg.Usage == ClientCertificate}
	var kept [][]*x509.Certificate
	var first error
	for _, chain := range chains {
		err := c.misused(chain)
		if err == nil {
			if why := judge.Check(chain); why != nil {
				err = fail(Constrained, fmt.Sprintf("%s was issued by an authority that may not: %s", c.holder(), clip(why.Error())), why)
			}
		}
		if err == nil {
			kept = append(kept, chain)
		} else if first == nil {
			first = err
		}
	}
	if len(kept) == 0 {
		return nil, first
	}
	return kept, nil
}

var (
	keyUsageOID      = asn1.ObjectIdentifier{2, 5, 29, 15}
	extendedUsageOID = asn1.ObjectIdentifier{2, 5, 29, 37}
)

// misused says what a key of a chain is not for. In TLS the peer's own key
// makes signatures and nothing else (RFC 8446, 4.4.2.2).
func (c *check) misused(chain []*x509.Certificate) error {
	for i, cert := range chain {
		if has(cert, keyUsageOID) {
			switch {
			case i == 0 && cert.KeyUsage&x509.KeyUsageDigitalSignature == 0:
				return fail(WrongUsage, fmt.Sprintf("the key of %s is not for signatures, and TLS needs them (its keyUsage lacks digitalSignature)", c.which(cert)), nil)
			case cert.KeyUsage == 0:
				return fail(WrongUsage, fmt.Sprintf("the key of %s is for nothing (its keyUsage is empty)", c.which(cert)), nil)
			}
		}
		if has(cert, extendedUsageOID) && len(cert.ExtKeyUsage)+len(cert.UnknownExtKeyUsage) == 0 {
			return fail(WrongUsage, fmt.Sprintf("%s is for nothing (its extendedKeyUsage is empty)", c.which(cert)), nil)
		}
	}
	return nil
}

func has(cert *x509.Certificate, oid asn1.ObjectIdentifier) bool {
	return slices.ContainsFunc(cert.Extensions, func(e pkix.Extension) bool { return e.Id.Equal(oid) })
}
