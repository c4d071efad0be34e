package monitor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/program"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// Identifier says which program is behind a pidfd, in two steps.
type Identifier interface {
	// Credentials finds out whose process it is, and waits for nobody.
	Credentials(pidfd *sys.FD) (program.Process, error)
	// Executable completes that by what it executes. A process can be made so that
	// this takes long: the kernel waits for locks of its memory.
	Executable(pidfd *sys.FD, p *program.Process) error
}

// Limits of look-ups.
const (
	maxLookups  = 512 // at a time
	maxPersonal = 8   // at a time, of processes of one person
	maxPending  = 16384
	// lookTime is how long one may take. What hangs in the kernel cannot be
	// taken back: it is given up, and goes on holding a place of its person.
	lookTime = 5 * time.Second
)

var (
	errLookupHangs = fmt.Errorf("identifying it takes more than %v: its user makes the kernel wait", lookTime)
	errManyLookups = errors.New("too many processes wait to be identified")
)

// places bound the look-ups at a time, of all and of each person.
type places struct {
	mu      sync.Mutex
	total   int
	by      map[uint32]int
	waiting []*waiter // in order
}

type waiter struct {
	person uint32
	turn   chan struct{} // closed when it is this one's turn
}

func newPlaces() *places { return &places{by: map[uint32]int{}} }

// enter waits for a place.
func (p *places) enter(ctx context.Context, person uint32) error {
	w := &waiter{person, make(chan struct{})}
	p.mu.Lock()
	p.waiting = append(p.waiting, w)
	p.admitLocked()
	p.mu.Unlock()
	select {
	case <-w.turn:
		return nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.waiting, w); i >= 0 {
		p.waiting = slices.Delete(p.waiting, i, i+1)
		return context.Cause(ctx)
	}
	return nil // its turn came in this moment
}

func (p *places) leave(person uint32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.total--
	if p.by[person]--; p.by[person] == 0 {
		delete(p.by, person)
	}
	p.admitLocked()
}

// admitLocked gives free places to those who wait, first come first served among
// those whose person has one left.
func (p *places) admitLocked() {
	p.waiting = slices.DeleteFunc(p.waiting, func(w *waiter) bool {
		if p.total >= maxLookups || p.by[w.person] >= maxPersonal {
			return false
		}
		p.total++
		p.by[w.person]++
		close(w.turn)
		return true
	})
}

// lookUp finds out which program is behind a pidfd, which it owns, until ctx is
// done. The goroutine that may hang is nobody's to wait for.
func (m *Monitor) lookUp(ctx context.Context, pidfd *sys.FD) (program.Process, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, m.lookTime, errLookupHangs)
	defer cancel()
	process, err := m.cfg.Identifier.Credentials(pidfd)
	if err != nil {
		pidfd.Close()
		return process, err
	}
	person := process.Person()
	if err := m.places.enter(ctx, person); err != nil {
		pidfd.Close()
		return process, err
	}
	type found struct {
		process program.Process
		err     error
	}
	done := make(chan found, 1)
	go func() {
		defer m.places.leave(person)
		defer pidfd.Close()
		err := m.cfg.Identifier.Executable(pidfd, &process)
		done <- found{process, err}
	}()
	select {
	case f := <-done:
		return f.process, f.err
	case <-ctx.Done():
		return program.Process{}, context.Cause(ctx)
	}
}

// answerLookup answers who the process of a pidfd is, which it owns.
func (m *Monitor) answerLookup(ctx context.Context, w *worker, id uint64, pidfd *sys.FD) {
	answer := &message{Kind: kindAnswer, ID: id}
	p, err := m.lookUp(ctx, pidfd)
	if err == nil {
		answer.Process, err = toWire(&p)
	}
	if err != nil {
		answer.Text = []byte(err.Error())
	}
	err = w.channel.send(answer, -1)
	if errors.Is(err, unix.EMSGSIZE) { // the system's socket buffers are small
		err = w.channel.send(&message{Kind: kindAnswer, ID: id, Text: []byte("the description of the process does not fit into a message")}, -1)
	}
	if err != nil && !gone(err) {
		m.cfg.Log.Error("answering the worker: " + err.Error())
	}
}
