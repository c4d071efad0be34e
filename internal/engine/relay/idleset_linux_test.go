package relay

import (
	"io"
	"os"
	"syscall"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// idleRig returns a connection both halves of which are idle.
func idleRig(t *testing.T, opts rigOptions) *rig {
	t.Helper()
	set := NewIdleSet()
	t.Cleanup(set.Close) // after the relay has ended
	change := opts.change
	opts.change = func(c *Config) {
		c.Idle = set
		if change != nil {
			change(c)
		}
	}
	r := newRig(t, opts)
	r.awaitIdle(t)
	return r
}

// awaitIdle waits until both halves are idle.
func (r *rig) awaitIdle(t *testing.T) {
	t.Helper()
	for _, half := range r.halves() {
		ssatest.Await(t, "it is idle", func() bool {
			if isIdle(half) {
				return true
			}
			half.askToIdle()
			return false
		})
	}
}

// halves returns what the sending and the receiving half wait for.
func (r *rig) halves() [2]*waiter {
	return [2]*waiter{&r.relay.source.waiter, &r.relay.wire.arrivals}
}

func isIdle(s *waiter) bool {
	s.idleMu.Lock()
	defer s.idleMu.Unlock()
	return s.idle
}

// Whatever ends or moves, an idle connection does as any other.
func TestIdle(t *testing.T) {
	for name, test := range map[string]func(t *testing.T, r *rig){
		"the program writes": func(t *testing.T, r *rig) {
			for range 3 {
				mustWrite(t, r.program, []byte("ping"))
				got := make([]byte, 4)
				if _, err := io.ReadFull(r.peer, got); err != nil || string(got) != "ping" {
					t.Fatalf("the peer read %q, %v", got, err)
				}
				r.awaitIdle(t)
				mustWrite(t, r.peer, []byte("pong"))
				if _, err := io.ReadFull(r.program, got); err != nil || string(got) != "pong" {
					t.Fatalf("the program read %q, %v", got, err)
				}
				if !isIdle(r.halves()[0]) {
					t.Error("receiving has woken the sending half")
				}
			}
		},
		"the program shuts down": func(t *testing.T, r *rig) {
			must(t, r.program.CloseWrite())
			expectRead(t, "the peer", r.peer, nil, nil)
			mustWrite(t, r.peer, []byte("late"))
			r.peerShutdown(t)
			expectRead(t, "the program", r.program, []byte("late"), nil)
			r.expectEnd(t, nil)
		},
		"the program closes": func(t *testing.T, r *rig) {
			must(t, r.program.Close())
			expectRead(t, "the peer", r.peer, nil, nil)
			must(t, r.peerTCP.Close())
			r.expectEnd(t, nil)
		},
		"a guarded end": func(t *testing.T, r *rig) {
			r.guardedShutdown(t)
			expectRead(t, "the peer", r.peer, nil, nil)
			must(t, r.peerTCP.CloseWrite())
			expectRead(t, "the program", r.program, nil, syscall.ECONNRESET)
			r.expectEnd(t, ErrTruncated)
		},
		"the peer ends": func(t *testing.T, r *rig) {
			r.peerShutdown(t)
			expectRead(t, "the program", r.program, nil, nil)
			mustWrite(t, r.program, []byte("answer"))
			must(t, r.program.Close())
			expectRead(t, "the peer", r.peer, []byte("answer"), nil)
			r.expectEnd(t, nil)
		},
		"the peer is cut off": func(t *testing.T, r *rig) {
			must(t, r.peerTCP.CloseWrite())
			expectRead(t, "the program", r.program, nil, syscall.ECONNRESET)
			r.expectEnd(t, ErrTruncated)
		},
		"the set closes": func(t *testing.T, r *rig) {
			r.relay.cfg.Idle.Close()
			mustWrite(t, r.program, []byte("ping"))
			got := make([]byte, 4)
			if _, err := io.ReadFull(r.peer, got); err != nil || string(got) != "ping" {
				t.Fatalf("the peer read %q, %v", got, err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, opts rigOptions) {
				ssatest.NoLeaks(t)
				test(t, idleRig(t, opts))
			})
		})
	}
}

