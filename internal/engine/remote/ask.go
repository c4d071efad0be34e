package remote

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/service/wire"
)

// errMoved is the outcome of a request that came to a service as it left:
// another one takes it.
var errMoved = errors.New("another service takes over")

// attempts is how many services are tried that leave one after the other.
const attempts = 4

// detacher is a stream that can be taken off the poller: see sys.Stream.
type detacher interface{ Detach() error }

// detach keeps a stream that the service reads and writes from waking this
// process for each byte.
func detach(s engine.Stream) {
	if p, ok := s.(detacher); ok {
		_ = p.Detach() // otherwise it wakes
	}
}

// Handshake implements engine.Engine.
func (e *Engine) Handshake(ctx context.Context, tcp engine.Stream,
	req *engine.Request) (engine.Conn, error) {
	r, refused := encodeRequest(req)
	if refused != nil {
		tcp.Close()
		return nil, refused
	}
	defer forget(&r)
	var more []int
	if req.Program.Process != nil {
		more = []int{req.Program.Process.Int()}
	}
	return e.handshake(ctx, tcp, more, func(ctx context.Context) (*link, *wire.Handshake, error) {
		l, err := e.current(ctx)
		return l, &wire.Handshake{ID: req.ID, Request: r}, err
	})
}

// handshake asks the service that prepare finds, and the next one when that is
// leaving. It owns tcp.
func (e *Engine) handshake(ctx context.Context, tcp engine.Stream, more []int,
	prepare func(context.Context) (*link, *wire.Handshake, error)) (engine.Conn, error) {
	detach(tcp)
	for range attempts {
		l, m, err := prepare(ctx)
		if err != nil {
			tcp.Close()
			return nil, err
		}
		c, err := l.handshake(ctx, tcp, m, more)
		if errors.Is(err, errMoved) {
			l.retire()
			continue
		}
		if err != nil {
			tcp.Close()
			return nil, err
		}
		return c, nil
	}
	tcp.Close()
	return nil, down(errMoved)
}

// handshake sends a handshake's message and waits for the outcome. An error
// leaves tcp open.
func (l *link) handshake(ctx context.Context, tcp engine.Stream, m *wire.Handshake,
	more []int) (engine.Conn, error) {
	c, answer := l.begin(tcp)
	m.Ref = c.ref
	err := withDescriptor(tcp,
		func(fd int) error { return l.conn.Send(m, append([]int{fd}, more...)...) })
	if err != nil {
		c.forget()
		return nil, down(err)
	}
	select {
	case a := <-answer:
		return c.outcome(a)
	case <-ctx.Done():
		_ = l.conn.Send(&wire.Cancel{Ref: c.ref})
	case <-l.down:
		c.forget()
		return nil, down(errLost)
	}
	// The service says how it ended: perhaps well, just before it was told.
	select {
	case a := <-answer:
		if conn, err := c.outcome(a); err == nil {
			conn.Abort()
		} else if !errors.Is(err, errMoved) {
			return nil, err
		}
	case <-l.down:
		c.forget()
	}
	return nil, &engine.Error{Reason: engine.Cancelled, Sentence: "the connection was abandoned before the handshake had ended", Err: context.Cause(ctx)}
}

// outcome makes a connection of the answer to a handshake.
func (c *connection) outcome(a wire.Message) (engine.Conn, error) {
	switch m := a.(type) {
	case *wire.Established:
		c.facts = facts(m)
		return c, nil
	case *wire.Refused:
		c.forget()
		return nil, refusal(m)
	}
	c.forget()
	return nil, down(fmt.Errorf("it answered a handshake with %s", wire.KindOf(a)))
}

// refusal is the error that the service named.
func refusal(m *wire.Refused) error {
	if engine.Reason(m.Reason) == engine.Down {
		return errMoved
	}
	return failure(m.Reason, m.Errno, m.Sentence)
}

func failure(reason, errno uint64, sentence string) *engine.Error {
	err := &engine.Error{Reason: engine.Reason(min(reason, 255)), Sentence: sentence}
	if errno != 0 && errno < 4096 {
		err.Err = unix.Errno(errno)
	}
	return err
}

// withDescriptor calls f with the descriptor of a stream, which stays open
// meanwhile.
func withDescriptor(s engine.Stream, f func(fd int) error) error {
	if c, ok := s.(interface {
		Control(func(fd int) error) error
	}); ok {
		return c.Control(f) // of a detached stream too
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	if err := raw.Control(func(fd uintptr) { inner = f(int(fd)) }); err != nil {
		return err
	}
	return inner
}
