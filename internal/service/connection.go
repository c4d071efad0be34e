package service

import (
	"context"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/service/wire"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// connection is one of a caller's, from the handshake to the end of the relay.
type connection struct {
	caller *caller
	ref    uint64
	ctx    context.Context // ends with the caller, or by Cancel
	cancel context.CancelFunc
	tcp    *sys.Stream

	observation Observation // once established
	uncount     func()      // takes it out of the limits

	plain chan *sys.FD  // one: of Relay; nil of Abort
	reset chan struct{} // one: ResetDone

	mu    sync.Mutex
	conn  engine.Conn // once established
	given bool        // plain was sent to
}

// serve relays an established connection to its end.
func (x *connection) serve() {
	defer x.forget()
	end := x.relay(x.conn)
	x.uncount()
	x.observation.Ended(end)
}

func (x *connection) forget() {
	x.cancel()
	c := x.caller
	c.mu.Lock()
	delete(c.conns, x.ref)
	c.mu.Unlock()
	x.mu.Lock()
	defer x.mu.Unlock()
	x.given = true // a Relay that comes now is too late
	select {
	case late := <-x.plain:
		late.Close()
	default:
	}
}

// give hands the plaintext end over, or nil to give the connection up.
func (x *connection) give(plain *sys.FD) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.given {
		plain.Close()
		return
	}
	x.given = true
	x.plain <- plain
}

// relay waits for the plaintext end and moves bytes until the end of both.
func (x *connection) relay(conn engine.Conn) engine.End {
	var fd *sys.FD
	select {
	case fd = <-x.plain:
	case <-x.ctx.Done():
	}
	if fd == nil {
		conn.Abort()
		return engine.End{}
	}
	end := engine.End{Err: errNotPlaintext}
	if plain := plaintextEnd(fd); plain != nil {
		end = x.move(conn, plain)
	} else {
		conn.Abort()
	}
	m := &wire.Ended{Ref: x.ref, Sent: end.Sent, Received: end.Received}
	if end.Err != nil {
		e := asEngineError(end.Err)
		m.Failed, m.Reason, m.Errno, m.Sentence = true, uint64(e.Reason), errno(e), e.Sentence
	}
	_ = x.caller.conn.Send(m)
	return end
}

// move moves bytes until the end of both.
func (x *connection) move(conn engine.Conn, plain *sys.Stream) (end engine.End) {
	over := x.caller.service.forced(func() {
		x.tcp.Close()
		plain.Close()
	})
	defer over()
	bug := x.caller.service.survive(func() {
		end = conn.Relay(plain, engine.RelayOptions{BeforeReset: func() { x.beforeReset(plain) }})
	})
	if bug != nil {
		x.tcp.Close()
		x.beforeReset(plain) // or the program takes it for a clean end
		plain.Close()
		end.Err = bug
	}
	return end
}

// errNotPlaintext is how a connection ends whose plaintext could go nowhere.
var errNotPlaintext = refused("the descriptor of a relay is no stream socket of AF_UNIX")

// plaintextEnd makes a stream of a descriptor that is an AF_UNIX stream socket;
// nil when it is anything else.
func plaintextEnd(fd *sys.FD) *sys.Stream {
	domain, err := unix.GetsockoptInt(fd.Int(), unix.SOL_SOCKET, unix.SO_DOMAIN)
	kind, typeErr := unix.GetsockoptInt(fd.Int(), unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil || typeErr != nil || domain != unix.AF_UNIX || kind != unix.SOCK_STREAM {
		fd.Close()
		return nil
	}
	stream, err := sys.NewStream(fd, nil)
	if err != nil {
		return nil
	}
	return stream
}

// beforeReset has the caller write a byte to the program's end. A caller that
// has gone can not: then the stream is kept open until the program has gone
// too, since closing it would look like a clean end.
func (x *connection) beforeReset(plain *sys.Stream) {
	if err := x.caller.conn.Send(&wire.ResetNeeded{Ref: x.ref}); err == nil {
		select {
		case <-x.reset:
			return
		case <-x.caller.ctx.Done():
		}
	}
	raw, err := plain.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Read(func(fd uintptr) bool { return sys.Gone(int(fd)) })
}

func (x *connection) resetDone() {
	select {
	case x.reset <- struct{}{}:
	default:
	}
}

// established returns the connection, nil before it is established.
func (x *connection) established() engine.Conn {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.conn
}

func (x *connection) guard() {
	if conn := x.established(); conn != nil {
		conn.Guard()
	}
}

func (x *connection) hurryUp() {
	if conn := x.established(); conn != nil {
		conn.HurryUp()
	}
}

func (x *connection) setAbortive(on bool) {
	if conn := x.established(); conn != nil {
		conn.SetAbortive(on)
	}
}
