package local

import (
	"context"
	"crypto/x509"

	"github.com/secure-socket-api/ssa/internal/engine/turns"
	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/trust"
	"github.com/secure-socket-api/ssa/internal/trust/revocation"
	"github.com/secure-socket-api/ssa/internal/trust/revocation/signed"
)

// newVerifier makes the judge of peers under a policy.
func (l *Engine) newVerifier(usage trust.Usage, pol *policy.Effective, r roots) *trust.Verifier {
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
		cfg.Revocations = asking{l.cfg.Revocation.Under(revocation.Rules{
			Stapled: pol.RevocationWays.Stapled, OCSP: pol.RevocationWays.OCSP,
			Lists: pol.RevocationWays.CRL, Cached: pol.RevocationWays.Cached,
			Anywhere: pol.RevocationAnywhere, Timeout: pol.RevocationTimeout, Files: pol.CRLFiles,
		})}
	}
	if pol.Transparency {
		cfg.RequireLogs, cfg.Logs = true, pol.Logs
	}
	return trust.New(cfg)
}

// asking gives the turn of a handshake back while others are asked.
type asking struct{ trust.Revocations }

func (a asking) Ask(ctx context.Context, cert, issuer *x509.Certificate,
	staple []byte) signed.Answer {
	turn := turns.Of(ctx)
	turn.Pause()
	answer := a.Revocations.Ask(ctx, cert, issuer, staple)
	_ = turn.Resume() // in vain only when the handshake is at its end
	return answer
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
