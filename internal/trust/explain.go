package trust

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// check is one verification under way.
type check struct {
	v     *Verifier
	chain []*x509.Certificate
	name  string
	now   time.Time
	peer  Peer
}

// explain turns an error of crypto/x509 into one for a person.
func (c *check) explain(err error, opts x509.VerifyOptions) *Error {
	var invalid x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	var hostname x509.HostnameError
	switch {
	case errors.As(err, &hostname):
		return fail(WrongName, c.wrongName(), err)
	case errors.As(err, &invalid):
		return c.invalid(invalid)
	case errors.As(err, &unknown):
		return c.unknownAnchor(err, opts)
	}
	var critical x509.UnhandledCriticalExtension
	if errors.As(err, &critical) {
		return fail(Other, c.holder()+" has, or its issuers have, a critical extension that is not understood", err)
	}
	if strings.Contains(err.Error(), "signature check attempts limit") { // it has no type
		return tooManyWays(len(distinct(c.chain[1:])))
	}
	return fail(Other, c.holder()+" was not accepted: "+clean(err.Error()), err)
}

func (c *check) invalid(err x509.CertificateInvalidError) *Error {
	which := c.which(err.Cert)
	switch err.Reason {
	case x509.Expired:
		if c.now.Before(err.Cert.NotBefore) {
			return fail(NotYetValid, fmt.Sprintf("%s is not valid before %s, and it is %s now; is the clock right?",
				which, instant(err.Cert.NotBefore), instant(c.now)), err)
		}
		return fail(Expired, fmt.Sprintf("%s expired on %s (%s ago)",
			which, instant(err.Cert.NotAfter), span(c.now.Sub(err.Cert.NotAfter))), err)
	case x509.IncompatibleUsage:
		return fail(WrongUsage, c.wrongUsage(), err)
	case x509.NotAuthorizedToSign:
		return fail(Constrained, which+" was used to sign another one, but is not the certificate of an authority", err)
	case x509.TooManyIntermediates:
		return fail(Constrained, which+" allows fewer intermediates below it than the peer sent", err)
	case x509.CANotAuthorizedForThisName, x509.CANotAuthorizedForExtKeyUsage, x509.TooManyConstraints:
		return fail(Constrained, fmt.Sprintf("%s was issued by an authority that may not: %s", c.holder(), clean(err.Detail)), err)
	}
	return fail(Other, which+" was not accepted: "+clean(err.Error()), err)
}

func (c *check) wrongUsage() string {
	wanted, plural := x509.ExtKeyUsageServerAuth, "servers"
	if c.v.cfg.Usage == ClientCertificate {
		wanted, plural = x509.ExtKeyUsageClientAuth, "clients"
	}
	for _, cert := range c.built() {
		if len(cert.ExtKeyUsage)+len(cert.UnknownExtKeyUsage) > 0 &&
			!slices.Contains(cert.ExtKeyUsage, wanted) {
			return fmt.Sprintf("%s is not for %s, only for %s", c.which(cert), plural, usages(cert))
		}
	}
	return fmt.Sprintf("the chain of %s is not for %s", c.holder(), plural)
}

