package socket

import (
	"fmt"
	"sync"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/policy"
)

// limitKey is an executable under a profile. Limits count all that runs under a
// profile here, whatever its files are called.
type limitKey struct {
	profile *policy.Effective
	exe     string
}

// usage counts the connections of programs, those being made included.
type usage struct {
	mu    sync.Mutex
	count map[string]int // by profile
}

// begin counts a connection. Beyond the policy's limit it is EAGAIN.
func (u *usage) begin(p limitKey) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if err := u.mayLocked(p); err != nil {
		return err
	}
	if u.count == nil {
		u.count = map[string]int{}
	}
	u.count[p.profile.Profile]++
	return nil
}

// may reports whether begin would succeed now. A server's client counts once it
// is established: handshakes that never end must not take the places of others.
func (u *usage) may(p limitKey) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.mayLocked(p)
}

func (u *usage) mayLocked(p limitKey) error {
	if u.count[p.profile.Profile] < p.profile.Connections {
		return nil
	}
	at := p.profile.Origin("limits.connections")
	why := fmt.Sprintf("the policy lets one user have %d connections at a time under this profile (limits.connections, %s)", p.profile.Connections, at)
	return &failure{abi.EAGAIN, why, &policy.Forbidden{Sentence: why, At: at}}
}

// end ends a connection.
func (u *usage) end(p limitKey) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.count[p.profile.Profile]--; u.count[p.profile.Profile] <= 0 {
		delete(u.count, p.profile.Profile)
	}
}

// programLocked is the program that a connection counts for.
func (s *Socket) programLocked(c Caller) limitKey {
	path, _ := c.Executable()
	return limitKey{s.baseLocked(c), path}
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
