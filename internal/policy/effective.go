package policy

import (
	"crypto/tls"
	"crypto/x509"
	"time"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/trust/transparency"
)

// Effective is what holds for one socket: the administrator's policy for the
// program, tightened by the program. It is computed once per socket and never
// changed afterwards. Fields are named after the keys of the policy file; keys
// that are not obeyed yet are refused at load, so their fields hold the default.
type Effective struct {
	// Profile names the profile of the policy that applied, "default" if none.
	Profile string

	// MinVersion and MaxVersion bound the TLS version: 0x0303 or 0x0304.
	MinVersion, MaxVersion uint16
	// CipherSuites lists TLS 1.2 suites, best first; nil means the built-in
	// ones. It is empty, not nil, when a program left none: then MinVersion
	// excludes TLS 1.2.
	CipherSuites []uint16
	// CipherSuites13 lists TLS 1.3 suites in the same way.
	CipherSuites13 []uint16
	// KeyExchange lists groups, best first.
	KeyExchange []tls.CurveID
	// SignatureAlgorithms lists what may sign a handshake or a certificate.
	SignatureAlgorithms []tls.SignatureScheme
	// MinRSABits and MinECDSABits are the smallest keys of a whole chain.
	MinRSABits, MinECDSABits int

	// PeersAllowed and PeersDenied say with whom a program may talk; an empty
	// PeersAllowed allows all.
	PeersAllowed, PeersDenied []Destination

	// Anchors are the certificates the administrator trusts; nil trusts nobody.
	Anchors *Anchors
	// RootsFrom says in words where the anchors come from, for messages, for
	// example "the system trust store" or "/etc/ssa/corporate.pem".
	RootsFrom string
	// ProgramRoots says what anchors given by the program may do.
	ProgramRoots ProgramRoots
	// MaxDepth is the largest number of certificates from leaf to anchor.
	MaxDepth int
	// Revocation says how much must be known about revocation.
	Revocation Revocation
	// RevocationWays are the ways that may answer.
	RevocationWays RevocationWays
	// RevocationAnywhere allows OCSP and CRL fetches to loopback and private
	// addresses.
	RevocationAnywhere bool
	// RevocationTimeout bounds all fetches for one handshake.
	RevocationTimeout time.Duration
	// CRLFiles are local revocation lists.
	CRLFiles []string
	// Transparency requires signed certificate timestamps of logs that
	// TransparencyLogs, a log list file, names.
	Transparency     bool
	TransparencyLogs string
	// Logs is what that file holds, nil when Transparency is not required.
	Logs *transparency.List
	// Pins are the allowed SHA-256 hashes of public keys by host name.
	Pins map[string][]Pin
	// SkipVerify is true only in a profile that turned verification off: a
	// client then takes any certificate of its peer. Servers verify theirs.
	SkipVerify bool

	// Resumption allows sessions to be resumed, for at most Lifetime, by the
	// programs of SharedBy.
	Resumption bool
	Lifetime   time.Duration
	SharedBy   Sharing
	// TicketStore is where servers get ticket keys that other machines have as
	// well; nil for keys of this machine alone.
	TicketStore *TicketStore

	// ServerIdentities are the identities of a server whose program brings
	// none, see Identities.
	ServerIdentities []*IdentityFiles
	// ClientAuth is what a server asks of its clients.
	ClientAuth ClientAuth
	// ServerALPN lists the protocols a server may speak; empty allows all.
	ServerALPN []string
	// OCSPStapling makes a server staple OCSP answers.
	OCSPStapling bool

	// ProgramOptions lists the options a program may set; nil means all.
	ProgramOptions []abi.Option
	// PlainTCP says where plain TCP connections may go.
	PlainTCP PlainTCP
	// Upgrade lists plain TCP connections to be made TLS.
	Upgrade []Upgrade
	// SloppyEnd shows a truncated stream as an end instead of an error.
	SloppyEnd bool
	// Connections bounds those of one user under a profile, Handshakes those of
	// one listening socket that compute at a time, and HandshakeTimeout one
	// handshake of a server, ClientHandshakeTimeout one of a client.
	Connections, Handshakes                  int
	HandshakeTimeout, ClientHandshakeTimeout time.Duration

	base             *Effective          // what was tightened, nil for the policy's own value
	roots            []string            // items of trust.roots
	serverIdentities []string            // key server.identity, before it is looked up
	ticketStore      string              // key sessions.ticket_store, in the same way
	origins          map[string]Position // where each key was set, by its dotted name
}

// Roots returns the pool of the administrator's anchors. It is never nil, since
// crypto/x509 takes nil for the system's roots. The first call for the system
// trust store reads and parses it, which takes some milliseconds.
func (e *Effective) Roots() *x509.CertPool { return e.Anchors.Pool() }

// Origin says where the policy sets a key, for example "versions.min". It is
// the zero Position when the built-in default holds.
func (e *Effective) Origin(key string) Position { return e.origins[key] }

// Base returns the policy's own value that a tightened one came from, or the
// value itself. It is the same for all sockets of a profile.
func (e *Effective) Base() *Effective {
	if e.base != nil {
		return e.base
	}
	return e
}

// clone returns a copy whose slices are shared: they are never changed in place.
func (e *Effective) clone() *Effective {
	c := *e
	return &c
}
