package trust

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"strings"
)

// strongest returns a chain all of whose keys are large enough; without one,
// it returns a certificate that is in the way.
func (v *Verifier) strongest(chains [][]*x509.Certificate) (strong []*x509.Certificate, weak *x509.Certificate) {
	for _, chain := range chains {
		found := v.weakIn(chain)
		if found == nil {
			return chain, nil
		}
		weak = found
	}
	return nil, weak
}

func (v *Verifier) weakIn(chain []*x509.Certificate) *x509.Certificate {
	for _, cert := range chain {
		switch key := cert.PublicKey.(type) {
		case *rsa.PublicKey:
			if key.N.BitLen() < v.cfg.MinRSABits {
				return cert
			}
		case *ecdsa.PublicKey:
			if key.Curve.Params().BitSize < v.cfg.MinECDSABits {
				return cert
			}
		}
	}
	return nil
}

func (c *check) weakKey(cert *x509.Certificate) error {
	size, kind, least := 0, "", 0
	switch key := cert.PublicKey.(type) {
	case *rsa.PublicKey:
		size, kind, least = key.N.BitLen(), "RSA", c.v.cfg.MinRSABits
	case *ecdsa.PublicKey:
		size, kind, least = key.Curve.Params().BitSize, "ECDSA", c.v.cfg.MinECDSABits
	}
	return fail(Weak, fmt.Sprintf("%s has a %s key of %d bits, which is too small (at least %d)", c.which(cert), kind, size, least), nil)
}

// weakSignature finds the certificate whose signature is the reason why
// crypto/x509 built no chain: its algorithm is broken. The error has that only
// in its text.
func weakSignature(chain []*x509.Certificate, err error) *x509.Certificate {
	for _, cert := range chain {
		switch cert.SignatureAlgorithm {
		case x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1:
			if strings.Contains(err.Error(), x509.InsecureAlgorithmError(cert.SignatureAlgorithm).Error()) {
				return cert
			}
		}
	}
	return nil
}
