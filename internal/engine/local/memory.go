package local

import (
	"sync"
	"sync/atomic"
)

// maxStalled is how many bytes a process holds for those who do not take them.
// What flows is not counted, so it is for slow programs and peers alone.
const maxStalled = 32 << 20

// memory shares maxStalled among users: nobody holds more than is left free for
// others.
type memory struct {
	limit int64
	used  atomic.Int64

	mu     sync.Mutex
	shares map[uint32]*share
}

// share is the part of a user, while he has relays. It is a relay.Memory.
type share struct {
	memory *memory
	used   atomic.Int64
	relays int // guarded by memory.mu
}

func newMemory(limit int64) *memory { return &memory{limit: limit, shares: map[uint32]*share{}} }

// of is a user's share; end must be called once it is not used any more.
func (m *memory) of(user uint32) (s *share, end func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s = m.shares[user]
	if s == nil {
		s = &share{memory: m}
		m.shares[user] = s
	}
	s.relays++
	return s, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		if s.relays--; s.relays == 0 {
			delete(m.shares, user)
		}
	}
}

// Room implements relay.Memory.
func (s *share) Room(n int) bool {
	return s.used.Load()+int64(n) <= s.memory.limit-s.memory.used.Load()-int64(n)
}

// Hold implements relay.Memory.
func (s *share) Hold(n int) {
	s.used.Add(int64(n))
	s.memory.used.Add(int64(n))
}
