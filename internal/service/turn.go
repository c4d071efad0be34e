package service

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/engine/lobby"
	"github.com/secure-socket-api/ssa/internal/engine/turns"
)

// turn waits until the handshake may begin. Turns are for computing: who waits
// for the peer has none, see engine.Local. A client of a server waits in the
// server's lobby, from where it may be let go.
func (x *connection) turn(known *server, res *resolved,
	peer netip.AddrPort) (t *turns.Turn, leave func(), refusal *engine.Error) {
	s := x.caller.service
	if known == nil {
		t = turns.New(x.ctx, nil, s.queue.For(x.caller.owner))
		if err := t.Resume(); err != nil {
			return nil, nil, givenUp(x.ctx, err)
		}
		return t, t.End, nil
	}
	ctx, out := context.WithCancelCause(x.ctx)
	x.ctx = ctx
	guest := known.lobby.Enter(peer.Addr(), func() { out(engine.ErrCrowded) })
	over := func() {
		guest.Leave()
		out(nil)
	}
	limit := res.req.Policy.HandshakeTimeout
	if !x.tcp.AwaitQueued(ctx, limit, lobby.MaxPeeked, lobby.WholeHello) {
		defer over()
		if ctx.Err() != nil {
			return nil, nil, givenUp(ctx, context.Cause(ctx))
		}
		return nil, nil, &engine.Error{Reason: engine.TimedOut, Sentence: fmt.Sprintf("the client sent no complete ClientHello within %v", limit)}
	}
	if err := guest.Work(); err != nil {
		over()
		return nil, nil, givenUp(ctx, engine.ErrCrowded)
	}
	t = turns.New(ctx, func(waits bool) error {
		if waits {
			guest.Wait()
			return nil
		}
		return guest.Work()
	}, known.turns.For(lobby.Prefix(peer.Addr())), s.queue.For(x.caller.owner))
	if err := t.Resume(); err != nil {
		over()
		return nil, nil, givenUp(ctx, err)
	}
	return t, func() {
		t.End()
		over()
	}, nil
}

// givenUp is why a handshake did not begin.
func givenUp(ctx context.Context, err error) *engine.Error {
	if cause, ok := context.Cause(ctx).(*engine.Error); ok {
		return cause
	}
	return &engine.Error{Reason: engine.Cancelled, Sentence: "the connection was abandoned before its handshake", Err: err}
}
