// Package engine is what gates, the service and TLS have in common: an Engine
// takes a connected TCP stream and a request, shakes hands, and then moves bytes
// between TLS and the program's plaintext stream until both sides are done. The
// package has the interface, the request, the facts and the errors. It does
// nothing itself: engine/local does TLS in this process, engine/remote has the
// service do it.
package engine

import (
	"context"
	"crypto/x509"
	"net"
	"syscall"
	"time"

	"github.com/secure-socket-api/ssa/internal/identity"
	"github.com/secure-socket-api/ssa/internal/policy"
)

// Role says which end of the handshake we are.
type Role uint8

// Roles.
const (
	Client Role = iota
	Server
)

// Stream is a connected byte stream: the TCP connection to the peer, or the
// plaintext connection to the program. *net.TCPConn and *net.UnixConn are
// streams. Close must unblock Read and Write.
type Stream interface {
	net.Conn
	CloseWrite() error
	SyscallConn() (syscall.RawConn, error)
}

// Request is what one connection needs.
type Request struct {
	Role Role
	// ID numbers the connection in logs and status.
	ID uint64
	// Policy is the effective policy of the socket, never nil.
	Policy *policy.Effective
	// Name is what a client's peer must prove to be: a host name, also sent
	// as SNI, or the text of an IP address. Never empty for a client.
	Name string
	// Port is the peer's TCP port, 0 when unknown: sessions of two servers on
	// one host are kept apart.
	Port uint16
	// ALPN lists application protocols, best first.
	ALPN []string
	// Identities are our own certificates: a server's in the order given, the
	// first being the default; a client's for when it is asked for one.
	Identities []*identity.Identity
	// ProgramRoots are the anchors the program gave, nil when it gave none.
	// What they may do is the policy's to say.
	ProgramRoots []*x509.Certificate
	// Sharers says who shares sessions with this connection: see
	// policy.Effective.Sharers. Without it, sessions are kept only where the
	// policy shares them among all programs of the profile.
	Sharers string
	// Asked is what Policy was tightened by, and Program on whose behalf the
	// connection is made. Local needs neither; an engine in another process,
	// which believes no requester, works Policy out again from them.
	Asked   policy.ProgramSettings
	Program ProgramClaim
	// Owner is the user whose share of the engine's memory the connection uses.
	Owner uint32
	// HandshakeTimeout ends a handshake; zero means that of the policy, which
	// holds when it is shorter too.
	HandshakeTimeout time.Duration
}

// Descriptor is an open file descriptor that stays its owner's.
type Descriptor interface{ Int() int }

// ProgramClaim is what a requester says of a program. An engine in another process
// makes sure of it.
type ProgramClaim struct {
	// Process is a pidfd (pidfd_open(2)) of the process; nil when nobody asks.
	Process Descriptor
	// Exe is the path of the executable, and File says which file it is, as the
	// requester found them while the program waited for an answer.
	Exe, File string
}

// Facts are what is known of an established connection. Immutable.
type Facts struct {
	ID          uint64 // the connection's number in logs and status
	Version     uint16 // 0x0303, 0x0304
	CipherSuite uint16
	ALPN        string
	// ServerName is the SNI: the name the client asked for.
	ServerName string
	// PeerIdentity is the verified name: the one checked for a server, the
	// certificate's subject for a client; empty when the peer gave none.
	PeerIdentity string
	// PeerChain is what the peer sent, DER, leaf first.
	PeerChain [][]byte
	Resumed   bool
	Group     string // key exchange group, for example "X25519MLKEM768"
	// Revocation says in words what is known of each certificate, and Logs are
	// the transparency logs that know the first; nil where that was not asked.
	Revocation, Logs []string
}

