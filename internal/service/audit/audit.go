// Package audit keeps a record of what was refused, and of what the
// administrator did that weakens secrecy: one line of JSON each, appended to a
// file. It never holds anybody up: when lines come faster than they may, some
// are left out, and how many is written down. It never writes payload or keys.
package audit

import (
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/secure-socket-api/ssa/internal/service/registry"
)

// Config is what a Log needs.
type Config struct {
	// Problem is told when lines cannot be written, once until they can again.
	// Nil tells nobody.
	Problem func(error)
	// Now is the clock, time.Now if nil.
	Now func() time.Time
}

// queued is how many lines may wait to be written.
const queued = 1024

// Log is safe for concurrent use.
type Log struct {
	cfg  Config
	done chan struct{}

	mu     sync.Mutex
	more   *sync.Cond // lines, a file, or the end
	lines  []line
	lost   uint64   // what did not even wait, and is not in lines
	next   *os.File // takes the place of the one that is written
	closed bool
	users  map[uint32]*allowance
}

// New makes a Log. Lines wait until it has a file.
func New(cfg Config) *Log {
	if cfg.Problem == nil {
		cfg.Problem = func(error) {}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	l := &Log{cfg: cfg, done: make(chan struct{}), users: map[uint32]*allowance{}}
	l.more = sync.NewCond(&l.mu)
	go l.run()
	return l
}

// SetFile writes to another file from now on, which the Log owns: at start, and
// when the one before was rotated. It does not wait for the disk.
func (l *Log) SetFile(file *os.File) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		file.Close()
		return
	}
	if l.next != nil {
		l.next.Close() // nothing was written to it
	}
	l.next = file
	l.more.Broadcast()
}

// Close writes what waits, if there is a file, and ends the Log.
func (l *Log) Close() {
	l.mu.Lock()
	for uid, a := range l.users {
		if a.leftOut > 0 {
			l.addLocked(leftOut{l.cfg.Now().UTC(), "left-out", uid, a.leftOut})
		}
	}
	l.closed = true
	l.more.Broadcast()
	l.mu.Unlock()
	<-l.done
}

// event is a line about what is no refusal.
type event struct {
	Time     time.Time `json:"time"`
	Event    string    `json:"event"`
	Sentence string    `json:"sentence"`
}

// Event writes that something happened.
func (l *Log) Event(name, sentence string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.addLocked(event{l.cfg.Now().UTC(), name, sentence})
}

// leftOut is a line about lines that are not there.
type leftOut struct {
	Time  time.Time `json:"time"`
	Event string    `json:"event"`
	UID   uint32    `json:"uid"`
	Count uint64    `json:"count"`
}

// Refusal writes what was refused.
func (l *Log) Refusal(f registry.Refusal) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.cfg.Now()
	a := l.allowanceLocked(f.Culprit(), now)
	if !a.take(now) {
		return
	}
	if a.leftOut > 0 {
		l.addLocked(leftOut{now.UTC(), "left-out", f.Culprit(), a.leftOut})
		a.leftOut = 0
	}
	l.addLocked(struct {
		Event string `json:"event"`
		registry.Refusal
	}{"refused", f})
}

func (l *Log) addLocked(what any) {
	stands := uint64(1)
	if left, ok := what.(leftOut); ok {
		stands = left.Count
	}
	if l.closed {
		return
	}
	text, err := json.Marshal(what)
	if err != nil || len(l.lines) >= queued {
		l.lost += stands
		return
	}
	if l.lost > 0 {
		l.lines = append(l.lines, line{stands: l.lost})
		l.lost = 0
	}
	l.lines = append(l.lines, line{append(registry.Legible(text), '\n'), stands})
	l.more.Broadcast()
}

// lostLine is the line about lines that could not be written.
func (l *Log) lostLine(n uint64) []byte {
	return fmt.Appendf(nil, "{\"time\":%q,\"event\":\"lost\",\"count\":%d}\n", l.cfg.Now().UTC().Format(time.RFC3339Nano), n)
}

// run writes lines until the end.
func (l *Log) run() {
	defer close(l.done)
	w := &writer{problem: l.cfg.Problem, told: l.lostLine}
	defer w.close()
	for {
		l.mu.Lock()
		for l.next == nil && !l.closed && (len(l.lines) == 0 || w.out == nil) {
			l.more.Wait()
		}
		next, lines, closed := l.next, l.lines, l.closed
		if l.next = nil; next != nil || w.out != nil {
			l.lines = nil
		}
		l.mu.Unlock()
		if next != nil {
			w.use(next)
		}
		if w.out == nil {
			return // closed, and there never was a file
		}
		w.write(lines)
		if closed {
			l.mu.Lock()
			w.lost += l.lost
			l.mu.Unlock()
			w.tell()
			return
		}
	}
}
