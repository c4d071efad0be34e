package socket

import (
	"context"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/socket/endpoint"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// establish makes the connection and tells how it went.
func (s *Socket) establish(ctx context.Context, a *attempt) {
	defer a.cancel()
	stopWatching := a.plaintext.Watch(a.cancel)
	conn, stream, err := s.handshake(ctx, a)
	stopWatching()
	a.rights.Close()
	a.process.close()
	if err != nil {
		s.failed(a, err)
		return
	}
	s.established(a, conn, stream)
}

func (s *Socket) handshake(ctx context.Context,
	a *attempt) (_ engine.Conn, _ *sys.Stream, err error) {
	stream, err := s.dial(ctx, a)
	if err != nil {
		return nil, nil, err
	}
	s.keepAddresses(stream)
	if a.upgrade {
		defer s.keepForCut(stream)(&err)
		if a.refused != nil {
			stream.Close()
			return nil, nil, a.refused
		}
	}
	a.req.Program = a.process.ProgramClaim
	conn, err := s.table.cfg.Engine.Handshake(ctx, stream, a.req)
	return conn, stream, err
}

// keepAddresses remembers the addresses of a connected TCP socket.
func (s *Socket) keepAddresses(stream *sys.Stream) {
	_ = stream.Control(func(fd int) error {
		local, err := sys.Getsockname(fd)
		peer, peerErr := sys.Getpeername(fd)
		s.mu.Lock()
		defer s.mu.Unlock()
		if err == nil {
			s.local = local
		}
		if peerErr == nil {
			s.peer = peer
		}
		return nil
	})
}

func (s *Socket) established(a *attempt, conn engine.Conn, stream *sys.Stream) {
	s.table.cfg.Log.Info("connected", "id", s.id, "to", a.req.Name, "facts", conn.Facts())
	s.mu.Lock()
	s.become(&connected{stream: stream, conn: conn, facts: conn.Facts(), counted: a.program,
		untold: true})
	waiters := s.takeWaitersLocked()
	s.restoreSendBufferLocked()
	err := a.plaintext.Open()
	s.tellWaitersLocked(waiters, nil)
	s.mu.Unlock()
	if err != nil {
		s.table.cfg.Log.Error("this is a bug: the plaintext stream cannot be drained", "id", s.id, "error", err)
		conn.Abort()
		a.plaintext.Close()
		s.relayDone(engine.End{Err: err}, true)
		return
	}
	s.beginRelay(a.plaintext, conn, stream)
}

// restoreSendBufferLocked makes the program's descriptor roomy again.
func (s *Socket) restoreSendBufferLocked() {
	end, err := s.table.cfg.Ends.Find(s.inodeKnown(), s.where, false)
	if err != nil {
		s.table.cfg.Log.Debug("the program's descriptor has moved; its send buffer stays small", "id", s.id, "error", err)
		return
	}
	defer end.Close()
	end.SetRoom(s.sendSizeLocked())
}

// sendBuffer is how much a program can write that nobody has taken where it asked
// for no size: several records, as far as the kernel allows.
const sendBuffer = 256 << 10

// roomLocked is how much waits for the program to read it, beside what TCP holds.
func (s *Socket) roomLocked() int {
	if s.recvSize > 0 {
		return min(s.recvSize, sendBuffer)
	}
	return sendBuffer
}

func (s *Socket) sendSizeLocked() int {
	if s.sendSize > 0 {
		return s.sendSize
	}
	return sendBuffer
}

func (s *Socket) failed(a *attempt, err error) {
	errno := Errno(err)
	s.table.usage.end(a.program)
	s.table.forgetUpgraded(s)
	s.table.cfg.Log.Warn(Sentence(err), "id", s.id, "to", a.req.Name, "errno", errno)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.become(&failed{untold: true})
	s.soError, s.local = errno, nil
	s.outcome.broke(err)
	waiters := s.takeWaitersLocked()
	// Our end is closed with the filling unread: the program's descriptor
	// shows HUP and ERR.
	a.plaintext.Close()
	s.renewEndLocked(waiters)
	s.tellWaitersLocked(waiters, err)
}

// tellWaitersLocked answers the calls that wait for an outcome. When no program
// got it, the next connect does. A program that is answered may call again at
// once: it must find the outcome told, and another of its threads must not find
// the new state before.
func (s *Socket) tellWaitersLocked(waiters []*waiter, outcome error) {
	for _, w := range waiters {
		if w.answer(outcome) {
			s.toldLocked()
			s.soError = 0
		}
	}
}

// renewEndLocked gives a program whose blocking connect has failed a fresh
// descriptor, so that it polls like a TCP socket after a failed connect.
func (s *Socket) renewEndLocked(waiters []*waiter) {
	for _, w := range waiters {
		old, err := w.caller.End()
		if err != nil {
			continue
		}
		end, err := s.renewLocked(w.caller, old)
		old.Close()
		if err == nil {
			end.Close()
			if f, ok := s.now.(*failed); ok {
				f.renewed = true
			}
			return
		}
	}
}

// renewLocked gives the program a fresh descriptor, unless it has another socket
// there by now: another thread has disconnected it.
func (s *Socket) renewLocked(c Caller, old endpoint.End) (endpoint.End, error) {
	inode, err := old.ID()
	if err == nil && inode != s.inodeKnown() {
		err = abi.EBADF
	}
	if err != nil {
		return nil, err
	}
	return s.replaceEndLocked(c, old)
}
