package remote

import (
	"context"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/service/wire"
)

// Handshake implements engine.Engine.
func (e *Engine) Handshake(ctx context.Context, tcp engine.Stream, req *engine.Request) (engine.Conn, error) {
	l, err := e.current(ctx)
	if err != nil {
		tcp.Close()
		return nil, err
	}
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
	return l.handshake(ctx, tcp, &wire.Handshake{ID: req.ID, Request: r}, more)
}

// handshake sends a handshake's message and waits for the outcome. It owns tcp.
func (l *link) handshake(ctx context.Context, tcp engine.Stream, m *wire.Handshake, more []int) (engine.Conn, error) {
	c, answer := l.begin(tcp)
	m.Ref = c.ref
	err := withDescriptor(tcp, func(fd int) error { return l.conn.Send(m, append([]int{fd}, more...)...) })
	if err != nil {
		c.forget()
		tcp.Close()
		return nil, down(err)
	}
	select {
	case a := <-answer:
		return c.outcome(a)
	case <-ctx.Done():
		_ = l.conn.Send(&wire.Cancel{Ref: c.ref})
	case <-l.down:
		c.forget()
		tcp.Close()
		return nil, down(errLost)
	}
	// The service says how it ended: perhaps well, just before it was told.
	defer tcp.Close()
	select {
	case a := <-answer:
		if conn, err := c.outcome(a); err != nil {
			return nil, err
		} else {
			conn.Abort()
		}
	case <-l.down:
		c.forget()
	}
	return nil, &engine.Error{Reason: engine.Cancelled, Sentence: "the connection was given up before the handshake had ended", Err: context.Cause(ctx)}
}

// outcome makes a connection of the answer to a handshake.
func (c *connection) outcome(a wire.Message) (engine.Conn, error) {
	switch m := a.(type) {
	case *wire.Established:
		c.facts, c.id = facts(m), m.ID
		return c, nil
	case *wire.Refused:
		c.forget()
		c.tcp.Close()
		return nil, refusal(m.Reason, m.Errno, m.Sentence)
	}
	c.forget()
	c.tcp.Close()
	return nil, down(fmt.Errorf("it answered a handshake with %T", a))
}

// refusal is the error that the service named.
func refusal(reason, errno uint64, sentence string) *engine.Error {
	err := &engine.Error{Reason: engine.Reason(min(reason, 255)), Sentence: sentence}
	if errno != 0 && errno < 4096 {
		err.Err = unix.Errno(errno)
	}
	return err
}

// withDescriptor calls f with the descriptor of a stream, which stays open
// meanwhile.
func withDescriptor(s engine.Stream, f func(fd int) error) error {
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
