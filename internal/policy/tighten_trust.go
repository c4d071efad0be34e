package policy

import (
	"slices"
	"strings"

	"github.com/secure-socket-api/ssa/abi"
)

func onOffText(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

func (t *tightening) sessionTTL() error {
	ttl := *t.asked.SessionTTL
	switch {
	case ttl < 0:
		return t.impossible(abi.SessionTTL, "it is negative")
	case ttl > 0 && !t.base.Resumption:
		return t.weaker(abi.SessionTTL, "sessions.resumption", onOffText(false))
	case ttl > t.base.Lifetime:
		return t.weaker(abi.SessionTTL, "sessions.lifetime", short(t.base.Lifetime))
	}
	t.to.Lifetime = ttl
	t.to.Resumption = t.to.Resumption && ttl > 0
	return nil
}

func (t *tightening) sessionReuse() error {
	reuse := *t.asked.SessionReuse
	if reuse && !t.base.Resumption {
		return t.weaker(abi.SessionReuse, "sessions.resumption", onOffText(false))
	}
	t.to.Resumption = t.to.Resumption && reuse
	return nil
}

func (t *tightening) peerAuth() error {
	if *t.asked.PeerAuth < t.base.ClientAuth {
		return t.weaker(abi.RequestPeerAuth, "server.client_auth", t.base.ClientAuth.String())
	}
	t.to.ClientAuth = *t.asked.PeerAuth
	return nil
}

func (t *tightening) revocation() error {
	if *t.asked.RevocationChecks {
		t.to.Revocation = RevocationRequire
		return nil
	}
	if t.base.Revocation != RevocationOff {
		return t.weaker(abi.RevocationChecks, "trust.revocation", t.base.Revocation.String())
	}
	return nil
}

// way makes the rule of one way to learn of a revocation. Closing a way makes
// fewer answers count: tighter when an answer is required, but weaker when one
// is only preferred, since a revocation may then stay unknown.
func way(option abi.Option, field func(*ProgramSettings) **bool,
	of func(*RevocationWays) *bool) Rule {
	return Rule{option, "trust.revocation", "off, unless the policy prefers answers",
		heldFlag(field, func(e *Effective) bool { return *of(&e.RevocationWays) }),
		func(t *tightening) error {
			on := **field(t.asked)
			if !on && t.base.Revocation == RevocationPrefer {
				return t.weaker(option, "trust.revocation", t.base.Revocation.String())
			}
			if on && !*of(&t.base.RevocationWays) {
				return t.weaker(option, "trust.revocation", "no such way")
			}
			*of(&t.to.RevocationWays) = on
			ways := t.to.RevocationWays
			if t.to.Revocation == RevocationRequire && !ways.Stapled && !ways.OCSP && !ways.CRL {
				return t.impossible(option, "an answer about revocation is required, and no way to get one is left")
			}
			return nil
		}}
}

func (t *tightening) stapling() error {
	if t.base.OCSPStapling && !*t.asked.OCSPStapling {
		return t.weaker(abi.ServerOCSPStapling, "server.ocsp_stapling", onOffText(true))
	}
	t.to.OCSPStapling = *t.asked.OCSPStapling
	return nil
}

func (t *tightening) alpn() error {
	if !t.asked.Server || len(t.base.ServerALPN) == 0 {
		return nil
	}
	for _, protocol := range t.asked.ALPN {
		if !slices.Contains(t.base.ServerALPN, protocol) {
			return t.weaker(abi.ALPN, "server.alpn", "["+strings.Join(t.base.ServerALPN, ", ")+"]")
		}
	}
	return nil
}
