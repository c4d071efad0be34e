package service

import (
	"net/netip"
	"os"
	"time"

	programs "github.com/secure-socket-api/ssa/internal/program"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/engine/local"
)

// Observer is told what the service does, for status, metrics and the audit
// log. Its methods must not wait.
type Observer interface {
	// Began is told of a handshake that begins. What it returns is told the
	// rest.
	Began(*Connection) Observation
	// Listens is told of a server that began to listen, and who knows what it
	// serves at any time. What it returns is called when the server has ended.
	Listens(c *Connection, serving func() []local.Served) (ended func())
	// Refused is told of a request that was not even begun. The process has no
	// executable when nothing more is known than who the caller is.
	Refused(r *Refusal)
	// Report answers the query of a Status request of a user: JSON. Root sees
	// all.
	Report(viewer uint32, all bool, query []byte) ([]byte, error)
	// KeyLog writes the secrets of new connections of a profile to a file, which
	// it owns, for a time.
	KeyLog(profile string, d time.Duration, file *os.File, by uint32) error
	// EndKeyLog ends that of a profile, and reports whether there was one.
	EndKeyLog(profile string) bool
}

// Refusal is a request that was refused before its handshake.
type Refusal struct {
	Connection
	Cause  Cause
	Caller uint32 // the caller's user
	Err    *engine.Error
	Denial *Denial // nil for what the service itself refused
}

// Cause is what a request was refused for.
type Cause uint8

const (
	// Judged requests are not what the policy or a limit allows: see the error.
	Judged Cause = iota
	// Impersonation: the caller spoke for a process that is not of its user.
	Impersonation
	// Unidentified: it could not be found out for which program the request is.
	Unidentified
	// NotAdministrator: the request is one that only the administrator may make.
	NotAdministrator
	// Nonsense: the caller broke the protocol.
	Nonsense
)

// Connection is one connection as observed.
type Connection struct {
	ID      uint64
	Process programs.Process
	Profile string
	Server  bool
	Name    string // of the peer, as asked for
	Peer    netip.AddrPort
	// Identity names the certificate that the policy gives a server, "" when it
	// brought its own.
	Identity string
}

// Observation follows one connection. Either Established and then Ended, or
// Failed is called.
type Observation interface {
	Established(facts *engine.Facts, conn Progress)
	Failed(err *engine.Error)
	Ended(end engine.End)
}

// Progress tells how far a connection is.
type Progress interface {
	Progress() (sent, received int64)
}

// noObserver observes nothing.
type noObserver struct{}

func (noObserver) Began(*Connection) Observation { return noObserver{} }
func (noObserver) Refused(*Refusal)              {}

func (noObserver) Listens(*Connection, func() []local.Served) func() { return func() {} }

func (noObserver) Established(*engine.Facts, Progress) {}
func (noObserver) Failed(*engine.Error)                {}
func (noObserver) Ended(engine.End)                    {}

func (noObserver) Report(uint32, bool, []byte) ([]byte, error) { return []byte("{}"), nil }

func (noObserver) KeyLog(_ string, _ time.Duration, file *os.File, _ uint32) error {
	file.Close()
	return errNoKeyLog
}

func (noObserver) EndKeyLog(string) bool { return false }
