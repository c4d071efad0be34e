//go:build linux

package ssa

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// pending is how many clients may be in their handshake, or wait for Accept;
// others wait in TCP's own queue.
const pending = 256

// serviceListener accepts TCP connections and gives them to the service; who
// fails the handshake is never seen.
type serviceListener struct {
	tcp     net.Listener
	service *service
	server  engine.Listener
	ctx     context.Context
	cancel  context.CancelFunc
	turns   chan struct{} // those pending
	ready   chan *Conn
	failed  chan error // one: why there are no more
	work    sync.WaitGroup
	end     sync.Once
}

// listen makes a server whose clients the service verifies.
func (s *service) listen(ctx context.Context, network, address string, settings []Setting) (net.Listener, error) {
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
	l := &serviceListener{tcp: tcp, service: s, server: server, turns: make(chan struct{}, pending), ready: make(chan *Conn), failed: make(chan error, 1)}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	l.work.Go(l.serve)
	return l, nil
}

// serve takes clients until the listener is closed.
func (l *serviceListener) serve() {
	for {
		select {
		case l.turns <- struct{}{}:
		case <-l.ctx.Done():
			return
		}
		c, err := l.tcp.Accept()
		if err == nil {
			l.work.Go(func() {
				defer func() { <-l.turns }()
				l.admit(c)
			})
			continue
		}
		<-l.turns
		if !sys.AcceptsLater(err) {
			l.failed <- err
			return
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-l.ctx.Done():
		}
	}
}

// admit has the service do a client's handshake, and offers the connection to
// Accept.
func (l *serviceListener) admit(c net.Conn) {
	stream, between, err := takeTCP(c)
	if err != nil {
		return
	}
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
