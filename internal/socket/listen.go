package socket

import (
	"context"
	"crypto/rand"
	"errors"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// listener is the network's side of a listening socket. The program's own
// descriptor listens too, on an address only we can connect to, so that poll,
// epoll and accept work on it untouched; a connection is delivered there when
// its handshake is done.
type listener struct {
	socket *Socket
	tcp    *sys.Stream
	name   *sys.UnixName // where the program's descriptor listens
	req    *engine.Request
	slots  chan struct{} // handshakes and deliveries under way
	looked time.Time     // when the program's descriptor was last seen open
	took   time.Duration // how long that look took
	ctx    context.Context
	cancel context.CancelFunc
}

// maxHandshakes bounds the handshakes and undelivered connections of one
// listener; further clients wait in TCP's own queue.
const maxHandshakes = 1024

// Listen is listen(2).
func (s *Socket) Listen(c Caller, backlog int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.untold {
		return abi.EINVAL // inet_listen in the kernel wants SS_UNCONNECTED
	}
	switch s.state {
	case Listening:
		return s.listenAgainLocked(c, backlog)
	case Fresh, Failed:
	default:
		return abi.EINVAL
	}
	req, err := s.serverRequestLocked(c)
	if err != nil {
		return s.noteLocked(err)
	}
	end, err := c.End()
	if err != nil {
		return err
	}
	defer end.Close()
	if s.state == Failed && !s.endFresh {
		fresh, err := s.replaceEndLocked(c, end)
		if err != nil {
			return s.noteLocked(err)
		}
		defer fresh.Close()
		end = fresh
	}
	return s.noteLocked(s.listenLocked(c, end, backlog, req))
}

func (s *Socket) serverRequestLocked(c Caller) (*engine.Request, error) {
	if len(s.set.chains) > 0 {
		return nil, fail(abi.EINVAL, "a certificate chain was given without its key: set TLS_PRIVATE_KEY before listen")
	}
	asked := s.set.asked
	asked.Server = true
	effective, err := policy.Tighten(s.baseLocked(c), asked)
	if err != nil {
		return nil, s.weakerLocked(c, err)
	}
	identities := s.set.identities
	if len(identities) == 0 {
		if identities, err = effective.Identities(); err != nil {
			return nil, fail(abi.EINVAL, "the policy's identity cannot be used: %v", err)
		}
	}
	if len(identities) == 0 {
		return nil, fail(abi.EINVAL, "a server needs a certificate: set TLS_CERTIFICATE_CHAIN and TLS_PRIVATE_KEY before listen")
	}
	s.set.asked, s.effective = asked, effective
	return &engine.Request{
		Role: engine.Server, Policy: effective, ALPN: s.set.alpn, Identities: identities,
		ProgramRoots: s.set.roots, HandshakeTimeout: effective.HandshakeTimeout, Sharers: s.sharersLocked(c),
	}, nil
}

func (s *Socket) listenLocked(c Caller, end *sys.FD, backlog int, req *engine.Request) error {
	rights, err := c.Rights()
	if err != nil {
		return err
	}
	defer rights.Close()
	if s.tcp.Int() < 0 {
		if s.tcp, err = s.renewTCPLocked(rights, s.tcpFamily()); err != nil {
			return err
		}
	}
	// The kernel listens for clients only once the program's descriptor does.
	name, err := sys.BindHidden(end.Int(), s.table.cfg.Dir, rand.Text())
	if err != nil {
		return err
	}
	err = rights.Do(func() error { return unix.Listen(s.tcp.Int(), backlog) })
	if err == nil {
		err = unix.Listen(end.Int(), backlog)
	}
	var stream *sys.Stream
	if err == nil {
		stream, err = sys.NewStream(s.tcp, nil)
	}
	if err != nil {
		name.Close()
		return err
	}
	l := &listener{socket: s, tcp: stream, name: name, req: req, slots: make(chan struct{}, maxHandshakes)}
	l.ctx, l.cancel = context.WithCancel(s.table.ctx)
	s.listener, s.state = l, Listening
	s.isListener.Store(true)
	s.table.background(func(error) { l.stop() }, l.serve)
	return nil
}

// listenAgainLocked changes the backlog of a listening socket.
func (s *Socket) listenAgainLocked(c Caller, backlog int) error {
	end, err := c.End()
	if err != nil {
		return err
	}
	defer end.Close()
	if err := unix.Listen(end.Int(), backlog); err != nil {
		return err
	}
	return s.listener.tcp.Control(func(fd int) error { return unix.Listen(fd, backlog) })
}

func (l *listener) address() (addr []byte, err error) {
	err = l.tcp.Control(func(fd int) error {
		addr, err = sys.Getsockname(fd)
		return err
	})
	return addr, err
}

// stop closes the listening TCP socket. What is being delivered ends.
func (l *listener) stop() {
	l.cancel()
	l.tcp.Close()
}

// serve accepts clients until the listener is stopped.
func (l *listener) serve(context.Context) {
	defer l.name.Close()
	raw, _ := l.tcp.SyscallConn()
	for {
		select {
		case l.slots <- struct{}{}:
		case <-l.ctx.Done():
			return
		}
		var tcp *sys.FD
		var err error
		pollErr := raw.Read(func(fd uintptr) bool {
			tcp, _, err = sys.Accept(int(fd))
			return !errors.Is(err, unix.EAGAIN)
		})
		switch {
		case pollErr != nil:
			return // stopped
		case err == nil && !l.open():
			_ = unix.SetsockoptLinger(tcp.Int(), unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
			tcp.Close()
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

// lookShare bounds the share of time spent on looking whether a listener's
// descriptor is open: a look costs time in proportion to the number of AF_UNIX
// sockets on the machine.
const lookShare = 20

// open reports whether the program still has the listener; otherwise a client
// is reset as the kernel would have refused it, and the listener ends.
func (l *listener) open() bool {
	now := time.Now()
	if now.Sub(l.looked) < lookShare*l.took {
		return true
	}
	l.socket.sweep(l.socket.table.exists)
	l.looked = time.Now()
	l.took = l.looked.Sub(now)
	return l.ctx.Err() == nil
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
	delivered, conn, plain := l.admit(tcp)
	<-l.slots
	if delivered != nil {
		delivered.relay(plain, conn)
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
	fresh := &Socket{table: s.table, family: s.family, id: s.table.newID(), waiters: map[int]*waiter{},
		set: s.set, base: s.base, effective: l.req.Policy, stream: stream}
	fresh.keepAddresses(stream)
	req := *l.req
	req.ID = fresh.id
	conn, err := s.table.cfg.Engine.Handshake(l.ctx, stream, &req)
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
