package local

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"sync"
	"time"

	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/trust/revocation"
)

const (
	// maxStaplers bounds for how many certificates responses are fetched.
	maxStaplers = 256
	// staplerIdle is how long a certificate that nobody is shown is cared for.
	staplerIdle = 24 * time.Hour
)

// staplers fetch OCSP responses about our own certificates in the background,
// from the first use of each, and keep them fresh. A handshake never waits for
// one: it goes without.
type staplers struct {
	cfg Config
	// fetch gets a response and how long it may be shown.
	fetch func(ctx context.Context, cert *tls.Certificate,
		pol *policy.Effective) ([]byte, time.Time, error)
	ctx    context.Context // ends the work
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu     sync.Mutex
	byKey  map[staplerKey]*stapler
	full   bool // and that has been said
	closed bool
}

type staplerKey [sha256.Size]byte

func newStaplers(cfg Config) *staplers {
	s := &staplers{cfg: cfg, byKey: make(map[staplerKey]*stapler)}
	s.fetch = s.ask
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// staplerKeyOf digests what a response depends on. Addresses stay what they
// are: the stapler keeps the policy.
func staplerKeyOf(cert *tls.Certificate, pol *policy.Effective) staplerKey {
	d := &digest{make([]byte, 0, 4096)}
	for _, der := range cert.Certificate {
		d.text(string(der))
	}
	address(d, pol.Anchors)
	d.flags(pol.RevocationAnywhere)
	d.number(uint64(pol.RevocationTimeout))
	return sha256.Sum256(d.data)
}

// staple returns the certificate with a response if there is a fresh one.
func (s *staplers) staple(cert *tls.Certificate, pol *policy.Effective) *tls.Certificate {
	now := s.cfg.Now()
	st := s.find(cert, pol, now)
	if st == nil {
		return cert
	}
	response := st.response.Load()
	if response == nil || now.Before(response.from) || !now.Before(response.until) {
		return cert
	}
	stapled := *cert
	stapled.OCSPStaple = response.der
	return &stapled
}

// find returns the stapler of a certificate, and starts one if there is none;
// nil when there can be none.
func (s *staplers) find(cert *tls.Certificate, pol *policy.Effective, now time.Time) *stapler {
	key := staplerKeyOf(cert, pol)
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.byKey[key]
	if st == nil {
		if s.closed {
			return nil
		}
		if len(s.byKey) >= maxStaplers {
			if !s.full {
				s.full = true
				s.cfg.Log.Warn("too many server certificates at a time: some have no stapled OCSP response", "at most", maxStaplers)
			}
			return nil
		}
		st = &stapler{of: s, key: key, cert: cert, policy: pol}
		s.byKey[key] = st
		s.work.Go(st.run)
	}
	st.used = now
	return st
}

// retire forgets a stapler that has not been used for long, and reports that.
func (s *staplers) retire(st *stapler) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cfg.Now().Sub(st.used) < staplerIdle {
		return false
	}
	delete(s.byKey, st.key)
	s.full = false
	return true
}

func (s *staplers) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	s.work.Wait()
}

// ask asks the responders, under the policy's rules for such fetches.
func (s *staplers) ask(ctx context.Context, cert *tls.Certificate,
	pol *policy.Effective) ([]byte, time.Time, error) {
	issuer, err := issuerOf(cert, pol, s.cfg.Now())
	if err != nil {
		return nil, time.Time{}, err
	}
	rules := revocation.Rules{OCSP: true, Anywhere: pol.RevocationAnywhere,
		Timeout: pol.RevocationTimeout}
	return s.cfg.Revocation.Under(rules).Staple(ctx, cert.Leaf, issuer)
}

// issuerOf finds who issued our certificate: the next one of its chain, or an
// authority of the policy.
func issuerOf(cert *tls.Certificate, pol *policy.Effective,
	now time.Time) (*x509.Certificate, error) {
	others := x509.NewCertPool()
	for i, der := range cert.Certificate[1:] {
		next, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, err // not met: the chain has been parsed before
		}
		if i == 0 && cert.Leaf.CheckSignatureFrom(next) == nil {
			return next, nil
		}
		others.AddCert(next)
	}
	chains, err := cert.Leaf.Verify(x509.VerifyOptions{Roots: pol.Roots(), Intermediates: others,
		CurrentTime: now,
		KeyUsages:   []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	if err != nil || len(chains[0]) < 2 {
		return nil, errNoIssuer
	}
	return chains[0][1], nil
}
