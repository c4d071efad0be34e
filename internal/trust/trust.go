// Package trust decides whether a peer is who it claims to be: it builds the
// peer's chain to an anchor and compares names, with crypto/x509, and says in
// words why it refuses. It reads no file, asks no network and knows no policy:
// anchors and limits are given to it, and so is who knows of revocations.
package trust

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/secure-socket-api/ssa/internal/trust/constraints"
	"github.com/secure-socket-api/ssa/internal/trust/transparency"
)

// Usage says what a peer's certificate is for.
type Usage uint8

// Usages.
const (
	ServerCertificate Usage = iota // the peer is a server
	ClientCertificate              // the peer is a client
)

// Config is what a Verifier needs.
type Config struct {
	// Roots returns the administrator's anchors, never nil. It is called at the
	// first verification, since reading a trust store takes time. Their name
	// constraints count: constraints.Relax makes them fit for a pool.
	Roots func() *x509.CertPool
	// RootsFrom says in words where the anchors come from.
	RootsFrom string
	// ProgramRoots, when not empty, are certificates that narrow what the
	// program accepts: a chain must lead both to one of Roots and to one of
	// these, or the peer's own certificate must be one of these.
	ProgramRoots []*x509.Certificate
	Usage        Usage
	// MinRSABits and MinECDSABits refuse chains with smaller keys. A Config that
	// does not say them refuses every such key.
	MinRSABits, MinECDSABits int
	// MaxDepth limits the certificates from leaf to anchor; zero is no limit.
	MaxDepth int
	// Signatures lists what may sign the certificates of a chain; nil is all
	// that crypto/x509 accepts.
	Signatures []tls.SignatureScheme
	// Pins are the SHA-256 hashes of the public keys of which one must be in
	// the chain, by name: a host name, "*." and a name for all names with one
	// more label, or an address.
	Pins map[string][][32]byte
	// Revocation says how much must be known of revocations, and
	// Revocations finds it out; nil knows nothing.
	Revocation  Revocation
	Revocations Revocations
	// RequireLogs requires that transparency logs, of the list Logs, know a
	// server's certificate.
	RequireLogs bool
	Logs        *transparency.List
}

// Peer is what a peer showed.
type Peer struct {
	// Chain is what it sent, leaf first.
	Chain []*x509.Certificate
	// Name is what a server must prove to be: a host name or the text of an
	// address; a client has none.
	Name string
	// Staple is the OCSP response that came in the handshake, and Timestamps
	// are those of its extension; both may be missing.
	Staple     []byte
	Timestamps [][]byte
}

// Result is what is known of a peer that was accepted.
type Result struct {
	// Identity is the verified name: the one that was asked for, else the
	// subject of a client's certificate.
	Identity string
	// NotAfter is when the first certificate of the accepted chain expires.
	NotAfter time.Time
	// Chain is the accepted chain, from leaf to anchor.
	Chain []*x509.Certificate
	// Revocation says in words what is known of each certificate of Chain but
	// the anchor; nil when nothing was asked.
	Revocation []string
	// StapledUntil is when the peer's staple stops to count, zero without a
	// good one.
	StapledUntil time.Time
	// Logs are the transparency logs that know the certificate, nil when that
	// was not asked.
	Logs []string
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
		cfg.MinRSABits = math.MaxInt
	}
	if cfg.MinECDSABits == 0 {
		cfg.MinECDSABits = math.MaxInt
	}
	if cfg.Revocations == nil {
		cfg.Revocations = nobody{}
	}
	v := &Verifier{cfg: cfg, known: newMemory()}
	if len(cfg.ProgramRoots) > 0 {
		v.program = x509.NewCertPool()
		for _, cert := range cfg.ProgramRoots {
			v.program.AddCert(constraints.Relax(cert))
		}
	}
	return v
}

// Verify verifies the chain that a peer sent, leaf first, when nothing else came
// with it: see VerifyPeer.
func (v *Verifier) Verify(chain []*x509.Certificate, name string, now time.Time) (*Result, error) {
	return v.VerifyPeer(context.Background(), Peer{Chain: chain, Name: name}, now)
}

