package engine

import (
	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/revocation"
	"github.com/secure-socket-api/ssa/internal/trust"
)

// newVerifier makes the judge of peers under a policy.
func (l *Local) newVerifier(usage trust.Usage, pol *policy.Effective, r roots) *trust.Verifier {
	cfg := trust.Config{
		Roots: r.pool, RootsFrom: r.from, ProgramRoots: r.program,
		Usage:      usage,
		MinRSABits: pol.MinRSABits, MinECDSABits: pol.MinECDSABits,
		MaxDepth:   pol.MaxDepth,
		Signatures: pol.SignatureAlgorithms,
		Pins:       pins(pol),
		Revocation: revocationLevel(pol.Revocation),
	}
	if cfg.Revocation != trust.RevocationOff {
		cfg.Revocations = l.cfg.Revocation.Under(revocation.Rules{
			Stapled: pol.RevocationWays.Stapled, OCSP: pol.RevocationWays.OCSP,
			Lists: pol.RevocationWays.CRL, Cached: pol.RevocationWays.Cached,
			Anywhere: pol.RevocationAnywhere, Timeout: pol.RevocationTimeout, Files: pol.CRLFiles,
		})
	}
	if pol.Transparency {
		cfg.RequireLogs, cfg.Logs = true, pol.Logs
	}
	return trust.New(cfg)
}

func revocationLevel(r policy.Revocation) trust.Revocation {
	switch r {
	case policy.RevocationOff:
		return trust.RevocationOff
	case policy.RevocationPrefer:
		return trust.RevocationPrefer
	}
	return trust.RevocationRequire
}

func pins(pol *policy.Effective) map[string][][32]byte {
	out := make(map[string][][32]byte, len(pol.Pins))
	for name, hashes := range pol.Pins {
		out[name] = nil // a name without hashes is still pinned
		for _, hash := range hashes {
			out[name] = append(out[name], hash)
		}
	}
	return out
}
