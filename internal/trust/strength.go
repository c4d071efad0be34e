package trust

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
)

// strong keeps the chains all of whose keys are large enough and all of whose
// signatures are of an allowed kind.
func (c *check) strong(chains [][]*x509.Certificate) ([][]*x509.Certificate, error) {
	var kept [][]*x509.Certificate
	var first error
	for _, chain := range chains {
		err := c.weakness(chain)
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

func (c *check) weakness(chain []*x509.Certificate) error {
	for i, cert := range chain {
		if size, kind, least := c.v.keySize(cert); size < least {
			return fail(Weak, fmt.Sprintf("%s has a %s key of %d bits, which is too small (at least %d)", c.which(cert), kind, size, least), nil)
		}
		// An anchor is trusted for itself, not for what signed it.
		if i < len(chain)-1 && !c.v.maySign(cert) {
			return fail(Weak, fmt.Sprintf("%s is signed with %s, which signature_algorithms does not list", c.which(cert), cert.SignatureAlgorithm), nil)
		}
	}
	return nil
}

// keySize returns a key's size and the least one allowed, both zero for kinds
// whose size is fixed.
func (v *Verifier) keySize(cert *x509.Certificate) (size int, kind string, least int) {
	switch key := cert.PublicKey.(type) {
	case *rsa.PublicKey:
		return key.N.BitLen(), "RSA", v.cfg.MinRSABits
	case *ecdsa.PublicKey:
		return key.Curve.Params().BitSize, "ECDSA", v.cfg.MinECDSABits
	}
	return 0, "", 0
}

// schemes are the names of TLS for how certificates are signed. The curve in
// those of ECDSA says nothing here: it is that of a handshake's key, and
// authorities combine curves and hashes freely.
var schemes = map[x509.SignatureAlgorithm]tls.SignatureScheme{
	x509.SHA256WithRSA:    tls.PKCS1WithSHA256,
	x509.SHA384WithRSA:    tls.PKCS1WithSHA384,
	x509.SHA512WithRSA:    tls.PKCS1WithSHA512,
	x509.SHA256WithRSAPSS: tls.PSSWithSHA256,
	x509.SHA384WithRSAPSS: tls.PSSWithSHA384,
	x509.SHA512WithRSAPSS: tls.PSSWithSHA512,
	x509.ECDSAWithSHA256:  tls.ECDSAWithP256AndSHA256,
	x509.ECDSAWithSHA384:  tls.ECDSAWithP384AndSHA384,
	x509.ECDSAWithSHA512:  tls.ECDSAWithP521AndSHA512,
	x509.PureEd25519:      tls.Ed25519,
}

func (v *Verifier) maySign(cert *x509.Certificate) bool {
	if v.cfg.Signatures == nil {
		return true
	}
	scheme, known := schemes[cert.SignatureAlgorithm]
	return known && slices.Contains(v.cfg.Signatures, scheme)
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
