package policy

import (
	"slices"
	"time"

	"github.com/secure-socket-api/ssa/abi"
)

// ProgramSettings is what a program has asked for through socket options. The
// zero value asks for nothing; nil fields were not set.
type ProgramSettings struct {
	// Server is true for a socket that listens, or was accepted.
	Server bool

	VersionMin, VersionMax uint16 // 0 when not set
	// TrustedCiphers are the only suites to use, of TLS 1.2 and 1.3 alike.
	TrustedCiphers []uint16
	SessionTTL     *time.Duration
	SessionReuse   *bool
	PeerAuth       *ClientAuth
	// RevocationChecks asks for more than the policy does; the others say
	// which ways may answer.
	RevocationChecks, OCSPStapledChecks, OCSPChecks, CRLChecks, CachedRevChecks *bool
	OCSPStapling                                                                *bool
	ALPN                                                                        []string
	// Roots is true when the program gave anchors.
	Roots bool

	disabled, enabled []uint16
}

// Rule says what a socket option may do to the policy.
type Rule struct {
	Option abi.Option
	// Key is the key of the policy that bounds the option, "" for none.
	Key string
	// Tighter says in words in which direction the option may go.
	Tighter string

	held
	apply func(*tightening) error // nil when nothing changes
}

// Rules lists every option that can be set, in the order of application.
func Rules() []Rule {
	return []Rule{
		{abi.VersionMin, "versions.min", "higher",
			heldVersion(func(s *ProgramSettings) *uint16 { return &s.VersionMin },
				func(e *Effective) uint16 { return e.MinVersion }),
			(*tightening).versionMin},
		{abi.VersionMax, "versions.max", "lower, but not below the minimum",
			heldVersion(func(s *ProgramSettings) *uint16 { return &s.VersionMax },
				func(e *Effective) uint16 { return e.MaxVersion }),
			(*tightening).versionMax},
		{abi.EnableCipher, "cipher_suites", "only what the policy has",
			heldSuite((*ProgramSettings).EnableCipher,
				func(s *ProgramSettings) []uint16 { return s.enabled }), (*tightening).enableCiphers},
		{abi.TrustedCiphers, "cipher_suites", "fewer",
			heldSuites(func(s *ProgramSettings) *[]uint16 { return &s.TrustedCiphers }),
			(*tightening).trustCiphers},
		{abi.DisableCipher, "cipher_suites", "fewer",
			heldSuite((*ProgramSettings).DisableCipher,
				func(s *ProgramSettings) []uint16 { return s.disabled }), (*tightening).disableCiphers},
		{abi.SessionTTL, "sessions.lifetime", "shorter",
			heldLifetime, (*tightening).sessionTTL},
		{abi.SessionReuse, "sessions.resumption", "off",
			heldFlag(func(s *ProgramSettings) **bool { return &s.SessionReuse },
				func(e *Effective) bool { return e.Resumption }),
			(*tightening).sessionReuse},
		{abi.RequestPeerAuth, "server.client_auth", "none, then asked for, then required",
			heldAuth, (*tightening).peerAuth},
		{abi.RevocationChecks, "trust.revocation", "on: an answer is required",
			heldFlag(func(s *ProgramSettings) **bool { return &s.RevocationChecks },
				func(e *Effective) bool { return e.Revocation == RevocationRequire }),
			(*tightening).revocation},
		way(abi.OCSPStapledChecks, func(s *ProgramSettings) **bool { return &s.OCSPStapledChecks },
			func(w *RevocationWays) *bool { return &w.Stapled }),
		way(abi.OCSPChecks, func(s *ProgramSettings) **bool { return &s.OCSPChecks },
			func(w *RevocationWays) *bool { return &w.OCSP }),
		way(abi.CRLChecks, func(s *ProgramSettings) **bool { return &s.CRLChecks },
			func(w *RevocationWays) *bool { return &w.CRL }),
		way(abi.CachedRevChecks, func(s *ProgramSettings) **bool { return &s.CachedRevChecks },
			func(w *RevocationWays) *bool { return &w.Cached }),
		{abi.ServerOCSPStapling, "server.ocsp_stapling", "on",
			heldFlag(func(s *ProgramSettings) **bool { return &s.OCSPStapling },
				func(e *Effective) bool { return e.OCSPStapling }), (*tightening).stapling},
		{abi.ALPN, "server.alpn", "a server: only what the policy has", heldProtocols, (*tightening).alpn},
		{abi.TrustedPeerCertificates, "trust.program_roots", "as program_roots says", heldRoots, nil},

		{abi.RemoteHostname, "", "names the peer to verify", notHeld, nil},
		{abi.Hostname, "", "names this end", notHeld, nil},
		{abi.CertificateChain, "", "identifies this end", notHeld, nil},
		{abi.PrivateKey, "", "identifies this end", notHeld, nil},
		{abi.Context, "", "the settings taken over are tightened again", notHeld, nil},
	}
}

// DisableCipher notes a TLS_DISABLE_CIPHER.
func (s *ProgramSettings) DisableCipher(suite uint16) {
	s.enabled = without(s.enabled, suite)
	s.disabled = append(without(s.disabled, suite), suite)
}

// EnableCipher notes a TLS_ENABLE_CIPHER, which undoes a DisableCipher.
func (s *ProgramSettings) EnableCipher(suite uint16) {
	s.disabled = without(s.disabled, suite)
	s.enabled = append(without(s.enabled, suite), suite)
}

// without returns a copy, so that copies of settings stay independent.
func without(ids []uint16, id uint16) []uint16 {
	return slices.DeleteFunc(slices.Clone(ids), func(x uint16) bool { return x == id })
}

// parseClientAuth returns the value of TLS_REQUEST_PEER_AUTH, false for one
// that does not exist.
func parseClientAuth(value int32) (ClientAuth, bool) {
	i := slices.Index([]int32{0, 2, 1}, value)
	return ClientAuth(max(i, 0)), i >= 0
}

// optionValue returns the value as TLS_REQUEST_PEER_AUTH has it.
func (c ClientAuth) optionValue() int32 { return []int32{0, 2, 1}[c] }
