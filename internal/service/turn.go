package service

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/secure-socket-api/ssa/internal/engine"
)

// turnTime is how long a handshake keeps its turn at most. Computing takes a
// hundredth of that; the rest is waiting for the peer, and peers that say
// nothing must not keep others from their turn.
const turnTime = 200 * time.Millisecond

// turn waits until the handshake may begin. Silent clients of a server wait
// without a turn, and so do a server's handshakes beyond limits.handshakes.
func (x *connection) turn(known *server, res *resolved) (leave func(), refusal *engine.Error) {
	q, uid := x.caller.service.queue, x.caller.uid
	if known != nil {
		if limit := res.req.Policy.HandshakeTimeout; !x.tcp.AwaitReadable(x.ctx, limit) && x.ctx.Err() == nil {
			return nil, &engine.Error{Reason: engine.TimedOut, Sentence: fmt.Sprintf("the client said nothing for %v", limit)}
		}
		select {
		case known.turns <- struct{}{}:
		case <-x.ctx.Done():
			return nil, givenUp(context.Cause(x.ctx))
		}
	}
	end := func() {
		if known != nil {
			<-known.turns
		}
	}
	if err := q.enter(x.ctx, uid); err != nil {
		end()
		return nil, givenUp(err)
	}
	back := sync.OnceFunc(func() { q.leave(uid) })
	timer := time.AfterFunc(turnTime, back)
	return func() {
		timer.Stop()
		back()
		end()
	}, nil
}

func givenUp(err error) *engine.Error {
	return &engine.Error{Reason: engine.Cancelled, Sentence: "the connection was given up before its handshake", Err: err}
}
