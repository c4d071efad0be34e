package local

import (
	"crypto/tls"
	"slices"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/engine/session"
	"github.com/secure-socket-api/ssa/internal/policy"
)

// Suites and groups when the policy names none. They are given to crypto/tls
// in full, so that no GODEBUG setting in the environment of a process brings
// back what was retired.
var (
	builtinSuites = []uint16{
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
		tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	}
	builtinGroups = []tls.CurveID{tls.X25519MLKEM768, tls.X25519, tls.CurveP256, tls.CurveP384}
)

// minVersion never goes below TLS 1.2, whatever a policy says.
func minVersion(v uint16) uint16 { return max(v, tls.VersionTLS12) }

func maxVersion(v uint16) uint16 {
	if v == 0 {
		return tls.VersionTLS13
	}
	return v
}

// highest is the highest version for which the policy leaves a suite.
func highest(pol *policy.Effective) uint16 {
	if _, ok := suiteList13(pol.CipherSuites13); !ok {
		return min(maxVersion(pol.MaxVersion), tls.VersionTLS12)
	}
	return maxVersion(pol.MaxVersion)
}

// newSettings does what client and server have in common.
func newSettings(l *Engine, scope string, req *engine.Request) *settings {
	pol := req.Policy
	s := &settings{policy: pol, scope: scope, config: &tls.Config{
		Time:             l.cfg.Now,
		MinVersion:       minVersion(pol.MinVersion),
		MaxVersion:       highest(pol),
		CipherSuites:     builtinSuites,
		CurvePreferences: builtinGroups,
		NextProtos:       slices.Clone(req.ALPN),
	}}
	s.suites13, _ = suiteList13(pol.CipherSuites13) // when nothing is left, TLS 1.3 is off
	if pol.CipherSuites != nil {
		s.config.CipherSuites = pol.CipherSuites
	}
	if pol.KeyExchange != nil {
		s.config.CurvePreferences = pol.KeyExchange
	}
	if pol.Resumption && (req.Sharers != "" || pol.SharedBy == policy.SharedByProfile) {
		s.lifetime = pol.Lifetime
		if s.lifetime <= 0 {
			s.lifetime = defaultLifetime
		}
	}
	s.config.SessionTicketsDisabled = s.lifetime == 0
	return s
}

// refreshTicketKeys gives a server's configuration the current keys of its
// scope.
func (s *settings) refreshTicketKeys(l *Engine) {
	if s.lifetime == 0 {
		return
	}
	var seeds session.Seeds
	if store := s.policy.TicketStore; store != nil && l.cfg.TicketSeeds != nil {
		seeds = l.cfg.TicketSeeds(store)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if current, generation := l.cfg.TicketKeys.Current(s.scope, s.lifetime, seeds); generation != s.generation {
		s.config.SetSessionTicketKeys(current)
		s.generation = generation
	}
}
