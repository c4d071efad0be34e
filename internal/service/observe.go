package service

import (
	"time"

	"github.com/secure-socket-api/ssa/internal/engine"
)

// Observer is told what the service does, for status, metrics and the audit
// log. Its methods must not wait.
type Observer interface {
	// Began is told of a handshake that begins. What it returns is told the
	// rest.
	Began(*Connection) Observation
	// Refused is told of a request that was not even begun: id may be 0.
	Refused(p *Process, id uint64, err *engine.Error)
	// Report answers the query of a Status request of a user: JSON. Root sees
	// all.
	Report(viewer uint32, all bool, query []byte) ([]byte, error)
	// KeyLog writes the secrets of new connections of a profile to fd, which
	// it owns, for a time.
	KeyLog(profile string, until time.Duration, fd Descriptor, viewer uint32) error
}

// Descriptor is an open file that is handed over.
type Descriptor interface {
	Int() int
	Close() error
}

// Connection is one connection as observed.
type Connection struct {
	ID       uint64
	Process  Process
	Profile  string
	Server   bool
	Name     string // of the peer, as asked for
	Peer     string // its address
	Progress func() (sent, received int64)
}

// Observation follows one connection. Either Established and then Ended, or
// Failed is called.
type Observation interface {
	Established(facts *engine.Facts, progress func() (sent, received int64))
	Failed(err *engine.Error)
	Ended(end engine.End)
}

// noObserver observes nothing.
type noObserver struct{}

func (noObserver) Began(*Connection) Observation           { return noObserver{} }
func (noObserver) Refused(*Process, uint64, *engine.Error) {}
func (noObserver) Established(*engine.Facts, func() (sent, received int64)) {
}
func (noObserver) Failed(*engine.Error) {}
func (noObserver) Ended(engine.End)     {}

func (noObserver) Report(uint32, bool, []byte) ([]byte, error) { return []byte("{}"), nil }

func (noObserver) KeyLog(string, time.Duration, Descriptor, uint32) error {
	return errNoKeyLog
}