// VerifyPeer verifies a peer. The context bounds what is asked of others about
// revocations. Errors are *Error.
func (v *Verifier) VerifyPeer(ctx context.Context, peer Peer, now time.Time) (*Result, error) {
	if len(peer.Chain) == 0 {
		return nil, fail(NoCertificate, "the peer sent no certificate", nil)
	}
	if v.cfg.Usage == ServerCertificate && verifiable(peer.Name) == "" {
		return nil, fail(WrongName, "there is no name to verify the peer's certificate against", nil)
	}
	c := &check{v: v, chain: peer.Chain, name: peer.Name, now: now, peer: peer}
	key := memoryKey(peer.Chain, peer.Name)
	chains := v.known.find(key, now)
	if chains == nil {
		var err error
		if chains, err = c.paths(); err != nil {
			return nil, err
		}
		v.known.add(key, chains, now)
	}
	return c.choose(ctx, chains)
}

// paths builds the chains that are fit in themselves.
func (c *check) paths() ([][]*x509.Certificate, error) {
	if err := c.affordable(); err != nil {
		return nil, err
	}
	v, chain := c.v, c.chain
	opts := x509.VerifyOptions{
		Roots:         v.cfg.Roots(),
		Intermediates: x509.NewCertPool(),
		CurrentTime:   c.now,
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if opts.Roots == nil {
		// crypto/x509 would take the system's: nobody asked for those.
		opts.Roots = x509.NewCertPool()
	}
	for _, cert := range chain[1:] {
		if cert.PublicKey != nil { // of a kind that is not known: it issued nothing
			opts.Intermediates.AddCert(constraints.Relax(cert))
		}
	}
	if v.cfg.Usage == ClientCertificate {
		opts.KeyUsages = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	} else {
		opts.DNSName = verifiable(c.name)
	}
	chains, err := constraints.Relax(chain[0]).Verify(opts)
	if err != nil {
		return nil, c.explain(err, opts)
	}
	if chains, err = c.fit(chains); err != nil {
		return nil, err
	}
	if chains = v.short(chains); len(chains) == 0 {
		return nil, fail(Constrained, fmt.Sprintf("the chain of %s has more than %d certificates from the peer to the anchor", c.holder(), v.cfg.MaxDepth), nil)
	}
	if chains, err = c.strong(chains); err != nil {
		return nil, err
	}
	if v.program != nil {
		if err := c.narrow(opts); err != nil {
			return nil, err
		}
	}
	return c.pinned(chains)
}

// maxChains bounds for how many chains of one peer others are asked.
const maxChains = 16

// choose returns the first chain that nobody has anything against. Unlike what
// paths finds, that can change at any time, and depends on what the peer says
// with its certificate: so it is never skipped.
func (c *check) choose(ctx context.Context, chains [][]*x509.Certificate) (*Result, error) {
	identity, err := c.name, error(nil)
	if c.v.cfg.Usage == ClientCertificate {
		if identity, err = clientIdentity(c.chain[0]); err != nil {
			return nil, err
		}
	}
	if c.v.cfg.Revocation != RevocationOff {
		var cancel context.CancelFunc
		ctx, cancel = c.v.cfg.Revocations.Limit(ctx)
		defer cancel()
	}
	var first error
	for _, chain := range chains[:min(len(chains), maxChains)] {
		result := &Result{Identity: identity, NotAfter: earliest(chain), Chain: chain}
		err := c.logged(result)
		if err == nil {
			err = c.unrevoked(ctx, result)
		}
		if err == nil {
			return result, nil
		}
		if first == nil {
			first = err
		}
	}
	return nil, first
}

// short keeps the chains that are not too long.
func (v *Verifier) short(chains [][]*x509.Certificate) [][]*x509.Certificate {
	if v.cfg.MaxDepth <= 0 {
		return chains
	}
	return slices.DeleteFunc(chains,
		func(chain []*x509.Certificate) bool { return len(chain) > v.cfg.MaxDepth })
}

// narrow holds the chain against the program's own certificates.
func (c *check) narrow(opts x509.VerifyOptions) error {
	for _, cert := range c.v.cfg.ProgramRoots {
		if cert.Equal(c.chain[0]) {
			return nil
		}
	}
	opts.Roots = c.v.program
	chains, err := constraints.Relax(c.chain[0]).Verify(opts)
	if err != nil {
		return c.notTheProgramsOwn(err)
	}
	if chains, err = c.fit(chains); err != nil {
		return err
	}
	_, err = c.strong(chains)
	return err
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
