package policy

import (
	"crypto/tls"
	"slices"
	"time"
)

// The built-in policy, all of it, with its reasons: who changes a default of
// TLS changes it here. The engine takes from here what a policy does not say.
const (
	// DefaultMinVersion is the oldest version there is at all: RFC 8996 retired
	// those before it, whose handshakes rest on MD5 and SHA-1.
	DefaultMinVersion = tls.VersionTLS12
	// DefaultMaxVersion is the newest that there is.
	DefaultMaxVersion = tls.VersionTLS13

	// DefaultMinRSABits and DefaultMinECDSABits are what the public authorities
	// issue at least (CA/Browser Forum, Baseline Requirements, 6.1.5): 112 bits
	// of security, which NIST SP 800-57 has until 2030.
	DefaultMinRSABits   = 2048
	DefaultMinECDSABits = 256

	// DefaultLifetime of a session is a day: long enough for who comes back, and
	// for as long its secrets are worth stealing. RFC 8446, 4.6.1, allows a week.
	DefaultLifetime = 24 * time.Hour
)

// Lists of the engine and of policies begin with these: they are given to
// crypto/tls in full, so that no GODEBUG setting in the environment of a process
// brings back what was retired.
var (
	// All that TLS 1.3 has and crypto/tls implements. Where nothing was left out,
	// crypto/tls prefers what the hardware of both sides is good at.
	defaultSuites13 = []uint16{
		tls.TLS_AES_128_GCM_SHA256, tls.TLS_AES_256_GCM_SHA384, tls.TLS_CHACHA20_POLY1305_SHA256,
	}
	// Of TLS 1.2 only those with forward secrecy and authenticated encryption
	// (RFC 9325, 4.2): the others have had padding oracles (Lucky Thirteen) and
	// lose the past with the key (RSA key exchange).
	defaultSuites12 = []uint16{
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
		tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	}
	// The hybrid comes first, so that what is recorded today stays secret from
	// quantum computers. The other hybrids and P-521 cost more than they give;
	// P-256 and P-384 are for peers that must use NIST's curves.
	defaultGroups = []tls.CurveID{tls.X25519MLKEM768, tls.X25519, tls.CurveP256, tls.CurveP384}
)

// defaultSignatures are all that may be chosen: SHA-1 is not among them.
func defaultSignatures() []tls.SignatureScheme {
	var all []tls.SignatureScheme
	for _, row := range signatures {
		all = append(all, row.value)
	}
	return all
}

// Suites12, Suites13 and Groups are what a policy has, or else the built-in
// ones. A list that is empty, not nil, stays empty.
func (e *Effective) Suites12() []uint16 {
	if e.CipherSuites == nil {
		return defaultSuites12
	}
	return e.CipherSuites
}

// Suites13 lists suites of TLS 1.3 in the same way.
func (e *Effective) Suites13() []uint16 {
	if e.CipherSuites13 == nil {
		return defaultSuites13
	}
	return e.CipherSuites13
}

// Groups lists groups in the same way.
func (e *Effective) Groups() []tls.CurveID {
	if e.KeyExchange == nil {
		return defaultGroups
	}
	return e.KeyExchange
}

// Builtin returns the policy that holds when the administrator wrote none.
func Builtin() *Policy {
	return &Policy{fallback: builtinEffective(&systemStore{})}
}

func builtinEffective(system *systemStore) *Effective {
	return &Effective{
		Profile:             "default",
		MinVersion:          DefaultMinVersion,
		MaxVersion:          DefaultMaxVersion,
		CipherSuites:        slices.Clone(defaultSuites12),
		CipherSuites13:      slices.Clone(defaultSuites13),
		KeyExchange:         slices.Clone(defaultGroups),
		SignatureAlgorithms: defaultSignatures(),
		MinRSABits:          DefaultMinRSABits,
		MinECDSABits:        DefaultMinECDSABits,
		Anchors:             &Anchors{system: system},
		RootsFrom:           systemRootsText,
		roots:               []string{systemRootsWord},
		ProgramRoots:        Narrow, // a program may trust fewer than its administrator, never others
		MaxDepth:            10,     // real chains have at most 5; longer ones are work for nothing
		// Off, since responders and lists of many authorities do not answer
		// reliably: who turns it on knows his authorities, and then all ways count.
		Revocation:        RevocationOff,
		RevocationWays:    RevocationWays{Stapled: true, OCSP: true, CRL: true, Cached: true},
		RevocationTimeout: 5 * time.Second, // a handshake waits for it
		TransparencyLogs:  "/etc/ssa/log_list.json",
		Resumption:        true,
		Lifetime:          DefaultLifetime,
		SharedBy:          SharedByProfile, // those whom the policy does not tell apart
		ClientAuth:        ClientAuthNone,
		// programs that do not ask for TLS are left alone
		PlainTCP:    PlainTCP{Mode: PlainTCPAllow},
		Connections: 10000,
		Handshakes:  200, // of those that compute: more at a time would only make all of them late
		// A client that keeps a server waiting holds a place there, so it gets less
		// time than a server that keeps a program of ours waiting.
		HandshakeTimeout:       10 * time.Second,
		ClientHandshakeTimeout: time.Minute,
	}
}
