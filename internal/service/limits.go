package service

import (
	"fmt"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/policy"
)

// Limits bound what the service takes on. One user gets at most three quarters
// of each, so that nobody can keep all others out.
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
	files := 1024
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r); err == nil {
		files = int(min(r.Cur, 1<<20))
	}
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

// share is what one user gets at most.
func (l *Limits) share(n int) int { return max(n*3/4, 1) }

// users counts what users and programs have.
type users struct {
	limits Limits

	mu          sync.Mutex
	callers     counts
	connections counts
	buffered    counts
	programs    map[program]int
}

// counts are numbers by user, and their sum.
type counts struct {
	by  map[uint32]int
	sum int
}

// program is what limits.connections of the policy counts.
type program struct {
	profile string
	exe     string
	uid     uint32
}

func newUsers(limits Limits) *users {
	empty := func() counts { return counts{by: map[uint32]int{}} }
	return &users{limits: limits, callers: empty(), connections: empty(), buffered: empty(), programs: map[program]int{}}
}

// add adds n to what a user has, unless it would be more than the limit.
func (c *counts) add(uid uint32, n, limit, share int) bool {
	if n > 0 && (c.sum+n > limit || c.by[uid]+n > share) {
		return false
	}
	c.sum += n
	if c.by[uid] += n; c.by[uid] <= 0 {
		delete(c.by, uid)
	}
	return true
}

func (u *users) caller(uid uint32, n int) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.callers.add(uid, n, u.limits.Callers, u.limits.share(u.limits.Callers))
}

func (u *users) buffer(uid uint32, n int) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.buffered.add(uid, n, u.limits.Buffered, u.limits.share(u.limits.Buffered))
}

// connection counts a connection of a program; end takes it back.
func (u *users) connection(p program, rules *policy.Effective) (end func(), err *engine.Error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.programs[p] >= rules.Connections {
		return nil, limited("the policy lets this program have %d connections at a time (limits.connections, %s)",
			rules.Connections, rules.Origin("limits.connections"))
	}
	if !u.connections.add(p.uid, 1, u.limits.Connections, u.limits.share(u.limits.Connections)) {
		return nil, limited("the service has %d connections, %d of them of user %d: there is no room for more",
			u.connections.sum, u.connections.by[p.uid], p.uid)
	}
	u.programs[p]++
	return sync.OnceFunc(func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.connections.add(p.uid, -1, 0, 0)
		if u.programs[p]--; u.programs[p] <= 0 {
			delete(u.programs, p)
		}
	}), nil
}

func limited(format string, args ...any) *engine.Error {
	return &engine.Error{Reason: engine.Limited, Sentence: fmt.Sprintf(format, args...)}
}
