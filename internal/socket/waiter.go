package socket

import (
	"context"
	"sync"
	"time"

	"github.com/secure-socket-api/ssa/abi"
)

// waiter is a blocking call that has not been answered. A call that a signal
// ended is not announced: its waiter stays until the outcome is known or the
// same thread calls again.
type waiter struct {
	caller Caller
	timer  *time.Timer
	once   sync.Once
}

// answer ends the call once; it reports whether the program got the answer.
func (w *waiter) answer(err error) (told bool) {
	w.once.Do(func() {
		if w.timer != nil {
			w.timer.Stop()
		}
		told = w.caller.Answer(err) == nil
	})
	return told
}

// waitLocked makes a blocking call wait for the outcome, at most for the
// limit, when there is one, after which it gets late.
func (s *Socket) waitLocked(c Caller, limit time.Duration, late abi.Errno) {
	w := &waiter{caller: c}
	thread := c.Thread()
	if limit > 0 {
		w.timer = time.AfterFunc(limit, func() {
			s.mu.Lock()
			if s.waiters[thread] == w {
				delete(s.waiters, thread)
			}
			s.mu.Unlock()
			w.answer(late)
		})
	}
	if old := s.waiters[thread]; old != nil && old.timer != nil {
		old.timer.Stop()
	}
	s.waiters[thread] = w
}

// AwaitData has a blocking call answered when there is something to read, or the
// end, at most as long as SO_RCVTIMEO says.
func (s *Socket) AwaitData(c Caller) error {
	end, err := c.End()
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.waitLocked(c, end.ReceiveLimit(), abi.EAGAIN)
	w := s.waiters[c.Thread()]
	s.mu.Unlock()
	s.table.background(func(err error) { w.answer(err) }, func(ctx context.Context) {
		defer end.Close()
		for delay := firstDelay; ctx.Err() == nil && c.Waiting(); delay = min(2*delay, lastDelay) {
			if end.Readable() {
				s.dropWaiter(c)
				w.answer(nil)
				return
			}
			time.Sleep(delay)
		}
		s.dropWaiter(c)
	})
	return ErrPending
}

// Interrupt takes a pending call back, so that it can be ended for a signal. It
// reports false when the call has been answered already.
func (s *Socket) Interrupt(c Caller) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.waiters[c.Thread()]
	if w == nil || w.caller != c {
		return false
	}
	delete(s.waiters, c.Thread())
	taken := false
	w.once.Do(func() {
		taken = true
		if w.timer != nil {
			w.timer.Stop()
		}
	})
	return taken
}

func (s *Socket) takeWaitersLocked() []*waiter {
	all := make([]*waiter, 0, len(s.waiters))
	for thread, w := range s.waiters {
		all = append(all, w)
		delete(s.waiters, thread)
	}
	return all
}
