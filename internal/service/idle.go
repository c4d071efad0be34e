package service

import (
	"errors"

	"github.com/secure-socket-api/ssa/internal/service/wire"
)

// errLetGo is why the conversation with a caller ends that was let go.
var errLetGo = errors.New("the caller had to make room")

// room counts a caller. When there is no room for it, the caller goes that has
// been idle for longest, of the user with the most idle ones; it asks anew when
// it needs something.
func (s *Service) room(c *caller) bool {
	for !s.users.caller(c.owner, 1) {
		idle := s.longestIdle(c.owner)
		if idle == nil {
			return false
		}
		idle.letGo() // if it is idle no more, another one may be
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counted, c.used = true, s.clock.Add(1)
	return true
}

// longestIdle finds the caller to let go for one of a user; nil when all have
// something open or under way. Who has less than the others loses none for him.
func (s *Service) longestIdle(newcomer uint32) (oldest *caller) {
	s.mu.Lock()
	defer s.mu.Unlock()
	idle := map[uint32]int{}
	used := map[*caller]uint64{}
	for c := range s.callers {
		if at, ok := c.idleSince(); ok {
			idle[c.owner]++
			used[c] = at
		}
	}
	own := s.users.callersOf(newcomer)
	for c, at := range used {
		switch {
		case c.owner != newcomer && s.users.callersOf(c.owner) <= own:
		case oldest == nil, idle[c.owner] > idle[oldest.owner],
			idle[c.owner] == idle[oldest.owner] && at < used[oldest]:
			oldest = c
		}
	}
	return oldest
}

// idleSince reports whether nothing of the caller is open or under way, and
// since when.
func (c *caller) idleSince() (at uint64, idle bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.used, c.counted && c.idleLocked()
}

func (c *caller) idleLocked() bool { return !c.busy && len(c.servers) == 0 && len(c.conns) == 0 }

// letGo ends a caller that is idle. A gate takes GoAway for a hint to connect
// anew.
func (c *caller) letGo() {
	c.mu.Lock()
	idle := c.counted && c.idleLocked()
	if idle {
		c.counted, c.busy = false, true
	}
	c.mu.Unlock()
	if !idle {
		return
	}
	c.service.users.caller(c.owner, -1)
	_ = c.conn.Send(&wire.GoAway{})
	c.cancel()
}

// begin notes that a message is carried out; false when the caller was let go.
func (c *caller) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.counted {
		return false
	}
	c.busy, c.used = true, c.service.clock.Add(1)
	return true
}

func (c *caller) done() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counted {
		c.busy = false
	}
}

// uncount takes the caller out of its user's, if it was not let go before.
func (c *caller) uncount() {
	c.mu.Lock()
	counted := c.counted
	c.counted = false
	c.mu.Unlock()
	if counted {
		c.service.users.caller(c.owner, -1)
	}
}
