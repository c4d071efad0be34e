package socket

import (
	"context"
	"errors"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/engine/lobby"
	"github.com/secure-socket-api/ssa/internal/engine/turns"
	"github.com/secure-socket-api/ssa/internal/socket/endpoint"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// serve accepts clients until the listener is stopped.
func (l *listener) serve(context.Context) {
	defer l.queue.Close()
	for l.awaitSlot() {
		tcp, err := l.tcp.Accept()
		switch {
		case err != nil && l.ctx.Err() != nil:
			return // stopped
		case err == nil && !l.open():
			l.passOn(tcp)
		case err == nil:
			last := tcp.Scarce(freeForClients)
			l.socket.table.background(func(error) { tcp.Close() }, func(context.Context) { l.handle(tcp) })
			if last && !l.awaitRoom() {
				return
			}
		case !l.pause(err):
			return
		}
	}
}

// awaitSlot waits until not all slots are taken: more clients wait in TCP's own
// queue.
func (l *listener) awaitSlot() bool {
	taken := l.takeSlot(l.ctx) == nil
	if taken {
		<-l.slots
	}
	return taken
}

func (l *listener) takeSlot(ctx context.Context) error {
	select {
	case l.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// listening returns the listener of a socket, nil when it does not listen.
func (s *Socket) listening() *listener {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.listenerLocked()
}

// reset closes a TCP connection as the kernel does one that nobody accepts.
func reset(tcp *sys.FD) {
	_ = unix.SetsockoptLinger(tcp.Int(), unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	tcp.Close()
}

// pause waits a moment after a passing error of accept(2). When descriptors have
// run out, a client goes that keeps a handshake waiting.
func (l *listener) pause(err error) bool {
	if errors.Is(err, unix.ECONNABORTED) {
		return true
	}
	if errors.Is(err, unix.EMFILE) && l.socket.table.house.Relieve() {
		return true
	}
	l.socket.table.cfg.Log.Warn("accepting a TCP connection: "+err.Error(), "id", l.socket.id)
	return pauseFor(l.ctx, lastDelay)
}

// handle performs a client's handshake, delivers the connection to the program
// and relays its bytes.
func (l *listener) handle(tcp *sys.FD) {
	usage := &l.socket.table.usage
	if err := usage.may(l.owner); err != nil {
		l.socket.table.cfg.Log.Warn(Sentence(err), "id", l.socket.id)
		reset(tcp)
		return
	}
	_ = unix.SetsockoptInt(tcp.Int(), unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	// The last bytes and the close_notify go out after the program has closed it:
	// nobody who binds the port then, with SO_REUSEADDR, is to notice.
	_ = unix.SetsockoptInt(tcp.Int(), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	stream, err := sys.NewStream(tcp, nil)
	if err != nil {
		l.socket.table.cfg.Log.Warn(err.Error(), "id", l.socket.id)
		return
	}
	s := l.socket
	fresh := s.table.born(accepting{stream}, s.family, s.table.cfg.Engine.NewID())
	fresh.set, fresh.base, fresh.effective, fresh.server = s.set, s.base, l.req.Policy, true
	fresh.inherit(s)
	fresh.keepAddresses(stream)
	plaintext, conn := l.admit(fresh, stream)
	if plaintext != nil {
		fresh.beginRelay(plaintext, conn, stream)
	}
}

// admit returns the plaintext end of a connection that has been delivered, nil
// for a client that was not let in.
func (l *listener) admit(fresh *Socket, stream *sys.Stream) (endpoint.Plaintext, engine.Conn) {
	s, from := l.socket, remoteAddr(fresh.peer)
	ctx, out := context.WithCancelCause(l.ctx)
	defer out(nil)
	guest := l.lobby.Enter(from.Addr(), func() { out(engine.ErrCrowded) })
	defer guest.Leave()
	if err := l.greet(ctx, stream); err != nil {
		stream.Close()
		l.refused(from, err)
		return nil, nil
	}
	defer func() { <-l.slots }()
	end, err := l.reserve(ctx)
	if err == nil && guest.Work() != nil {
		err = engine.ErrCrowded
	}
	if end != nil {
		defer end.Close()
	}
	if err != nil {
		stream.Close()
		l.refused(from, err)
		return nil, nil
	}
	conn, err := l.handshake(ctx, fresh, stream, guest)
	if err == nil {
		guest.Leave()
		if err = s.table.usage.begin(l.owner); err != nil {
			conn.Abort()
		}
	}
	if err != nil {
		l.refused(from, err)
		return nil, nil
	}
	fresh.become(&connected{stream: stream, conn: conn, facts: conn.Facts(), counted: l.owner})
	plaintext, err := l.deliver(fresh, end)
	if err != nil {
		conn.Abort()
		s.table.usage.end(l.owner)
		s.table.remove(fresh)
		if l.ctx.Err() == nil {
			s.table.cfg.Log.Warn("delivering a connection: "+err.Error(), "id", fresh.id)
		}
		return nil, nil
	}
	s.table.cfg.Log.Info("accepted", "id", fresh.id, "from", from, "facts", conn.Facts())
	return plaintext, conn
}

// greet waits for a client's whole hello, which costs a descriptor alone, and
// then for a slot.
func (l *listener) greet(ctx context.Context, stream *sys.Stream) error {
	if !stream.AwaitQueued(ctx, l.req.HandshakeTimeout, lobby.MaxPeeked, lobby.WholeHello) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fail(abi.ETIMEDOUT, "the client said no whole hello within %v", l.req.HandshakeTimeout)
	}
	return l.takeSlot(ctx)
}

// handshake has turns for what it computes. Another process sees to that itself.
func (l *listener) handshake(ctx context.Context, fresh *Socket, stream *sys.Stream,
	guest *lobby.Guest) (engine.Conn, error) {
	if l.socket.table.engineElsewhere() {
		return l.server.Handshake(ctx, stream, fresh.id)
	}
	turn := turns.New(ctx, func(waits bool) error {
		if waits {
			guest.Wait()
			return nil
		}
		return guest.Work()
	}, l.handshakes.For(lobby.Prefix(remoteAddr(fresh.peer).Addr())))
	defer turn.End()
	if err := turn.Resume(); err != nil {
		stream.Close()
		return nil, err
	}
	return l.server.Handshake(turns.With(ctx, turn), stream, fresh.id)
}

// refused keeps why a client was not let in, for TLS_ERROR of the listener.
func (l *listener) refused(from netip.AddrPort, err error) {
	if l.ctx.Err() != nil {
		return
	}
	s := l.socket
	if errors.Is(err, engine.ErrCrowded) {
		// Those who want to keep others out must not fill the log as well.
		if gone := s.table.house.Gone(); gone&(gone-1) != 0 {
			return
		}
	}
	s.outcome.broke(fail(Errno(err), "the client at %s was not let in: %s", from, Sentence(err)))
	s.table.cfg.Log.Warn(Sentence(err), "id", s.id, "from", from)
}
