package service

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/sys"
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
		if limit := res.req.Policy.HandshakeTimeout; !x.spoken(limit) && x.ctx.Err() == nil {
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

// spoken waits until the client says something, or for no longer than the limit.
func (x *connection) spoken(limit time.Duration) bool {
	spoken := false
	_ = x.tcp.Control(func(fd int) error {
		spoken = sys.Readable(fd)
		return nil
	})
	if spoken {
		return true
	}
	begun := time.Now()
	_ = x.tcp.SetReadDeadline(begun.Add(limit))
	stop := context.AfterFunc(x.ctx, func() { _ = x.tcp.SetReadDeadline(begun) })
	raw, err := x.tcp.SyscallConn()
	if err == nil {
		err = raw.Read(func(fd uintptr) bool { return sys.Readable(int(fd)) })
	}
	stop()
	_ = x.tcp.SetReadDeadline(time.Time{})
	return err == nil
}
