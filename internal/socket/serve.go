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
			return
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

// open reports whether the program still has the listener; otherwise it ends.
func (l *listener) open() bool {
	bound, err := l.name.Bound()
	if err != nil {
		l.socket.table.cfg.Log.Debug("looking for a listener's descriptor", "id", l.socket.id, "error", err)
		bound = true
	}
	if !bound {
		l.socket.table.remove(l.socket)
		l.socket.release()
	}
	return l.ctx.Err() == nil
}

// passOn gives a client that came to a closed listener to another one of the
// same program and network at the same address (SO_REUSEPORT), which would have
// got it from the kernel; when there is none, it is reset as the kernel would
// have refused it.
func (l *listener) passOn(tcp *sys.FD) {
	local, err := sys.Getsockname(tcp.Int())
	if err != nil {
		reset(tcp)
		return
	}
	for _, s := range l.socket.table.listeners() {
		other := s.listening()
		if other == nil || other == l || other.ctx.Err() != nil || other.owner.exe != l.owner.exe {
			continue
		}
		if addr, err := other.address(); err != nil || !sameListener(addr, local) || !other.sameNetwork(tcp) || !other.open() {
			continue
		}
		select {
		case other.slots <- struct{}{}:
		case <-other.ctx.Done():
			continue
		}
		l.socket.table.background(func(error) { tcp.Close() }, func(context.Context) { other.handle(tcp) })
		return
	}
	reset(tcp)
}

// sameListener reports whether a socket that listens at one address takes
// connections to another.
func sameListener(listens, local []byte) bool {
	a, b := remoteAddr(listens), remoteAddr(local)
	return a.Port() == b.Port() && (a.Addr() == b.Addr() || a.Addr().IsUnspecified())
}

// sameNetwork reports whether a connection came in the listener's own network
// namespace; where that cannot be told, it did not.
func (l *listener) sameNetwork(tcp *sys.FD) bool {
	const cookie = unix.SO_NETNS_COOKIE
	theirs, err := unix.GetsockoptUint64(tcp.Int(), unix.SOL_SOCKET, cookie)
	if err != nil {
		return false
	}
	same := false
	err = l.tcp.Control(func(fd int) error {
		ours, err := unix.GetsockoptUint64(fd, unix.SOL_SOCKET, cookie)
		same = ours == theirs
		return err
	})
	return err == nil && same
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
	s.mu.Lock()
	s.lastError = fail(Errno(err), "the client at %s was not let in: %s", from, Sentence(err))
	s.mu.Unlock()
	s.table.cfg.Log.Warn(Sentence(err), "id", s.id, "from", from)
}
