package engine

import (
	"io"
	"net/netip"
)

// Denial is what the policy refused a program before an engine was asked. An
// engine in another process passes it on to those who watch there.
type Denial struct {
	// Process is a pidfd of the process, which goes to who is told.
	Process interface {
		Descriptor
		io.Closer
	}
	// Exe is the path of the program, and File says which file that is, as they
	// were while it waited.
	Exe, File string

	ID     uint64 // of the socket, 0 for none
	Server bool
	Name   string // whom the program asked for
	Peer   netip.AddrPort
	// Sentence says what was refused; Position is the place in the policy.
	Sentence, Position string
	Limit              bool // a limit refused it
}
