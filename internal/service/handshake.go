package service

import (
	"context"
	"net/netip"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/engine/turns"
	"github.com/secure-socket-api/ssa/internal/service/wire"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// handshake begins a connection on a goroutine of its own. It waits while too
// many requests of the user are being judged: no limit counts their descriptors
// yet, and messages come faster than processes can be looked up.
func (c *caller) handshake(m *wire.Handshake, tcp, pidfd *sys.FD) error {
	err := c.newRef(m.Ref)
	if err == nil {
		err = c.service.judged.Enter(c.ctx, c.owner)
	}
	if err != nil {
		tcp.Close()
		pidfd.Close()
		return err
	}
	x := &connection{caller: c, ref: m.Ref, reset: make(chan struct{}, 1)}
	x.ctx, x.cancel = context.WithCancel(c.ctx)
	c.mu.Lock()
	known := c.servers[m.Listener]
	c.conns[m.Ref] = x
	c.mu.Unlock()
	judged := sync.OnceFunc(func() { c.service.judged.Leave(c.owner) })
	c.service.work.Go(func() {
		var err *engine.Error
		if bug := c.service.survive(func() { err = x.run(m, known, tcp, pidfd, judged) }); bug != nil {
			x.abandon(tcp)
			err = bug
		}
		judged()
		if err != nil {
			x.forget()
			_ = c.refuse(m.Ref, err)
		}
	})
	return nil
}

// abandon gives up what a handshake that a bug has ended was for, however far
// it had come.
func (x *connection) abandon(tcp *sys.FD) {
	tcp.Close()
	if x.tcp != nil {
		x.tcp.Close()
	}
	if x.uncount != nil {
		x.uncount()
	}
}

// run does all until the connection is established, and calls judged once
// limits count the connection.
func (x *connection) run(m *wire.Handshake, known *server, tcp, pidfd *sys.FD,
	judged func()) *engine.Error {
	defer pidfd.Close()
	stream, peer, refusal := connectedTCP(tcp)
	if refusal != nil {
		tcp.Close()
		if refusal.Reason == engine.Refused {
			x.caller.nonsense(refusal)
		}
		return refusal
	}
	x.tcp = stream
	var res *resolved
	res, refusal = x.request(m, known, pidfd)
	if refusal == nil {
		refusal = x.mayTalk(res, peer)
	}
	if refusal != nil {
		stream.Close()
		return refusal
	}
	s := x.caller.service
	if !s.begin() {
		stream.Close()
		return errLeaving
	}
	x.place, refusal = s.users.connection(res.program, res.req.Policy.Base(), known != nil)
	if refusal != nil {
		stream.Close()
		s.end()
		return x.caller.refusedFor(Judged, res.observed(m.ID, peer), refusal)
	}
	x.uncount = sync.OnceFunc(func() {
		x.place.end()
		s.end()
	})
	pidfd.Close() // before waiting for others and for the peer
	judged()
	if refusal = x.begin(m, known, res, peer); refusal != nil {
		x.uncount()
	}
	return refusal
}

// errLeaving sends a caller to the service that listens now.
var errLeaving = &engine.Error{Reason: engine.Down, Sentence: "the service is shutting down, and takes no new connections"}

// request finds the request of the connection: the server's, or its own.
func (x *connection) request(m *wire.Handshake, known *server,
	pidfd *sys.FD) (*resolved, *engine.Error) {
	switch {
	case m.Listener == 0:
		return x.caller.resolve(&m.Request, pidfd)
	case known == nil:
		return nil, refused("there is no server %d", m.Listener)
	}
	return known.resolved, nil
}

// mayTalk judges the address that a client is connected to.
func (x *connection) mayTalk(res *resolved, peer netip.AddrPort) *engine.Error {
	if res.req.Role == engine.Server {
		return nil
	}
	if err := res.req.Policy.MayTalkTo(res.req.Name, peer); err != nil {
		return x.caller.refusedFor(Judged, res.observed(0, peer), refusedBy(err))
	}
	return nil
}

// begin does the handshake when it is this connection's turn.
func (x *connection) begin(m *wire.Handshake, known *server, res *resolved,
	peer netip.AddrPort) *engine.Error {
	id := x.caller.number(m.ID)
	observed := res.observed(id, peer)
	observation := x.caller.service.cfg.Observer.Began(&observed)
	conn, err := x.establish(known, res, id, peer)
	if err != nil {
		observation.Failed(err)
		return err
	}
	if err := x.place.established(); err != nil {
		conn.Abort()
		observation.Failed(err)
		return x.caller.refusedFor(Judged, observed, err)
	}
	x.observation = observation
	facts := conn.Facts()
	observation.Established(facts, conn)
	early := x.establishedAs(conn)
	x.caller.established(x.ref, id, facts)
	if early {
		x.early()
	}
	return nil
}

// establish waits for a turn and performs the handshake.
func (x *connection) establish(known *server, res *resolved, id uint64,
	peer netip.AddrPort) (engine.Conn, *engine.Error) {
	s := x.caller.service
	turn, leave, refusal := x.turn(known, res, peer)
	if refusal != nil {
		x.tcp.Close()
		return nil, refusal
	}
	defer leave()
	var conn engine.Conn
	var err error
	ctx := turns.With(x.ctx, turn)
	if known != nil {
		conn, err = known.listener.Handshake(ctx, x.tcp, id)
	} else {
		req := *res.req
		req.ID = id
		conn, err = s.cfg.Engine.Handshake(ctx, x.tcp, &req)
	}
	if err != nil {
		return nil, asEngineError(err)
	}
	return conn, nil
}

// number is the number of a connection: the caller's, if the service gave it.
func (c *caller) number(id uint64) uint64 {
	if id >= c.firstID && id < c.firstID+idsPerCaller {
		return id
	}
	return c.service.blocks.Add(1) * idsPerCaller
}

func (c *caller) established(ref, id uint64, f *engine.Facts) {
	_ = c.conn.Send(&wire.Established{
		Ref: ref, ID: id, TLSVersion: f.Version, CipherSuite: f.CipherSuite, ALPN: f.ALPN,
		ServerName:   f.ServerName,
		PeerIdentity: f.PeerIdentity, PeerChain: f.PeerChain, Resumed: f.Resumed, Group: f.Group,
		Revocation: f.Revocation, Logs: f.Logs,
	})
}

// connectedTCP makes a stream of a descriptor that is a connected TCP socket
// over IP, and nothing else.
func connectedTCP(fd *sys.FD) (*sys.Stream, netip.AddrPort, *engine.Error) {
	var none netip.AddrPort
	if fd == nil {
		return nil, none, refused("a handshake needs a TCP socket, and this one has none")
	}
	protocol, err := unix.GetsockoptInt(fd.Int(), unix.SOL_SOCKET, unix.SO_PROTOCOL)
	if err != nil || protocol != unix.IPPROTO_TCP && protocol != unix.IPPROTO_MPTCP {
		return nil, none, refused("the descriptor of a handshake is not a TCP socket")
	}
	raw, err := sys.Getpeername(fd.Int())
	if err != nil { // most often the peer has reset the connection meanwhile
		return nil, none, &engine.Error{Reason: engine.Network, Err: unix.ECONNRESET,
			Sentence: "the TCP socket of the handshake is no longer connected: " + unix.ECONNRESET.Error()}
	}
	peer, err := abi.DecodeSockaddr(raw)
	if err != nil {
		return nil, none, refused("the TCP socket of a handshake has an unusable peer address: %v", err)
	}
	stream, err := sys.NewStream(fd, nil)
	if err != nil {
		return nil, none, refused("%v", err)
	}
	return stream, netip.AddrPortFrom(peer.IP.Unmap(), peer.Port), nil
}
