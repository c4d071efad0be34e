package policy

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"

	"github.com/secure-socket-api/ssa/abi"
)

// Weaker is the error of a setting that would weaken the administrator's
// policy, or that the policy does not let a program set: EPERM.
type Weaker struct {
	Option abi.Option
	Value  string // "" when no value would be allowed
	Key    string // of the policy
	Limit  string // what the policy says for the key
	At     Position
}

func (e *Weaker) Error() string {
	what := strings.TrimSpace(e.Option.String() + " " + e.Value)
	return fmt.Sprintf("%s is not allowed: the policy has %s %s (%s)", what, e.Key, e.Limit, e.At)
}

// Impossible is the error of a setting that, with the others and the policy,
// leaves nothing to use: EINVAL.
type Impossible struct {
	Option abi.Option
	Value  string
	Reason string
}

func (e *Impossible) Error() string {
	return fmt.Sprintf("%v %s is not possible: %s", e.Option, e.Value, e.Reason)
}

// Rule says what a socket option may do to the policy.
type Rule struct {
	Option abi.Option
	// Key is the key of the policy that bounds the option, "" for none.
	Key string
	// Tighter says in words in which direction the option may go.
	Tighter string

	value func(*ProgramSettings) string // "" when not set
	apply func(*tightening) error       // nil when nothing changes
}

// Rules lists every option that can be set, in the order of application.
func Rules() []Rule {
	return []Rule{
		{abi.VersionMin, "versions.min", "higher", versionMinValue, (*tightening).versionMin},
		{abi.VersionMax, "versions.max", "lower, but not below the minimum", versionMaxValue, (*tightening).versionMax},
		{abi.EnableCipher, "cipher_suites", "only what the policy has", enabledValue, (*tightening).enableCiphers},
		{abi.TrustedCiphers, "cipher_suites", "fewer", trustedValue, (*tightening).trustCiphers},
		{abi.DisableCipher, "cipher_suites", "fewer", disabledValue, (*tightening).disableCiphers},
		{abi.SessionTTL, "sessions.lifetime", "shorter", ttlValue, (*tightening).sessionTTL},
		{abi.SessionReuse, "sessions.resumption", "off", switchValue(func(s *ProgramSettings) *bool { return s.SessionReuse }), (*tightening).sessionReuse},
		{abi.RequestPeerAuth, "server.client_auth", "none, then asked for, then required", peerAuthValue, (*tightening).peerAuth},
		{abi.RevocationChecks, "trust.revocation", "on: an answer is required", switchValue(func(s *ProgramSettings) *bool { return s.RevocationChecks }), (*tightening).revocation},
		{abi.OCSPStapledChecks, "trust.revocation", "off, unless the policy prefers answers", switchValue(func(s *ProgramSettings) *bool { return s.OCSPStapledChecks }),
			way(abi.OCSPStapledChecks, func(w *RevocationWays) *bool { return &w.Stapled }, func(s *ProgramSettings) *bool { return s.OCSPStapledChecks })},
		{abi.OCSPChecks, "trust.revocation", "off, unless the policy prefers answers", switchValue(func(s *ProgramSettings) *bool { return s.OCSPChecks }),
			way(abi.OCSPChecks, func(w *RevocationWays) *bool { return &w.OCSP }, func(s *ProgramSettings) *bool { return s.OCSPChecks })},
		{abi.CRLChecks, "trust.revocation", "off, unless the policy prefers answers", switchValue(func(s *ProgramSettings) *bool { return s.CRLChecks }),
			way(abi.CRLChecks, func(w *RevocationWays) *bool { return &w.CRL }, func(s *ProgramSettings) *bool { return s.CRLChecks })},
		{abi.CachedRevChecks, "trust.revocation", "off, unless the policy prefers answers", switchValue(func(s *ProgramSettings) *bool { return s.CachedRevChecks }),
			way(abi.CachedRevChecks, func(w *RevocationWays) *bool { return &w.Cached }, func(s *ProgramSettings) *bool { return s.CachedRevChecks })},
		{abi.ServerOCSPStapling, "server.ocsp_stapling", "on", switchValue(func(s *ProgramSettings) *bool { return s.OCSPStapling }), (*tightening).stapling},
		{abi.ALPN, "server.alpn", "a server: only what the policy has", alpnValue, (*tightening).alpn},
		{abi.TrustedPeerCertificates, "trust.program_roots", "as program_roots says", rootsValue, nil},

		{abi.RemoteHostname, "", "names the peer to verify", unset, nil},
		{abi.Hostname, "", "names this end", unset, nil},
		{abi.CertificateChain, "", "identifies this end", unset, nil},
		{abi.PrivateKey, "", "identifies this end", unset, nil},
		{abi.Context, "", "the settings taken over are tightened again", unset, nil},
	}
}

// MayUse returns a *Weaker error when the policy does not let the program set
// an option.
func (e *Effective) MayUse(option abi.Option) error {
	if e.ProgramOptions == nil || slices.Contains(e.ProgramOptions, option) {
		return nil
	}
	return &Weaker{option, "", "program_options", showProgramOptions(e), e.Origin("program_options")}
}

// tightening is a computation of a new effective value.
type tightening struct {
	base  *Effective // the administrator's
	to    *Effective
	asked *ProgramSettings
}

// Tighten returns what holds for a socket whose program asked for settings:
// base itself when it asked for nothing. Errors are *Weaker or *Impossible, and then nothing changes.
func Tighten(base *Effective, asked ProgramSettings) (*Effective, error) {
	t := &tightening{base: base, asked: &asked}
	for _, rule := range Rules() {
		value := rule.value(&asked)
		if value == "" {
			continue
		}
		if err := base.MayUse(rule.Option); err != nil {
			return nil, err
		}
		if rule.apply == nil {
			continue
		}
		if t.to == nil {
			t.to = base.clone()
			t.to.base = base.Base()
		}
		if err := rule.apply(t); err != nil {
			return nil, err
		}
	}
	if t.to == nil {
		return base, nil
	}
	if t.to.MaxVersion < tls.VersionTLS13 && !hasClassicGroup(t.to.KeyExchange) {
		return nil, t.impossible(abi.VersionMax, "the policy has only groups of TLS 1.3 (key_exchange, %s)", base.Origin("key_exchange"))
	}
	return t.to, nil
}

// weaker and impossible make the errors of a rule.
func (t *tightening) weaker(option abi.Option, key, limit string) error {
	return &Weaker{option, t.value(option), key, limit, t.base.Origin(key)}
}

func (t *tightening) impossible(option abi.Option, format string, args ...any) error {
	return &Impossible{option, t.value(option), fmt.Sprintf(format, args...)}
}

func (t *tightening) value(option abi.Option) string {
	for _, rule := range Rules() {
		if rule.Option == option {
			return rule.value(t.asked)
		}
	}
	return ""
}
