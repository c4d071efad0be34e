package remote

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/service/wire"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// listener is an engine.Listener in the service. When another service takes
// over, or the service comes back, it registers there anew.
type listener struct {
	engine *Engine
	req    engine.Request
	pidfd  *sys.FD

	mu     sync.Mutex
	link   *link // where it is registered
	ref    uint64
	closed bool
}

// Listen implements engine.Engine.
func (e *Engine) Listen(ctx context.Context, req *engine.Request) (engine.Listener, error) {
	s := &listener{engine: e, req: *req}
	if req.Program.Process != nil {
		n, err := unix.FcntlInt(uintptr(req.Program.Process.Int()), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			return nil,
				&engine.Error{Reason: engine.Refused,
					Sentence: fmt.Sprintf("keeping the pidfd of a server: %v", err), Err: err}
		}
		s.pidfd = sys.Own(n)
		s.req.Program.Process = s.pidfd
	}
	if _, _, err := s.registered(ctx); err != nil {
		s.pidfd.Close()
		return nil, err
	}
	// The program may execute something else before it registers again.
	s.req.Program.Exe, s.req.Program.File = "", ""
	return s, nil
}

// registered returns the link for a new connection, and the listener's
// reference there.
func (s *listener) registered(ctx context.Context) (*link, uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, 0, &engine.Error{Reason: engine.Cancelled, Sentence: "the server has been closed"}
	}
	if s.link != nil && s.link.usable() {
		return s.link, s.ref, nil
	}
	l, err := s.engine.current(ctx)
	if err != nil {
		return nil, 0, err
	}
	ref, err := l.listen(ctx, &s.req)
	if errors.Is(err, errMoved) {
		l.retire()
		if l, err = s.engine.current(ctx); err == nil {
			ref, err = l.listen(ctx, &s.req)
		}
	}
	if errors.Is(err, errMoved) {
		err = down(err)
	}
	if err != nil {
		return nil, 0, err
	}
	s.link, s.ref = l, ref
	return l, ref, nil
}

// listen registers a server.
func (l *link) listen(ctx context.Context, req *engine.Request) (uint64, error) {
	r, refused := encodeRequest(req)
	if refused != nil {
		return 0, refused
	}
	defer forget(&r)
	var descriptors []int
	if req.Program.Process != nil {
		descriptors = []int{req.Program.Process.Int()}
	}
	ref, answer := l.ref()
	err := l.conn.Send(&wire.Listen{Ref: ref, Request: r}, descriptors...)
	if err != nil {
		return 0, down(err)
	}
	select {
	case a := <-answer:
		switch m := a.(type) {
		case *wire.Listening:
			return ref, nil
		case *wire.Refused:
			return 0, refusal(m)
		}
		return 0, down(fmt.Errorf("it answered Listen with %s", wire.KindOf(a)))
	case <-l.down:
		return 0, down(errLost)
	case <-ctx.Done():
		return 0, &engine.Error{Reason: engine.Cancelled, Sentence: "the server was abandoned",
			Err: ctx.Err()}
	}
}

// Handshake implements engine.Listener.
func (s *listener) Handshake(ctx context.Context, tcp engine.Stream,
	id uint64) (engine.Conn, error) {
	return s.engine.handshake(ctx, tcp, nil,
		func(ctx context.Context) (*link, *wire.Handshake, error) {
			l, ref, err := s.registered(ctx)
			return l, &wire.Handshake{Listener: ref, ID: id}, err
		})
}

// Close implements engine.Listener.
func (s *listener) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.closed = true
	_ = s.link.conn.Send(&wire.Unlisten{Ref: s.ref})
	s.pidfd.Close()
}
