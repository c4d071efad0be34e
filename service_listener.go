//go:build linux

package ssa

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/engine/lobby"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// helloTime is how long a client may take to say its whole hello. The service
// limits the rest of the handshake.
const helloTime = 10 * time.Second

// house has the clients of all listeners.
var house = sync.OnceValue(func() *lobby.House {
	return lobby.NewHouse(lobby.ForDescriptors(sys.MaxDescriptors()))
})

// serviceListener accepts TCP connections and gives them to the service; who
// fails the handshake is never seen.
type serviceListener struct {
	tcp     net.Listener
	service *service
	server  engine.Listener
	ctx     context.Context
	cancel  context.CancelFunc
	lobby   *lobby.Lobby  // clients whose hello is awaited
	turns   chan struct{} // those after it, until they are accepted; others wait in TCP's own queue
	ready   chan *Conn
	failed  chan error // one: why there are no more
	work    sync.WaitGroup
	end     sync.Once
}

// listen makes a server whose clients the service verifies.
func (s *service) listen(ctx context.Context, network, address string,
	settings []Setting) (net.Listener, error) {
	req, err := s.request(engine.Server, settings)
	if err != nil {
		return nil, err
	}
	server, err := s.engine.Listen(ctx, req)
	if err != nil {
		return nil, explain(err)
	}
	var config net.ListenConfig
	config.SetMultipathTCP(false)
	tcp, err := config.Listen(ctx, network, address)
	if err != nil {
		server.Close()
		return nil, err
	}
	l := &serviceListener{tcp: tcp, service: s, server: server, lobby: house().Lobby(0),
		turns: make(chan struct{}, lobby.MaxUndelivered), ready: make(chan *Conn),
		failed: make(chan error, 1)}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	l.work.Go(l.serve)
	return l, nil
}

// serve takes clients until the listener is closed.
func (l *serviceListener) serve() {
	for l.takeTurn(l.ctx) {
		<-l.turns // more are taken only while not all are pending
		c, err := l.tcp.Accept()
		if err == nil {
			l.work.Go(func() { l.admit(c) })
			continue
		}
		if !sys.AcceptsLater(err) {
			l.failed <- err
			return
		}
		if errors.Is(err, syscall.EMFILE) && house().Relieve() {
			continue
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-l.ctx.Done():
		}
	}
}

// takeTurn waits for a place among those pending.
func (l *serviceListener) takeTurn(ctx context.Context) bool {
	select {
	case l.turns <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// greet waits for a client's whole hello and a place among those pending.
// Waiting costs a descriptor, and who keeps us waiting may have to go.
func (l *serviceListener) greet(stream *sys.Stream, between addresses) bool {
	ctx, out := context.WithCancel(l.ctx)
	defer out()
	peer, _ := netip.ParseAddrPort(between.remote.String()) // of no network if it cannot be told
	guest := l.lobby.Enter(peer.Addr(), out)
	defer guest.Leave()
	return stream.AwaitQueued(ctx, helloTime, lobby.MaxPeeked, lobby.WholeHello) && l.takeTurn(ctx)
}

// admit has the service do a client's handshake, and offers the connection to
// Accept.
func (l *serviceListener) admit(c net.Conn) {
	stream, between, err := takeTCP(c)
	if err != nil {
		return
	}
	if !l.greet(stream, between) {
		stream.Close()
		return
	}
	defer func() { <-l.turns }()
	conn, err := l.server.Handshake(l.ctx, stream, l.service.engine.NewID())
	if err != nil {
		return // the client was not let in; the service's log says why
	}
	delivered, err := l.service.established(conn, between)
	if err != nil {
		return
	}
	select {
	case l.ready <- delivered:
	case <-l.ctx.Done():
		delivered.Close()
	}
}

// Accept implements net.Listener.
func (l *serviceListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.ready:
		return c, nil
	case err := <-l.failed:
		l.failed <- err // for the next one
		return nil, err
	}
}

// Close implements net.Listener.
func (l *serviceListener) Close() error {
	err := net.ErrClosed
	l.end.Do(func() {
		l.cancel()
		err = l.tcp.Close()
		l.work.Wait()
		l.server.Close()
		select {
		case l.failed <- net.ErrClosed:
		default:
		}
	})
	return err
}

// Addr implements net.Listener.
func (l *serviceListener) Addr() net.Addr { return l.tcp.Addr() }
