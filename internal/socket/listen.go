package socket

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/engine/lobby"
	"github.com/secure-socket-api/ssa/internal/engine/turns"
	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/socket/endpoint"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// listener is the network's side of a listening socket. The program's own
// descriptor listens too, and a connection is delivered there when its handshake
// is done.
type listener struct {
	socket *Socket
	tcp    *sys.Stream
	queue  endpoint.Queue // of the program's descriptor, which listens too
	req    *engine.Request
	server engine.Listener
	port   uint16
	owner  limitKey // whose connections are accepted
	// closed when no client reaches a listener that is closed, or an heir has them
	settled    chan struct{}
	settle     func()
	ending     atomic.Bool                // the program has closed it
	lobby      *lobby.Lobby               // clients that keep a handshake waiting
	slots      chan struct{}              // those from a whole hello until they are delivered
	handshakes *turns.Queue[netip.Prefix] // those that compute, at most limits.handshakes
	ctx        context.Context
	cancel     context.CancelFunc
}

// Listen is listen(2).
func (s *Socket) Listen(c Caller, backlog int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isUntoldLocked() {
		return abi.EINVAL // inet_listen in the kernel wants SS_UNCONNECTED
	}
	switch s.State() {
	case Listening:
		return s.listenAgainLocked(c, backlog)
	case Fresh, Failed:
	default:
		return abi.EINVAL
	}
	req, err := s.serverRequestLocked(c)
	if err != nil {
		return err
	}
	server, err := s.prepareLocked(c, req)
	if err != nil {
		return err
	}
	err = s.listenWithLocked(c, backlog, req, server)
	if err != nil {
		server.Close()
	}
	return err
}

// prepareLocked lets the engine judge a server before it listens.
func (s *Socket) prepareLocked(c Caller, req *engine.Request) (engine.Listener, error) {
	program, err := s.table.claimantOf(c)
	if err != nil {
		return nil, err
	}
	defer program.close()
	req.Program = program.ProgramClaim
	server, err := s.table.cfg.Engine.Listen(s.table.ctx, req)
	req.Program = engine.ProgramClaim{}
	var refused *engine.Error
	if errors.As(err, &refused) && refused.Reason == engine.Refused {
		return nil, fail(abi.EINVAL, "%s", refused.Sentence)
	}
	return server, err
}

func (s *Socket) listenWithLocked(c Caller, backlog int, req *engine.Request,
	server engine.Listener) error {
	end, err := c.End()
	if err != nil {
		return err
	}
	defer end.Close()
	if s.endUsedLocked() {
		if end, err = s.replaceEndLocked(c, end); err != nil {
			return err
		}
		defer end.Close()
	}
	return s.listenLocked(c, end, backlog, req, server)
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
	if len(s.set.identities) == 0 && len(effective.ServerIdentities) == 0 {
		return nil, fail(abi.EINVAL, "a server needs a certificate: set TLS_CERTIFICATE_CHAIN and TLS_PRIVATE_KEY before listen")
	}
	s.set.asked, s.effective = asked, effective
	return &engine.Request{
		Role: engine.Server, Policy: effective, ALPN: s.set.asked.ALPN, Identities: s.set.identities,
		ProgramRoots: s.set.roots, HandshakeTimeout: effective.HandshakeTimeout,
		Sharers: s.sharersLocked(c), Asked: asked,
	}, nil
}

func (s *Socket) listenLocked(c Caller, end endpoint.End, backlog int, req *engine.Request,
	server engine.Listener) error {
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
	queue, err := end.Queue(s.maybeClosed)
	if err != nil {
		return err
	}
	s.deferAcceptLocked()
	err = rights.Do(func() error {
		return s.besideLocked(s.tcp.Int(), func() error { return unix.Listen(s.tcp.Int(), backlog) })
	})
	if err == nil {
		err = end.Listen(backlog)
	}
	var stream *sys.Stream
	if err == nil {
		stream, err = sys.NewStream(s.tcp, nil)
		s.tcp = nil // the stream's, whatever became of it
	}
	if err != nil {
		queue.Close()
		return err
	}
	l := &listener{socket: s, tcp: stream, queue: queue, req: req, server: server,
		owner: s.programLocked(c), slots: make(chan struct{}, lobby.MaxUndelivered),
		lobby: s.table.house.Lobby(0),
		handshakes: turns.NewQueue[netip.Prefix](max(req.Policy.Handshakes, 1),
			max(req.Policy.Handshakes, 1))}
	if local, err := l.address(); err == nil {
		l.port = remoteAddr(local).Port()
	}
	l.settled = make(chan struct{})
	l.settle = sync.OnceFunc(func() { close(l.settled) })
	l.ctx, l.cancel = context.WithCancel(s.table.ctx)
	s.become(l)
	s.table.background(func(error) { l.stop() }, l.serve)
	return nil
}

// deferAcceptLocked makes the kernel announce a client when it has said
// something, or has been silent for a second: a client speaks first, and each
// is waited for once and not twice. What the program says of it is stronger.
func (s *Socket) deferAcceptLocked() {
	if !s.given && !s.hasSetLocked(unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT) {
		// A refusal leaves it slower.
		_ = unix.SetsockoptInt(s.tcp.Int(), unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, 1)
	}
}

// listenAgainLocked changes the backlog of a listening socket.
func (s *Socket) listenAgainLocked(c Caller, backlog int) error {
	end, err := c.End()
	if err != nil {
		return err
	}
	defer end.Close()
	if err := end.Listen(backlog); err != nil {
		return err
	}
	return s.listenerLocked().tcp.Control(func(fd int) error { return unix.Listen(fd, backlog) })
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
	if !l.socket.given {
		// Who waits in Accept holds the socket for a moment longer.
		_ = l.tcp.Control(func(fd int) error { return unix.Shutdown(fd, unix.SHUT_RD) })
	}
	l.tcp.Close()
	l.settle()
	l.server.Close()
}
