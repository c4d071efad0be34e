package socket

import (
	"fmt"
	"sync"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/policy"
)

// program is what limits are counted for: an executable under a profile.
type program struct {
	profile *policy.Effective
	exe     string
}

// usage counts the connections of programs, those being made included.
type usage struct {
	mu    sync.Mutex
	count map[program]int
}

// begin counts a connection. Beyond the policy's limit it is EAGAIN.
func (u *usage) begin(p program) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.count == nil {
		u.count = map[program]int{}
	}
	if u.count[p] >= p.profile.Connections {
		at := p.profile.Origin("limits.connections")
		why := fmt.Sprintf("the policy lets this program have %d connections at a time (limits.connections, %s)", p.profile.Connections, at)
		return &failure{abi.EAGAIN, why, &policy.Forbidden{Sentence: why, At: at}}
	}
	u.count[p]++
	return nil
}

// end ends a connection.
func (u *usage) end(p program) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.count[p]--; u.count[p] <= 0 {
		delete(u.count, p)
	}
}

// programLocked is the program whose limits a connection counts towards.
func (s *Socket) programLocked(c Caller) program {
	path, _ := c.Executable()
	return program{s.baseLocked(c), path}
}

// countLocked counts a connection that the program begins to make.
func (s *Socket) countLocked(c Caller, a *attempt) error {
	p := s.programLocked(c)
	if err := s.table.usage.begin(p); err != nil {
		s.table.denied(c, engine.Denial{ID: s.id, Name: s.set.remoteName, Limit: true}, err)
		return err
	}
	a.program = p
	return nil
}
