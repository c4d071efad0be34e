package engine

import (
	"maps"
	"slices"

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

// trustKey adds what newVerifier takes from a policy to the key of settings.
func (d *digest) trustKey(pol *policy.Effective) {
	d.judgement(pol)
	address(d, pol.Logs)
}

// judgement adds how peers are judged, but for what is in the files that the
// policy names.
func (d *digest) judgement(pol *policy.Effective) {
	d.number(uint64(pol.MinRSABits), uint64(pol.MinECDSABits), uint64(pol.MaxDepth))
	numbers(d, pol.SignatureAlgorithms)
	d.number(uint64(pol.Revocation), uint64(pol.RevocationTimeout))
	ways := pol.RevocationWays
	d.flags(ways.Stapled, ways.OCSP, ways.CRL, ways.Cached, pol.RevocationAnywhere, pol.Transparency)
	d.number(uint64(len(pol.CRLFiles)))
	for _, path := range pol.CRLFiles {
		d.text(path)
	}
	d.number(uint64(len(pol.Pins)))
	for _, name := range slices.Sorted(maps.Keys(pol.Pins)) {
		d.text(name)
		d.number(uint64(len(pol.Pins[name])))
		for _, pin := range pol.Pins[name] {
			d.data = append(d.data, pin[:]...)
		}
	}
}