// A wake that comes late, for a key that was given up, wakes nobody.
func TestStaleWake(t *testing.T) {
	r := idleRig(t, rigOptions{})
	s, set := r.halves()[0], r.relay.cfg.Idle
	key := func() uint32 {
		s.idleMu.Lock()
		defer s.idleMu.Unlock()
		return s.key
	}
	before := key()
	mustWrite(t, r.program, []byte("ping"))
	got := make([]byte, 4)
	if _, err := io.ReadFull(r.peer, got); err != nil || string(got) != "ping" {
		t.Fatalf("the peer read %q, %v", got, err)
	}
	r.awaitIdle(t)
	if key() == before {
		t.Error("a key is used again at once")
	}
	set.wake(before)
	s.wakeFor(before)
	if !isIdle(s) {
		t.Error("a stale wake has woken a connection")
	}
	set.wake(key())
	if isIdle(s) {
		t.Error("a wake has not woken the connection")
	}
}

// A half that was asked to become idle does not if it was guarded or pinned since
// then: a byte that is not to be read would wake it at once, and epoll does not
// tell of a descriptor that was closed.
func TestAskedInVain(t *testing.T) {
	for name, change := range map[string]func(s *source){"guarded": (*source).guard,
		"pinned": func(s *source) { s.pin() }} {
		set := NewIdleSet()
		plaintext, program := plaintextPair(t)
		s := newSource(plaintext)
		s.set, s.resume = set, func() { t.Errorf("%s: woken", name) }
		s.askToIdle()
		change(s)
		if err := s.interrupted(os.ErrDeadlineExceeded); err != nil || s.idle || len(set.idle) > 0 {
			t.Errorf("%s: idle, or %v", name, err)
		}
		if s.askToIdle(); s.asked {
			t.Errorf("%s: asked to become idle", name)
		}
		must(t, plaintext.Close())
		must(t, program.Close())
		set.Close()
	}
}

// To what nothing came between two sweeps, that is asked to become idle, what read is not.
func TestIdleSetSweeps(t *testing.T) {
	set := NewIdleSet()
	defer set.Close()
	r := newRig(t, rigOptions{change: func(c *Config) { c.Idle = set }})
	for _, half := range r.halves() {
		ssatest.Await(t, "it is idle, whatever the timer did before", func() bool {
			if isIdle(half) {
				return true
			}
			set.sweep()
			return false
		})
	}
	busy := &waiter{raw: r.relay.source.raw, stream: r.relay.source.stream}
	set.watch(busy)
	defer set.unwatch(busy)
	for range 3 {
		busy.reads.Add(1)
		set.sweep()
	}
	if busy.asked {
		t.Error("what reads was asked to become idle")
	}
}

// A set that is closed begins nothing any more.
func TestClosedIdleSet(t *testing.T) {
	set := NewIdleSet()
	set.Close()
	plaintext, program := plaintextPair(t)
	defer plaintext.Close()
	defer program.Close()
	s := &newSource(plaintext).waiter
	set.watch(s)
	s.reads.Add(1)
	set.sweep()
	if set.timer != nil {
		t.Error("the timer runs")
	}
	if set.add(s) || set.poller != nil {
		t.Error("a connection was taken")
	}
}

// Without anything asked for, the timer makes a connection idle.
func TestIdleByTimer(t *testing.T) {
	set := NewIdleSet()
	defer set.Close()
	r := newRig(t, rigOptions{change: func(c *Config) { c.Idle = set }})
	for _, half := range r.halves() {
		ssatest.Await(t, "the timer has made it idle", func() bool { return isIdle(half) })
	}
}