// Engine performs handshakes. Implementations are safe for concurrent use.
type Engine interface {
	// NewID numbers a connection, or a socket that may become one, for logs,
	// status and TLS_ID. Numbers are never used twice.
	NewID() uint64
	// Available returns nil when connections can be made now, otherwise an
	// *Error whose reason is Down. It may wait.
	Available(ctx context.Context) error
	// Ready reports whether Available would return nil at once.
	Ready() bool
	// Handshake performs the handshake on tcp and verifies the peer. It takes
	// ownership of tcp: on error it has been closed (after a fatal alert,
	// where one is due). Cancelling ctx ends the handshake. Errors are *Error.
	Handshake(ctx context.Context, tcp Stream, req *Request) (Conn, error)
	// Listen prepares for the clients of a server: it judges the request now,
	// so that what is wrong with it shows before the first client comes. With
	// no identities in the request, the server has those of the policy. The
	// program may have gone when the clients come. Errors are *Error.
	Listen(ctx context.Context, req *Request) (Listener, error)
}

// Listener performs the handshakes of one server's clients.
type Listener interface {
	// Handshake is that of Engine, for the request that was listened with and
	// a number for this connection.
	Handshake(ctx context.Context, tcp Stream, id uint64) (Conn, error)
	// Close gives the server up. Connections and handshakes go on.
	Close()
}

// Conn is an established connection, before and while its bytes are relayed.
type Conn interface {
	Facts() *Facts
	// Relay begins to move bytes, and returns. When both directions have ended,
	// and plaintext, which it owns, and the TCP stream are closed, done is called
	// with how it went, on a goroutine of the engine's. Most connections are
	// idle most of the time: no goroutine belongs to one then. Relay must be
	// called at most once; see RelayToEnd.
	Relay(plaintext Stream, opts RelayOptions, done func(End))
	// Guard makes a running Relay read the plaintext stream from now on so
	// that the last byte before end of file stays unread, and returns once that
	// holds. The caller then writes one byte of no meaning to the program's
	// end and shuts it down for writing. See package relay.
	Guard()
	// StopLingering tells that nobody waits for this connection any more: once the
	// program has gone, the relay ends as soon as the peer has acknowledged
	// everything, or after a second, instead of waiting for the peer's own end.
	// What the program wrote still goes out. It never waits, and may be called
	// at any time, before Relay too, and more than once.
	StopLingering()
	// SetAbortive says what the program's close means from now on: true, for
	// SO_LINGER with a time of zero, drops what has not been sent and resets
	// TCP, without a close_notify. When it returns, that holds. A program that
	// has shut down what its peer had left open looks as if it had gone, so
	// this must be taken back before a shutdown.
	SetAbortive(on bool)
	// Progress returns how many plaintext bytes have gone to and come from the
	// peer so far. It is cheap and may be called at any time.
	Progress() (sent, received int64)
	// Abort ends a connection that is not going to be relayed, with a
	// close_notify, and closes TCP. One that is being relayed it cuts: what is
	// under way is lost, and the peer sees a reset.
	Abort()
}

// RelayToEnd relays a connection, and returns when it has ended.
func RelayToEnd(c Conn, plaintext Stream, opts RelayOptions) End {
	ended := make(chan End, 1)
	c.Relay(plaintext, opts, func(e End) { ended <- e })
	return <-ended
}

// RelayOptions are the gate's part in a relay.
type RelayOptions struct {
	// BeforeReset, when not nil, is called when the program's stream must end
	// with ECONNRESET, after the relay has stopped reading it for good and before
	// the program can see anything of it, with the reason, an *Error, which the
	// program may ask for at once. Unless something is unread in the relay's queue,
	// it puts a byte there; that makes the kernel report ECONNRESET on close.
	BeforeReset func(why error)
	// Leftover, when not nil, takes over what StopLingering would have to wait for: see
	// package relay. An engine in another process needs nobody to.
	Leftover func(tcp Stream, rest []byte)
	// Bug, when not nil, is told of a panic in the relay, a bug of ours that must
	// not end other connections: this one is cut, and what Bug returns says why.
	Bug func(recovered any) error
}

// End says how a relayed connection ended.
type End struct {
	// Err is nil when the peer ended with close_notify, or without one where the
	// policy takes that for an end, or the program closed first; otherwise why the
	// program was shown ECONNRESET, as *Error.
	Err error
	// Refused says that the program's descriptor may be open still, although its
	// stream looks as if it had gone: see relay.End.
	Refused bool
	// Sent and Received count plaintext bytes to and from the peer.
	Sent, Received int64
}
