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
// Once it is established no goroutine belongs to it.
type connection struct {
	caller *caller
	ref    uint64
	ctx    context.Context // of the handshake: ends with the caller, or by Cancel
	cancel context.CancelFunc
	tcp    *sys.Stream

	observation Observation // once established
	place       *place      // among those that limits count
	uncount     func()      // takes it out of the limits

	reset chan struct{} // one: ResetDone

	mu        sync.Mutex
	conn      engine.Conn // once established
	given     bool        // Relay or Abort has come, or nobody is left to send one
	plaintext *sys.FD     // of a Relay that came before the connection was established
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
	x.plaintext.Close()
	x.plaintext = nil
}

// establishedAs makes conn the connection. It returns whether what shall become
// of it has been said already.
func (x *connection) establishedAs(conn engine.Conn) (early bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.conn = conn
	return x.given
}

// give hands the plaintext end over, or nil to give the connection up. It
// returns false when that comes too late.
func (x *connection) give(plaintext *sys.FD) bool {
	x.mu.Lock()
	conn, late := x.conn, x.given
	x.given = true
	if !late && conn == nil {
		x.plaintext = plaintext // whoever establishes the connection goes on: see early
	}
	x.mu.Unlock()
	switch {
	case late:
		plaintext.Close()
	case conn != nil:
		x.relay(plaintext)
	}
	return !late
}

// giveUp ends a connection that is not relayed yet.
func (x *connection) giveUp() {
	x.cancel()
	x.give(nil)
}

// abort ends a connection, relayed or not.
func (x *connection) abort() {
	if conn := x.established(); !x.give(nil) && conn != nil {
		conn.Abort()
	}
}

// early is what give has left to do for who has established the connection.
func (x *connection) early() {
	x.mu.Lock()
	plaintext := x.plaintext
	x.plaintext = nil
	x.mu.Unlock()
	x.relay(plaintext)
}

// relay moves bytes between the plaintext end and the peer; without one it
// gives the connection up. It does not wait, nor for the peer to take a goodbye.
func (x *connection) relay(fd *sys.FD) {
	s := x.caller.service
	if fd == nil {
		s.work.Go(func() {
			x.conn.Abort()
			x.over(engine.End{})
		})
		return
	}
	plaintext := plaintextEnd(fd)
	if plaintext == nil {
		s.work.Go(func() {
			x.conn.Abort()
			x.ended(engine.End{Err: errNotPlaintext})
		})
		return
	}
	over := s.forced(x.conn.Abort)
	s.work.Add(1)
	bug := s.survive(func() {
		x.conn.Relay(plaintext,
			engine.RelayOptions{BeforeReset: func(why error) { x.beforeReset(plaintext, why) }, Bug: s.bug},
			func(end engine.End) {
				defer s.work.Done()
				over()
				x.ended(end)
			})
	})
	if bug != nil {
		s.work.Go(func() { x.cut(plaintext, bug) })
		over()
		s.work.Done()
	}
}

// cut ends a connection whose relay could not begin.
func (x *connection) cut(plaintext *sys.Stream, bug *engine.Error) {
	x.tcp.Close()
	x.beforeReset(plaintext, bug) // or the program takes it for a clean end
	plaintext.Close()
	x.ended(engine.End{Err: bug})
}

// ended tells the caller how a relay has ended.
func (x *connection) ended(end engine.End) {
	m := &wire.Ended{Ref: x.ref, Sent: end.Sent, Received: end.Received, Refused: end.Refused}
	if end.Err != nil {
		e := asEngineError(end.Err)
		m.Failed, m.Reason, m.Errno, m.Sentence = true, uint64(e.Reason), errno(e), e.Sentence
	}
	_ = x.caller.conn.Send(m)
	x.over(end)
}

// over ends the counting and the watching of a connection.
func (x *connection) over(end engine.End) {
	x.uncount()
	x.observation.Ended(end)
	x.forget()
}

// errNotPlaintext is how a connection ends whose plaintext could go nowhere.
var errNotPlaintext = refused("the descriptor of a relay is not an AF_UNIX stream socket")

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

// beforeReset tells the caller why, and has it write a byte to the program's
// end. A caller that has gone can not: then the stream, which takes no more, is kept
// open until the program has gone too, since closing it would look like a clean end.
func (x *connection) beforeReset(plaintext *sys.Stream, why error) {
	e := asEngineError(why)
	m := &wire.ResetNeeded{Ref: x.ref, Reason: uint64(e.Reason), Errno: errno(e), Sentence: e.Sentence}
	if err := x.caller.conn.Send(m); err == nil {
		select {
		case <-x.reset:
			return
		case <-x.caller.ctx.Done():
		}
	}
	raw, err := plaintext.SyscallConn()
	if err != nil {
		return
	}
	cannot := false
	_ = raw.Control(func(fd uintptr) {
		if n, err := sys.Unread(int(fd)); err != nil || n == 0 {
			_ = unix.Shutdown(int(fd), unix.SHUT_RD)
			cannot = true
		}
	})
	if cannot {
		_ = raw.Read(func(fd uintptr) bool { return sys.Gone(int(fd)) })
	}
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

func (x *connection) stopLingering() {
	if conn := x.established(); conn != nil {
		conn.StopLingering()
	}
}

func (x *connection) setAbortive(on bool) {
	if conn := x.established(); conn != nil {
		conn.SetAbortive(on)
	}
}
