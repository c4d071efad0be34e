package local

import (
	"sync"
	"time"
)

// After how many connections, and how long after the last of them, a Local
// engine has settled: by then they are idle.
const (
	settleCount = 256
	settleTime  = 2 * time.Second
)

// settler tells when many connections have been established and no more come:
// then what their handshakes left behind is worth cleaning up.
type settler struct {
	settled func() // nil: nobody wants to know

	mu     sync.Mutex
	count  int // since it was last told
	timer  *time.Timer
	closed bool
	wg     sync.WaitGroup // of settled under way
}

// established notes one more connection.
func (s *settler) established() {
	if s.settled == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.count++; s.count < settleCount || s.closed {
		return
	}
	if s.timer == nil {
		s.timer = time.AfterFunc(settleTime, s.tell)
		return
	}
	s.timer.Reset(settleTime)
}

func (s *settler) tell() {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.count = 0
	s.wg.Add(1)
	s.mu.Unlock()
	defer s.wg.Done()
	s.settled()
}

// close waits until nothing is told any more.
func (s *settler) close() {
	s.mu.Lock()
	s.closed = true
	if s.timer != nil {
		s.timer.Stop()
	}
	s.mu.Unlock()
	s.wg.Wait()
}
