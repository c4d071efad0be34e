package service

import (
	"net/netip"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/engine/lobby"
	"github.com/secure-socket-api/ssa/internal/engine/local"
	"github.com/secure-socket-api/ssa/internal/engine/turns"
	"github.com/secure-socket-api/ssa/internal/service/wire"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// server is a program's listening socket: what was found out when it began to
// listen holds for its clients, even when the process has ended since.
type server struct {
	resolved *resolved
	listener engine.Listener
	// handshakes that compute, at most limits.handshakes, by where the client is
	turns *turns.Queue[netip.Prefix]
	lobby *lobby.Lobby // those that wait for their client
	ended func()       // tells the observer
}

// close gives the server up.
func (s *server) close() {
	s.ended()
	s.listener.Close()
}

// serving tells what a listener serves now.
func serving(l engine.Listener) func() []local.Served {
	if s, ok := l.(interface{ Serving() []local.Served }); ok {
		return s.Serving
	}
	return func() []local.Served { return nil }
}

// listen judges a server.
func (c *caller) listen(m *wire.Listen, pidfd *sys.FD) error {
	defer pidfd.Close()
	if err := c.newRef(m.Ref); err != nil {
		return err
	}
	if c.service.isLeaving() {
		return c.refuse(m.Ref, errLeaving)
	}
	m.Server = true
	res, err := c.resolve(&m.Request, pidfd)
	if err != nil {
		return c.refuse(m.Ref, err)
	}
	c.mu.Lock()
	full := len(c.servers) >= c.service.cfg.Limits.Servers
	c.mu.Unlock()
	if full {
		return c.refuse(m.Ref, c.refusedFor(Judged, res.observed(0, netip.AddrPort{}),
			limited("a caller may have %d servers", c.service.cfg.Limits.Servers)))
	}
	listener, listenErr := c.service.cfg.Engine.Listen(c.ctx, res.req)
	if listenErr != nil {
		return c.refuse(m.Ref, c.refusedFor(Judged, res.observed(0, netip.AddrPort{}),
			asEngineError(listenErr)))
	}
	x := res.observed(0, netip.AddrPort{})
	ended := c.service.cfg.Observer.Listens(&x, serving(listener))
	c.mu.Lock()
	most := max(res.req.Policy.Handshakes, 1)
	c.servers[m.Ref] = &server{res, listener, turns.NewQueue[netip.Prefix](most, most),
		c.service.house.Lobby(res.program.user), ended}
	c.mu.Unlock()
	return c.conn.Send(&wire.Listening{Ref: m.Ref})
}

func (c *caller) unlisten(ref uint64) {
	c.mu.Lock()
	s := c.servers[ref]
	delete(c.servers, ref)
	c.mu.Unlock()
	if s != nil {
		s.close()
	}
}
