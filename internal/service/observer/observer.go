// Package observer tells a registry what the service does, and answers those
// who ask what that is. It never decides anything, and never holds up a
// connection.
package observer

import (
	"errors"
	"os"
	"time"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/engine/local"
	"github.com/secure-socket-api/ssa/internal/service"
	"github.com/secure-socket-api/ssa/internal/service/registry"
)

// KeyLogs switches key logs on: see package keylog.
type KeyLogs interface {
	// On writes the secrets of new connections of a profile to a file, which it
	// owns, for a time.
	On(profile string, d time.Duration, file *os.File, by uint32) error
	// Off ends that of a profile, and reports whether there was one.
	Off(profile string) bool
}

// Observer is a service.Observer with a registry.
type Observer struct {
	registry *registry.Registry
	keyLogs  KeyLogs // nil: there are none
}

var _ service.Observer = (*Observer)(nil)

// New makes an observer. keyLogs may be nil.
func New(r *registry.Registry, keyLogs KeyLogs) *Observer { return &Observer{r, keyLogs} }

// Began implements service.Observer.
func (o *Observer) Began(c *service.Connection) service.Observation {
	return observation{o.registry.Begin(registry.Connection{
		ID: c.ID, Role: role(c), Program: program(c), Name: c.Name, Peer: c.Peer, Identity: c.Identity})}
}

// Listens implements service.Observer.
func (o *Observer) Listens(c *service.Connection, serving func() []local.Served) (ended func()) {
	return o.registry.Listen(program(c), func() (certs []registry.ServedCertificate) {
		for _, s := range serving() {
			certs = append(certs, registry.ServedCertificateOf(s.Identity, s.Leaf))
		}
		return certs
	})
}

// Refused implements service.Observer.
func (o *Observer) Refused(r *service.Refusal) {
	f := registry.Refusal{ID: r.ID, Name: r.Name, What: what(r), Sentence: r.Err.Sentence,
		Position: registry.Position(r.Err)}
	if r.Peer.IsValid() {
		f.Peer = r.Peer.String()
	}
	p := program(&r.Connection)
	if d := r.Denial; d != nil {
		f.Source, f.Position, f.Missed = registry.ByGate, d.Position, d.Missed
		if d.Alone {
			f.Source, f.Exe, p.Exe = registry.ByGateAlone, p.Exe, ""
		}
	}
	switch {
	case p.Exe == "":
		p.Exe = unknown // names that nobody has checked are not counted by
	case r.Server:
		f.Role = "server"
	default:
		f.Role = "client"
	}
	if r.Caller != p.UID {
		f.Caller = r.Caller
	}
	o.registry.Refused(p, f)
}

// unknown is the program of a caller of whom nothing else is known.
const unknown = "(unknown)"

func what(r *service.Refusal) string {
	switch r.Cause {
	case service.Impersonation:
		return registry.Impersonation
	case service.Unidentified:
		return registry.Unidentified
	case service.NotAdministrator:
		return registry.NotAdministrator
	case service.Nonsense:
		return registry.BadMessage
	}
	if r.Err.Reason == engine.Limited {
		return registry.ByLimit
	}
	return registry.ByPolicy
}

// Report implements service.Observer.
func (o *Observer) Report(viewer uint32, all bool, query []byte) ([]byte, error) {
	return o.registry.Answer(registry.Viewer{UID: viewer, All: all}, query)
}

// KeyLog implements service.Observer.
func (o *Observer) KeyLog(profile string, d time.Duration, file *os.File, by uint32) error {
	if o.keyLogs == nil {
		file.Close()
		return errors.New("this service keeps no key logs")
	}
	return o.keyLogs.On(profile, d, file, by)
}

// EndKeyLog implements service.Observer.
func (o *Observer) EndKeyLog(profile string) bool {
	return o.keyLogs != nil &&
		o.keyLogs.Off(profile)
}

func role(c *service.Connection) engine.Role {
	if c.Server {
		return engine.Server
	}
	return engine.Client
}

func program(c *service.Connection) registry.ProgramInfo {
	p := c.Process
	return registry.ProgramInfo{PID: p.PID, UID: p.UIDs[1], Exe: p.Exe, Script: p.Script,
		Cgroup: p.Cgroup, Profile: c.Profile}
}

// observation is one connection.
type observation struct{ entry *registry.Entry }

func (x observation) Established(f *engine.Facts, p service.Progress) { x.entry.Established(f, p) }
func (x observation) Failed(err *engine.Error)                        { x.entry.Failed(err) }
func (x observation) Ended(end engine.End)                            { x.entry.Ended(end) }
