package local

import (
	"crypto/tls"
	"slices"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/engine/session"
	"github.com/secure-socket-api/ssa/internal/policy"
)

// minVersion never goes below the oldest version there is, whatever a policy says.
func minVersion(v uint16) uint16 { return max(v, policy.DefaultMinVersion) }

func maxVersion(v uint16) uint16 {
	if v == 0 {
		return policy.DefaultMaxVersion
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
		CipherSuites:     pol.Suites12(),
		CurvePreferences: pol.Groups(),
		NextProtos:       slices.Clone(req.ALPN),
	}}
	s.suites13, _ = suiteList13(pol.CipherSuites13) // when nothing is left, TLS 1.3 is off
	if pol.Resumption && (req.Sharers != "" || pol.SharedBy == policy.SharedByProfile) {
		s.lifetime = pol.Lifetime
		if s.lifetime <= 0 {
			s.lifetime = policy.DefaultLifetime
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
	if current, generation := l.cfg.TicketKeys.Current(s.scope, s.lifetime,
		seeds); generation != s.generation {
		s.config.SetSessionTicketKeys(current)
		s.generation = generation
	}
}
