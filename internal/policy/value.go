package policy

import (
	"net/netip"
)

// ProgramRoots says what anchors given by a program may do.
type ProgramRoots uint8

// What program-given anchors may do.
const (
	Narrow  ProgramRoots = iota // both the administrator's and the program's anchors must agree
	Replace                     // the program's anchors alone decide
	Ignore                      // the administrator's anchors alone decide
)

// Revocation says how much must be known about revocation, more with each value.
type Revocation uint8

// How much must be known.
const (
	RevocationOff     Revocation = iota // nothing is asked
	RevocationPrefer                    // a revoked certificate is refused, no answer is accepted
	RevocationRequire                   // no answer is refused too
)

// RevocationWays are the ways that may answer for a certificate.
type RevocationWays struct {
	Stapled, OCSP, CRL, Cached bool
}

// ClientAuth says what a server asks of its clients, more with each value.
type ClientAuth uint8

// What a server asks of its clients.
const (
	ClientAuthNone    ClientAuth = iota
	ClientAuthRequest            // a certificate is verified when one is given
	ClientAuthRequire            // a verified certificate is required
)

// Pin is the SHA-256 hash of a subject public key info.
type Pin [32]byte

// PlainTCPMode says whether plain TCP connections are allowed.
type PlainTCPMode uint8

// Whether plain TCP connections are allowed.
const (
	PlainTCPAllow PlainTCPMode = iota
	PlainTCPDeny
	PlainTCPList // only to the listed destinations
)

// PlainTCP says where plain TCP connections may go.
type PlainTCP struct {
	Mode PlainTCPMode
	To   []Destination // of PlainTCPList
}

// Upgrade makes plain TCP connections to an address range and port TLS.
type Upgrade struct {
	To   netip.Prefix
	Port uint16 // 0 for all
	Name string // the name the peer must prove
}

// Words of the policy file, in order of value.
var (
	programRootsWords = []string{"narrow", "replace", "ignore"}
	revocationWords   = []string{"off", "prefer", "require"}
	clientAuthWords   = []string{"none", "request", "require"}
	sharingWords      = []string{"profile", "user", "program"}
)

// String returns the word of the policy file.
func (v ProgramRoots) String() string { return programRootsWords[v] }

// String returns the word of the policy file.
func (v Revocation) String() string { return revocationWords[v] }

// String returns the word of the policy file.
func (v ClientAuth) String() string { return clientAuthWords[v] }

// String returns the word of the policy file.
func (v Sharing) String() string { return sharingWords[v] }
