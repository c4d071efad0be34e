// Package endpoint is what a TLS socket asks of the program's side of it: a gate
// brings an implementation along, and package socket does nothing to a program's
// descriptor but by it. The package has the interfaces alone. How a descriptor is
// made, joined, found again and told apart is the gate's.
package endpoint

import (
	"context"
	"net"
	"syscall"
	"time"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// Maker makes and finds the ends of one gate's sockets. Safe for concurrent use.
type Maker interface {
	// New makes an end that no program has yet.
	New(nonblock bool) (End, error)
	// Find returns the end with an id that a program has, looking at the hint
	// first. Searching may be slow.
	Find(id uint64, hint Where, search bool) (End, error)
	// Exists reports whether a program has the end. Where that cannot be found
	// out, it does.
	Exists(id uint64) bool
	// Existing returns all that exist, among others. It may miss one while
	// others come and go.
	Existing() (map[uint64]bool, error)
	// Watch looks after an end whose place in a program another one takes, as
	// long as copies of it exist; Watched returns those that still do.
	Watch(old End) error
	Watched() (map[uint64]bool, error)
	// Reserve makes our side of a connection to be accepted: before the
	// handshake, after which a client believes to be connected. It is EMFILE when
	// fewer than spare descriptors would be left.
	Reserve(spare int) (Delivery, error)
	// TCPSockets returns the inodes of the TCP sockets in a thread's network.
	TCPSockets(thread int) (map[uint64]bool, error)
	Close() error
}

// Where is a place of an end at some moment. It is a hint: the descriptor may
// have been closed or moved since.
type Where struct{ Thread, FD int }

// End is a program's end of a socket, held for a moment. While it is held, the
// program's own close is not seen.
type End interface {
	// ID tells the end from all others, wherever copies of it are.
	ID() (uint64, error)
	Dup() (End, error)
	Close() error
	Nonblocking() (bool, error)
	// SendLimit and ReceiveLimit are how long a call may wait, 0 for ever:
	// SO_SNDTIMEO and SO_RCVTIMEO.
	SendLimit() time.Duration
	ReceiveLimit() time.Duration
	// TakeLimits makes those of another end, or of a TCP socket, its own.
	TakeLimits(from End) error
	// TCP is the descriptor where that is a TCP socket of the program, not one of
	// ours; it is closed with the end.
	TCP() (*sys.FD, error)

	// Join connects the end to a plaintext stream of ours. The end is silent in
	// poll(2) until that is opened. room is how much may wait for the program.
	Join(room int) (Plaintext, error)
	// Queue makes the end one that can listen. closed is told when the program
	// may have closed it, as far as that shows.
	Queue(closed func()) (Queue, error)
	Listen(backlog int) error
	// Accept takes a connection from the queue, which EAGAIN says is empty.
	Accept() (End, error)
	// Delivery names the Delivery that an accepted end came by, "" for others.
	Delivery() string
	// Stream makes a stream of an end that no program has, and gives the end up.
	Stream() (Stream, error)

	// SetRoom sets how much the program can write that nobody has taken.
	SetRoom(size int)
	// Room and SetOption are SO_SNDBUF as the program sees and sets it.
	Room() (int, error)
	SetOption(name int, value []byte) error
	// Error returns what is noted there of a stream that was cut, once.
	Error() (abi.Errno, error)
	// Readable reports whether there is something to read, or the end of it.
	Readable() bool
	// Gone reports whether both directions have ended.
	Gone() bool
	// WriteMark writes a byte of no meaning behind what the program has written:
	// see engine.Conn.Guard.
	WriteMark()
	CloseWrite() error
	// Cut ends both directions.
	Cut()
}

// Stream is a byte stream between a program and us: see engine.Stream.
type Stream interface {
	net.Conn
	CloseWrite() error
	SyscallConn() (syscall.RawConn, error)
}

// Plaintext is our side of an end: the plaintext stream that a relay moves.
type Plaintext interface {
	Stream
	// Open ends the silence of Join.
	Open() error
	// Watch calls gone when the program has closed its end. It must be stopped
	// before the stream is read or closed.
	Watch(gone func()) (stop func())
	// Provoke makes closing the stream show the program ECONNRESET and not an
	// end of file.
	Provoke(ctx context.Context, of Known) error
	// WasGone reports whether the program had ended its side when the stream was
	// closed.
	WasGone() bool
}

// Known is what a socket knows of its end.
type Known interface {
	// ID is 0 for an accepted connection whose end nobody has seen yet.
	ID() uint64
	Hint() Where
	// Kept returns a copy of the end that is kept here, if one is: see Maker.Watch.
	Kept() (End, error)
	// Found is told the id.
	Found(id uint64)
}

// Queue is the program's side of a listener, where connections are delivered.
type Queue interface {
	// Deliver puts a connection into the queue, and waits while that is full. It
	// takes the delivery. ErrClosed says that the program has closed its end.
	Deliver(ctx context.Context, d Delivery, room int) (Plaintext, error)
	// Open reports whether a program has the end.
	Open() (bool, error)
	Close() error
}

// Delivery is our side of a connection before it is delivered.
type Delivery interface {
	Name() string
	// Close gives up what was not delivered.
	Close() error
}
