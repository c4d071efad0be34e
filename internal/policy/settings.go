package policy

import (
	"slices"
	"time"
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
