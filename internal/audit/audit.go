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

	"github.com/secure-socket-api/ssa/internal/registry"
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
	lines  [][]byte
	lost   uint64 // lines for which there was no room
	ready  bool   // there is a file
	closed bool
	users  map[uint32]*allowance

	// fileMu is held while lines are written, so that a file is only closed
	// behind them.
	fileMu sync.Mutex
	file   *os.File // nil before the first one
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
// when the one before was rotated.
func (l *Log) SetFile(file *os.File) {
	l.fileMu.Lock()
	old := l.file
	l.file = file
	if old != nil {
		old.Close()
	}
	l.fileMu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ready = true
	l.more.Broadcast()
}

// Close writes what waits, if there is a file, and ends the Log.
func (l *Log) Close() {
	l.mu.Lock()
	l.closed = true
	for uid, a := range l.users {
		if a.leftOut > 0 {
			l.addLocked(leftOut{l.cfg.Now().UTC(), "left-out", uid, a.leftOut})
		}
	}
	l.more.Broadcast()
	l.mu.Unlock()
	<-l.done
	l.fileMu.Lock()
	defer l.fileMu.Unlock()
	if l.file != nil {
		l.file.Close()
	}
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
	a := l.allowanceLocked(f.Program.UID, now)
	if !a.take(now) {
		return
	}
	if a.leftOut > 0 {
		l.addLocked(leftOut{now.UTC(), "left-out", f.Program.UID, a.leftOut})
		a.leftOut = 0
	}
	l.addLocked(struct {
		Event string `json:"event"`
		registry.Refusal
	}{"refused", f})
}

func (l *Log) addLocked(line any) {
	text, err := json.Marshal(line)
	if err != nil || len(l.lines) >= queued {
		l.lost++
		return
	}
	if l.lost > 0 {
		text = fmt.Appendf(nil, "{\"time\":%q,\"event\":\"lost\",\"count\":%d}\n%s", l.cfg.Now().UTC().Format(time.RFC3339Nano), l.lost, text)
		l.lost = 0
	}
	l.lines = append(l.lines, append(text, '\n'))
	l.more.Broadcast()
}

// run writes lines until the end.
func (l *Log) run() {
	defer close(l.done)
	failing := false
	for {
		l.mu.Lock()
		for !l.closed && (len(l.lines) == 0 || !l.ready) {
			l.more.Wait()
		}
		if len(l.lines) == 0 || !l.ready {
			l.mu.Unlock()
			return
		}
		lines := l.lines
		l.lines = nil
		l.mu.Unlock()
		if err := l.write(lines); err != nil && !failing {
			failing = true
			l.cfg.Problem(fmt.Errorf("writing the audit log: %w", err))
		} else if err == nil {
			failing = false
		}
	}
}

// write appends lines, each with one write, so that others who append to the
// same file do not come between.
func (l *Log) write(lines [][]byte) error {
	l.fileMu.Lock()
	defer l.fileMu.Unlock()
	for _, line := range lines {
		if _, err := l.file.Write(line); err != nil {
			return err
		}
	}
	return nil
}
