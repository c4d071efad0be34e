package policy

import "crypto/x509"

// Effective is what holds for one socket: the administrator's policy for the
// program, tightened by the program. It is computed once per socket and never
// changed afterwards.
type Effective struct {
	// Profile names the profile of the policy that applied, "default" if none.
	Profile string
	// MinVersion and MaxVersion bound the TLS version: 0x0303 or 0x0304.
	MinVersion, MaxVersion uint16
	// CipherSuites lists TLS 1.2 suites, best first; nil means the built-in ones.
	CipherSuites []uint16
	// Anchors are the certificates the administrator trusts; nil trusts nobody.
	Anchors *Anchors
	// RootsFrom says in words where the anchors come from, for messages, for
	// example "the system trust store" or "/etc/ssa/corporate.pem".
	RootsFrom string
}

// Roots returns the pool of the administrator's anchors. It is never nil, since
// crypto/x509 takes nil for the system's roots. The first call for the system
// trust store reads and parses it, which takes some milliseconds.
func (e *Effective) Roots() *x509.CertPool { return e.Anchors.Pool() }
