// Package trust decides whether a peer is who it claims to be: it builds the
// peer's chain to an anchor and compares names, with crypto/x509, and says in
// words why it refuses. It reads no file, asks no network and knows no policy:
// anchors and limits are given to it.
package trust

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Usage says what a peer's certificate is for.
type Usage uint8

// Usages.
const (
	ServerCertificate Usage = iota // the peer is a server
	ClientCertificate              // the peer is a client
)

// Least sizes of keys in a chain, where a Config does not say otherwise.
const (
	DefaultMinRSABits   = 2048
	DefaultMinECDSABits = 256
)

// Config is what a Verifier needs.
type Config struct {
	// Roots returns the administrator's anchors, never nil. It is called at the
	// first verification, since reading a trust store takes time.
	Roots func() *x509.CertPool
	// RootsFrom says in words where the anchors come from.
	RootsFrom string
	// ProgramRoots, when not empty, are certificates that narrow what the
	// program accepts: a chain must lead both to one of Roots and to one of
	// these, or the peer's own certificate must be one of these.
	ProgramRoots []*x509.Certificate
	Usage        Usage
	// MinRSABits and MinECDSABits refuse chains with smaller keys; zero means
	// the defaults.
	MinRSABits, MinECDSABits int
	// MaxDepth limits the certificates from leaf to anchor; zero is no limit.
	MaxDepth int
}

// Result is what is known of a peer that was accepted.
type Result struct {
	// Identity is the verified name: the one that was asked for, else the
	// subject of a client's certificate.
	Identity string
	// NotAfter is when the first certificate of the accepted chain expires.
	NotAfter time.Time
}

// Verifier verifies peers under one set of anchors. It is safe for concurrent
// use.
type Verifier struct {
	cfg     Config
	program *x509.CertPool // of cfg.ProgramRoots, nil without any
	known   *memory
}

// New makes a Verifier.
func New(cfg Config) *Verifier {
	if cfg.MinRSABits == 0 {
		cfg.MinRSABits = DefaultMinRSABits
	}
	if cfg.MinECDSABits == 0 {
		cfg.MinECDSABits = DefaultMinECDSABits
	}
	v := &Verifier{cfg: cfg, known: newMemory()}
	if len(cfg.ProgramRoots) > 0 {
		v.program = x509.NewCertPool()
		for _, cert := range cfg.ProgramRoots {
			v.program.AddCert(cert)
		}
	}
	return v
}

// Verify verifies the chain that a peer sent, leaf first. The name is what a
// server must prove to be: a host name or the text of an address; a client
// has none. Errors are *Error.
func (v *Verifier) Verify(chain []*x509.Certificate, name string, now time.Time) (*Result, error) {
	if len(chain) == 0 {
		return nil, fail(NoCertificate, "the peer sent no certificate", nil)
	}
	if v.cfg.Usage == ServerCertificate && verifiable(name) == "" {
		return nil, fail(WrongName, "there is no name to verify the peer's certificate against", nil)
	}
	key := memoryKey(chain, name)
	if result := v.known.find(key, now); result != nil {
		return result, nil
	}
	result, err := v.verify(chain, name, now)
	if err != nil {
		return nil, err
	}
	v.known.add(key, result, now)
	return result, nil
}

func (v *Verifier) verify(chain []*x509.Certificate, name string, now time.Time) (*Result, error) {
	c := &check{v: v, chain: chain, name: name, now: now}
	opts := x509.VerifyOptions{
		Roots:         v.cfg.Roots(),
		Intermediates: x509.NewCertPool(),
		CurrentTime:   now,
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if opts.Roots == nil {
		// crypto/x509 would take the system's: nobody asked for those.
		opts.Roots = x509.NewCertPool()
	}
	for _, cert := range chain[1:] {
		opts.Intermediates.AddCert(cert)
	}
	if v.cfg.Usage == ClientCertificate {
		opts.KeyUsages = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	} else {
		opts.DNSName = verifiable(name)
	}
	chains, err := chain[0].Verify(opts)
	if err != nil {
		return nil, c.explain(err, opts)
	}
	if chains = v.short(chains); len(chains) == 0 {
		return nil, fail(Constrained, fmt.Sprintf("the chain of %s has more than %d certificates from the peer to the anchor", c.holder(), v.cfg.MaxDepth), nil)
	}
	strong, weak := v.strongest(chains)
	if strong == nil {
		return nil, c.weakKey(weak)
	}
	if v.program != nil {
		if err := c.narrow(opts); err != nil {
			return nil, err
		}
	}
	result := &Result{Identity: name, NotAfter: earliest(strong)}
	if v.cfg.Usage == ClientCertificate {
		if result.Identity, err = clientIdentity(chain[0]); err != nil {
			return nil, err
		}
	}
	return result, nil
}

// short keeps the chains that are not too long.
func (v *Verifier) short(chains [][]*x509.Certificate) [][]*x509.Certificate {
	if v.cfg.MaxDepth <= 0 {
		return chains
	}
	return slices.DeleteFunc(chains, func(chain []*x509.Certificate) bool { return len(chain) > v.cfg.MaxDepth })
}

// narrow holds the chain against the program's own certificates.
func (c *check) narrow(opts x509.VerifyOptions) error {
	for _, cert := range c.v.cfg.ProgramRoots {
		if cert.Equal(c.chain[0]) {
			return nil
		}
	}
	opts.Roots = c.v.program
	chains, err := c.chain[0].Verify(opts)
	if err != nil {
		return c.notTheProgramsOwn(err)
	}
	if strong, weak := c.v.strongest(chains); strong == nil {
		return c.weakKey(weak)
	}
	return nil
}

// verifiable turns a name into what crypto/x509 compares: no final dot, and
// addresses without zone, since no certificate has one.
func verifiable(name string) string {
	if addr, err := netip.ParseAddr(name); err == nil {
		return addr.Unmap().WithZone("").String()
	}
	return strings.TrimSuffix(name, ".")
}

func earliest(chain []*x509.Certificate) time.Time {
	first := chain[0].NotAfter
	for _, cert := range chain[1:] {
		if cert.NotAfter.Before(first) {
			first = cert.NotAfter
		}
	}
	return first
}

// CauseOf returns the cause of an error of Verify, and false for any other.
func CauseOf(err error) (Cause, bool) {
	var e *Error
	if errors.As(err, &e) {
		return e.Cause, true
	}
	return 0, false
}
