package socket

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/socket/endpoint"
)

// ErrWouldWait says that a call has not been carried out because it may have to
// wait for another thread.
var ErrWouldWait = errors.New("the call may have to wait")

// Accept is accept(2) with an address. A blocking call on an empty queue gets
// ErrPending and is answered when a connection has been delivered. (accept
// without an address never comes here: the kernel does it on the program's own
// descriptor.)
func (s *Socket) Accept(c AcceptCaller) error {
	end, nonblock, err := s.acceptEnd(c)
	if err != nil {
		return err
	}
	defer end.Close()
	if !nonblock {
		// Registered first, so that a delivery in between is not missed.
		s.mu.Lock()
		s.waitLocked(c, end.ReceiveLimit(), abi.EAGAIN)
		s.mu.Unlock()
	}
	s.acceptMu.Lock()
	err = s.acceptNowLocked(c, end)
	s.acceptMu.Unlock()
	if errors.Is(err, unix.EAGAIN) && !nonblock {
		return ErrPending
	}
	s.dropWaiter(c)
	return err
}

// TryAccept is Accept for a caller that must not wait: it returns
// ErrWouldWait for a blocking descriptor or when another thread is accepting.
func (s *Socket) TryAccept(c AcceptCaller) error {
	end, nonblock, err := s.acceptEnd(c)
	if err != nil {
		return err
	}
	defer end.Close()
	if !nonblock || !s.acceptMu.TryLock() {
		return ErrWouldWait
	}
	defer s.acceptMu.Unlock()
	return s.acceptNowLocked(c, end)
}

func (s *Socket) acceptEnd(c Caller) (end endpoint.End, nonblock bool, err error) {
	if s.State() != Listening {
		return nil, false, abi.EINVAL
	}
	if end, err = c.End(); err != nil {
		return nil, false, err
	}
	if nonblock, err = end.Nonblocking(); err != nil {
		end.Close()
		return nil, false, err
	}
	return end, nonblock, nil
}

func (s *Socket) dropWaiter(c Caller) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w := s.waiters[c.Thread()]; w != nil && w.caller == c {
		delete(s.waiters, c.Thread())
		if w.timer != nil {
			w.timer.Stop()
		}
	}
}

// acceptNowLocked takes a connection from the queue and gives it to the caller;
// EAGAIN when there is none. acceptMu is held.
func (s *Socket) acceptNowLocked(c AcceptCaller, end endpoint.End) error {
	for {
		if !c.Waiting() {
			return unix.EINTR // nobody is told
		}
		connection, err := end.Accept()
		if err != nil {
			return err
		}
		fresh, err := s.identify(connection)
		if err != nil {
			connection.Close()
			continue
		}
		where, err := c.Give(connection, fresh.peer)
		if err != nil {
			return s.takeBack(connection, fresh, err)
		}
		connection.Close()
		fresh.mu.Lock()
		fresh.where = where
		fresh.mu.Unlock()
		return nil
	}
}

// identify finds the connection behind a descriptor taken from the queue.
func (s *Socket) identify(connection endpoint.End) (*Socket, error) {
	inode, err := connection.ID()
	if err != nil {
		return nil, err
	}
	if fresh := s.table.Claim(connection, inode); fresh != nil {
		return fresh, nil
	}
	return nil, abi.ECONNABORTED
}

// acceptWaiting serves threads that wait in accept(2).
func (s *Socket) acceptWaiting() {
	s.mu.Lock()
	waiting := make([]*waiter, 0, len(s.waiters))
	for _, w := range s.waiters {
		waiting = append(waiting, w)
	}
	s.mu.Unlock()
	for _, w := range waiting {
		c, ok := w.caller.(AcceptCaller)
		if !ok {
			continue
		}
		if !c.Waiting() {
			s.dropWaiter(c)
			continue
		}
		end, err := c.End()
		if err != nil {
			continue
		}
		s.acceptMu.Lock()
		err = s.acceptNowLocked(c, end)
		s.acceptMu.Unlock()
		end.Close()
		if errors.Is(err, unix.EAGAIN) {
			continue
		}
		s.dropWaiter(c)
		if err != nil {
			w.answer(err)
		}
	}
}

// takeBack returns a connection that could not be given, because a signal
// ended the call or the address is no memory of the program's, to the queue: as
// a new pair whose bytes are passed on to the old one.
func (s *Socket) takeBack(connection endpoint.End, fresh *Socket, cause error) error {
	s.mu.Lock()
	l := s.listenerLocked()
	s.mu.Unlock()
	old, err := connection.Stream()
	if err != nil {
		return err
	}
	fresh.mu.Lock()
	same := *fresh.connectionLocked()
	fresh.mu.Unlock()
	again := s.table.born(&same, fresh.family, fresh.id)
	again.set, again.base, again.effective, again.options = fresh.set, fresh.base, fresh.effective,
		fresh.options
	again.local, again.peer, again.server = fresh.local, fresh.peer, true
	again.abortive.Store(fresh.abortive.Load())
	s.table.background(func(error) { old.Close() }, func(context.Context) {
		defer old.Close()
		end, err := s.table.cfg.Ends.Reserve(0)
		if err != nil {
			return
		}
		defer end.Close()
		plaintext, err := l.deliver(again, end)
		if err != nil {
			s.table.remove(again)
			return
		}
		bridge(plaintext, old)
		plaintext.Close()
		s.table.remove(again)
	})
	return cause
}

// bridge passes bytes and their ends on between two plaintext streams.
func bridge(a, b endpoint.Stream) {
	var both sync.WaitGroup
	pass := func(from, to endpoint.Stream) {
		_, _ = io.Copy(to, from)
		_ = to.CloseWrite()
	}
	both.Go(func() { pass(a, b) })
	both.Go(func() { pass(b, a) })
	both.Wait()
}

func anyAddress(family int) netip.AddrPort {
	if family == abi.FamilyInet6 {
		return netip.AddrPortFrom(netip.IPv6Unspecified(), 0)
	}
	return netip.AddrPortFrom(netip.IPv4Unspecified(), 0)
}