// unknownAnchor looks for the reason that the chain led nowhere.
func (c *check) unknownAnchor(err error, opts x509.VerifyOptions) *Error {
	from := c.v.cfg.RootsFrom
	if from == "" {
		from = "the policy"
	}
	built := c.built()
	top := built[len(built)-1]
	if weak := weakSignature(built, err); weak != nil {
		return fail(Weak, fmt.Sprintf("%s is signed with %s, which is too weak to be accepted", c.which(weak), weak.SignatureAlgorithm), err)
	}
	for _, issuer := range built[1:] {
		if issuer.PublicKey == nil {
			return fail(Other, fmt.Sprintf("%s has a key of a kind that is not supported; RSA keys, and ECDSA keys on the curves P-256, P-384 and P-521, are", c.which(issuer)), err)
		}
	}
	if issuer := notAuthority(built); issuer != nil {
		return fail(Constrained, c.which(issuer)+" was used to sign another one, but is not the certificate of an authority", err)
	}
	if strings.Contains(err.Error(), (x509.ConstraintViolationError{}).Error()) {
		return fail(Constrained, fmt.Sprintf("%s was issued by %s, which is among the anchors of %s, but is not the certificate of an authority (basicConstraints, keyUsage)",
			c.which(top), quoted(top.Issuer), from), err)
	}
	remedy := "; add it to trust.roots in the policy if you trust it"
	if c.programAccepts(opts) {
		remedy += " (the program does, by TLS_TRUSTED_PEER_CERTIFICATES, but a program can only narrow what the policy trusts)"
	}
	switch {
	case len(built) == 1 && selfIssued(top):
		return fail(SelfSigned, fmt.Sprintf("%s is self-signed and not among the anchors of %s%s", c.holder(), from, remedy), err)
	case selfIssued(top):
		return fail(UnknownAnchor, fmt.Sprintf("the chain of %s ends in %s, which is not among the anchors of %s%s",
			c.holder(), quoted(top.Subject), from, remedy), err)
	case len(c.chain) == 1:
		return fail(UnknownAnchor, fmt.Sprintf("%s was issued by %s, which is not among the anchors of %s%s; if it is an intermediate, the peer should send it with its certificate",
			c.holder(), quoted(top.Issuer), from, remedy), err)
	}
	return fail(UnknownAnchor, fmt.Sprintf("the chain of %s ends in a certificate issued by %s, which is not among the anchors of %s%s",
		c.holder(), quoted(top.Issuer), from, remedy), err)
}

func (c *check) programAccepts(opts x509.VerifyOptions) bool {
	return c.v.program != nil && c.narrow(opts) == nil
}

// notTheProgramsOwn explains a peer that the administrator trusts and the
// program does not.
func (c *check) notTheProgramsOwn(err error) *Error {
	n := len(c.v.cfg.ProgramRoots)
	if n == 1 {
		return fail(NotByProgram, fmt.Sprintf("%s does not lead to the certificate that the program accepts (%s, from TLS_TRUSTED_PEER_CERTIFICATES)",
			c.holder(), quoted(c.v.cfg.ProgramRoots[0].Subject)), err)
	}
	return fail(NotByProgram, fmt.Sprintf("%s leads to none of the %d certificates that the program accepts (TLS_TRUSTED_PEER_CERTIFICATES)", c.holder(), n), err)
}

// built follows the names of issuers from the leaf through what the peer sent.
func (c *check) built() []*x509.Certificate {
	built := []*x509.Certificate{c.chain[0]}
	for len(built) <= len(c.chain) {
		top := built[len(built)-1]
		if selfIssued(top) {
			break
		}
		next := issuerOf(top, c.chain)
		if next == nil {
			break
		}
		built = append(built, next)
	}
	return built
}

// notAuthority finds an issuer in a chain that is none. crypto/x509 passes over
// such certificates, and then finds no way to an anchor.
func notAuthority(chain []*x509.Certificate) *x509.Certificate {
	for _, issuer := range chain[1:] {
		if !issuer.BasicConstraintsValid || !issuer.IsCA ||
			issuer.KeyUsage != 0 && issuer.KeyUsage&x509.KeyUsageCertSign == 0 {
			return issuer
		}
	}
	return nil
}

func issuerOf(cert *x509.Certificate, candidates []*x509.Certificate) *x509.Certificate {
	for _, candidate := range candidates {
		if bytes.Equal(candidate.RawSubject, cert.RawIssuer) && candidate != cert {
			return candidate
		}
	}
	return nil
}

func selfIssued(cert *x509.Certificate) bool {
	return bytes.Equal(cert.RawSubject, cert.RawIssuer)
}
