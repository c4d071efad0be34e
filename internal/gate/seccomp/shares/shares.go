// Package shares bounds how many looks at programs are under way. A look is a
// system call that can last as long as the program likes, such as a copy of
// memory that another of its threads, or a file system of its user's, has to
// provide (userfaultfd(2), FUSE). It cannot be cancelled, and it keeps a thread
// of ours, of which Go allows 10,000.
//
// Each process and each user has a share. Who has used it up waits in a queue
// of the process's own, and nobody else does. The package does not look itself.
package shares

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/secure-socket-api/ssa/abi"
)

// Owner is who a look is for.
type Owner struct {
	Process int
	User    uint32 // real user id
}

// Asker tells who a look is for. It is asked only when many are under way.
type Asker interface{ Owner() (Owner, error) }

// Limits are the greatest numbers of looks.
type Limits struct {
	Open    int // places for anybody, for which nobody is asked
	Process int // of one process, beside those
	User    int // of one user
	All     int // of all users
	Queue   int // that wait, of one process
	// Beside User and All, for processes and users who have none under way.
	UserSpare, AllSpare int
}

// Default are the limits of a gate: all together keep well below Go's threads.
var Default = Limits{Open: 16, Process: 16, User: 64, UserSpare: 192, All: 1024, AllSpare: 2048,
	Queue: 1024}

// Pool gives turns. Safe for concurrent use.
type Pool struct {
	limits Limits
	asking chan struct{} // looks for owners, which are looks too
	open   atomic.Int32

	mu        sync.Mutex
	all       int
	users     map[uint32]*user
	processes map[Owner]*processQueue
	waiting   []*processQueue // that have a queue; who has waited longest first
}

type user struct{ running int }

type processQueue struct {
	owner   Owner
	user    *user
	running int
	queue   []chan struct{}
}

// New returns a pool.
func New(l Limits) *Pool {
	return &Pool{limits: l, asking: make(chan struct{}, max(1, l.Open)), users: map[uint32]*user{},
		processes: map[Owner]*processQueue{}}
}

// Turn is the right to look. The zero value is none.
type Turn struct {
	pool *Pool
	of   *processQueue // nil for an open place
}

// ErrCrowded says that a process has too many calls waiting. Its errno is ENOBUFS.
var ErrCrowded = errors.Join(abi.ENOBUFS, errors.New("too many calls of the process wait for their turn"))

// Enter waits for a turn. Nobody who has one may enter again.
func (p *Pool) Enter(a Asker) (Turn, error) {
	if int(p.open.Add(1)) <= p.limits.Open {
		return Turn{pool: p}, nil
	}
	p.open.Add(-1)
	p.asking <- struct{}{}
	owner, err := a.Owner()
	<-p.asking
	if err != nil {
		return Turn{}, err
	}
	return p.enter(owner)
}

func (p *Pool) enter(owner Owner) (Turn, error) {
	p.mu.Lock()
	of := p.processLocked(owner)
	if len(of.queue) == 0 && p.mayLocked(of) {
		p.takeLocked(of)
		p.mu.Unlock()
		return Turn{p, of}, nil
	}
	if len(of.queue) >= p.limits.Queue {
		p.mu.Unlock()
		return Turn{}, fmt.Errorf("process %d: %w", owner.Process, ErrCrowded)
	}
	if len(of.queue) == 0 {
		p.waiting = append(p.waiting, of)
	}
	turn := make(chan struct{})
	of.queue = append(of.queue, turn)
	p.mu.Unlock()
	<-turn
	return Turn{p, of}, nil
}

// Leave ends a turn.
func (t Turn) Leave() {
	switch {
	case t.pool == nil:
	case t.of == nil:
		t.pool.open.Add(-1)
	default:
		t.pool.leave(t.of)
	}
}

func (p *Pool) leave(of *processQueue) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all--
	of.running--
	of.user.running--
	p.admitLocked()
	p.forgetLocked(of)
}

// admitLocked gives turns to those who wait and may have one. Who got one lines
// up behind the others.
func (p *Pool) admitLocked() {
	var again []*processQueue
	rest := p.waiting[:0]
	for _, of := range p.waiting {
		if !p.mayLocked(of) {
			rest = append(rest, of)
			continue
		}
		p.takeLocked(of)
		close(of.queue[0])
		if of.queue = of.queue[1:]; len(of.queue) > 0 {
			again = append(again, of)
		}
	}
	clear(p.waiting[len(rest):])
	p.waiting = append(rest, again...)
}

func (p *Pool) mayLocked(of *processQueue) bool {
	user, all := p.limits.User, p.limits.All
	if of.running == 0 {
		user += p.limits.UserSpare
	}
	if of.user.running == 0 {
		all += p.limits.AllSpare
	}
	return of.running < p.limits.Process && of.user.running < user && p.all < all
}

func (p *Pool) takeLocked(of *processQueue) {
	p.all++
	of.running++
	of.user.running++
}

func (p *Pool) processLocked(owner Owner) *processQueue {
	of := p.processes[owner]
	if of == nil {
		u := p.users[owner.User]
		if u == nil {
			u = &user{}
			p.users[owner.User] = u
		}
		of = &processQueue{owner: owner, user: u}
		p.processes[owner] = of
	}
	return of
}

func (p *Pool) forgetLocked(of *processQueue) {
	if of.running == 0 && len(of.queue) == 0 {
		delete(p.processes, of.owner)
	}
	if of.user.running == 0 && !p.waitsLocked(of.user) {
		delete(p.users, of.owner.User)
	}
}

func (p *Pool) waitsLocked(u *user) bool {
	for _, of := range p.waiting {
		if of.user == u {
			return true
		}
	}
	return false
}
