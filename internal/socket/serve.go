package socket

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// serve accepts clients until the listener is stopped.
func (l *listener) serve(context.Context) {
	defer l.name.Close()
	for {
		select {
		case l.slots <- struct{}{}:
		case <-l.ctx.Done():
			return
		}
		tcp, err := l.tcp.Accept()
		switch {
		case err != nil && l.ctx.Err() != nil:
			return // stopped
		case err == nil && !l.open():
			l.passOn(tcp)
			<-l.slots
		case err == nil:
			l.socket.table.background(func(error) { tcp.Close() }, func(context.Context) { l.handle(tcp) })
		default:
			<-l.slots
			if !l.pause(err) {
				return
			}
		}
	}
}

// listening returns the listener of a socket, nil when it does not listen.
func (s *Socket) listening() *listener {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.listener
}

// reset closes a TCP connection as the kernel does one that nobody accepts.
func reset(tcp *sys.FD) {
	_ = unix.SetsockoptLinger(tcp.Int(), unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	tcp.Close()
}

// pause waits a moment after a passing error of accept(2), such as EMFILE.
func (l *listener) pause(err error) bool {
	if errors.Is(err, unix.ECONNABORTED) {
		return true
	}
	l.socket.table.cfg.Log.Warn("accepting a TCP connection: "+err.Error(), "id", l.socket.id)
	select {
	case <-time.After(50 * time.Millisecond):
		return true
	case <-l.ctx.Done():
		return false
	}
}

// handle performs a client's handshake, delivers the connection to the program
// and relays its bytes.
func (l *listener) handle(tcp *sys.FD) {
	usage := &l.socket.table.usage
	if err := usage.begin(l.owner); err != nil {
		<-l.slots
		l.socket.table.cfg.Log.Warn(Sentence(err), "id", l.socket.id)
		reset(tcp)
		return
	}
	delivered, conn, plain := l.admit(tcp)
	<-l.slots
	if delivered == nil {
		usage.end(l.owner)
	}
	if delivered != nil {
		delivered.beginRelay(plain, conn, delivered.stream)
	}
}

func (l *listener) admit(tcp *sys.FD) (*Socket, engine.Conn, *sys.Stream) {
	s := l.socket
	_ = unix.SetsockoptInt(tcp.Int(), unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	stream, err := sys.NewStream(tcp, nil)
	if err != nil {
		s.table.cfg.Log.Warn(err.Error(), "id", s.id)
		return nil, nil, nil
	}
	fresh := &Socket{table: s.table, family: s.family, id: s.table.cfg.Engine.NewID(), waiters: map[int]*waiter{},
		set: s.set, program: l.owner, base: s.base, effective: l.req.Policy, stream: stream}
	fresh.keepAddresses(stream)
	conn, err := l.handshake(stream, fresh.id)
	from := remoteAddr(fresh.peer)
	if err != nil {
		l.refused(from, err)
		return nil, nil, nil
	}
	fresh.state, fresh.conn, fresh.facts = Connected, conn, conn.Facts()
	plain, err := l.deliver(fresh)
	if err != nil {
		conn.Abort()
		s.table.remove(fresh)
		if l.ctx.Err() == nil {
			s.table.cfg.Log.Warn("delivering a connection: "+err.Error(), "id", fresh.id)
		}
		return nil, nil, nil
	}
	s.table.cfg.Log.Info("accepted", "id", fresh.id, "from", from, "facts", conn.Facts())
	return fresh, conn, plain
}

// handshake waits until the client says something before it counts among the
// handshakes: silent clients must not keep others out.
func (l *listener) handshake(stream *sys.Stream, id uint64) (engine.Conn, error) {
	if l.socket.table.Asks() {
		return l.server.Handshake(l.ctx, stream, id) // who is asked sees to both
	}
	if !stream.AwaitReadable(l.ctx, l.req.HandshakeTimeout) {
		stream.Close()
		return nil, fail(abi.ETIMEDOUT, "the client said nothing for %v", l.req.HandshakeTimeout)
	}
	select {
	case l.handshakes <- struct{}{}:
		defer func() { <-l.handshakes }()
	case <-l.ctx.Done():
		stream.Close()
		return nil, l.ctx.Err()
	}
	return l.server.Handshake(l.ctx, stream, id)
}

// refused keeps why a client was not let in, for TLS_ERROR of the listener.
func (l *listener) refused(from netip.AddrPort, err error) {
	if l.ctx.Err() != nil {
		return
	}
	s := l.socket
	s.outcome.broke(fail(Errno(err), "the client at %s was not let in: %s", from, Sentence(err)))
	s.table.cfg.Log.Warn(Sentence(err), "id", s.id, "from", from)
}
