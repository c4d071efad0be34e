package service

import (
	"fmt"
	"sync"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// Limits bound what the service takes on. One user gets at most half of callers,
// connections and bytes (see counts), and three quarters of the turns, so that
// nobody can keep all others out.
type Limits struct {
	Callers     int // connections to the service's socket
	Connections int // TLS connections
	Handshakes  int // handshakes at a time; more wait in turn
	Judged      int // requests at a time that are being judged; callers with more wait in turn
	Servers     int // listening servers of one caller
	Buffered    int // bytes of messages that are incomplete, or not read
	Reports     int // statuses at a time that are being told; callers with more wait in turn
}

// setDefaults derives limits from the number of descriptors that this process
// may have: a connection takes two, a caller one.
func (l *Limits) setDefaults() {
	files := sys.MaxDescriptors()
	set := func(to *int, value int) {
		if *to == 0 {
			*to = max(value, 1)
		}
	}
	set(&l.Callers, min(files/8, 16384))
	set(&l.Connections, (files-files/8-64)/2)
	set(&l.Handshakes, 1024)
	set(&l.Judged, min(files/32, 1024)) // two descriptors each, which Connections does not count yet
	set(&l.Servers, 4096)
	set(&l.Buffered, 64<<20)
	set(&l.Reports, 4)
}

// share is how many turns one user gets at most.
func (l *Limits) share(n int) int { return max(n*3/4, 1) }

// users counts what users and programs have. A user here is the person that a
// user belongs to: see owners.
type users struct {
	limits Limits

	mu          sync.Mutex
	callers     counts
	connections counts
	buffered    counts
	programs    map[limitKey]int
}

// limitKey is what limits.connections of the policy counts: all that a user runs
// under a profile, whatever he calls it.
type limitKey struct {
	profile string
	user    uint32
}

func newUsers(limits Limits) *users {
	return &users{limits: limits, callers: newCounts(limits.Callers),
		connections: newCounts(limits.Connections),
		buffered:    newCounts(limits.Buffered), programs: map[limitKey]int{}}
}

func (u *users) caller(user uint32, n int) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.callers.add(user, n)
}

// callersOf is how many callers a user has.
func (u *users) callersOf(user uint32) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.callers.by[user]
}

func (u *users) buffer(user uint32, n int) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.buffered.add(user, n)
}

// place is one connection among those that are counted.
type place struct {
	users   *users
	program limitKey
	rules   *policy.Effective
	counted bool // as one of the program's
	over    bool
}

// connection counts a connection of a program; end takes it back. Clients of a
// server count as the program's once they are established: those whose
// handshakes never end must not take the places of others.
func (u *users) connection(p limitKey, rules *policy.Effective,
	server bool) (*place, *engine.Error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	x := &place{users: u, program: p, rules: rules}
	if err := x.mayLocked(); err != nil {
		return nil, err
	}
	if !u.connections.add(p.user, 1) {
		return nil, limited("the service has %d connections, %d of them of user %d: there is no room for more",
			u.connections.sum, u.connections.by[p.user], p.user)
	}
	if !server {
		x.countLocked()
	}
	return x, nil
}

func (x *place) mayLocked() *engine.Error {
	if x.users.programs[x.program] < x.rules.Connections {
		return nil
	}
	return limited("the policy lets one user have %d connections at a time under this profile (limits.connections, %s)",
		x.rules.Connections, x.rules.Origin("limits.connections"))
}

func (x *place) countLocked() {
	x.counted = true
	x.users.programs[x.program]++
}

// established counts a connection as the program's, if there is room.
func (x *place) established() *engine.Error {
	x.users.mu.Lock()
	defer x.users.mu.Unlock()
	if x.counted || x.over {
		return nil
	}
	if err := x.mayLocked(); err != nil {
		return err
	}
	x.countLocked()
	return nil
}

// end ends the counting. It may be called again.
func (x *place) end() {
	u := x.users
	u.mu.Lock()
	defer u.mu.Unlock()
	if x.over {
		return
	}
	x.over = true
	u.connections.add(x.program.user, -1)
	if !x.counted {
		return
	}
	if u.programs[x.program]--; u.programs[x.program] <= 0 {
		delete(u.programs, x.program)
	}
}

func limited(format string, args ...any) *engine.Error {
	return &engine.Error{Reason: engine.Limited, Sentence: fmt.Sprintf(format, args...)}
}
