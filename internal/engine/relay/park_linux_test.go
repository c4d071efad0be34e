package relay

import (
	"io"
	"os"
	"syscall"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// parkedRig returns a connection both halves of which have parked.
func parkedRig(t *testing.T, opts rigOptions) *rig {
	t.Helper()
	lot := NewLot()
	t.Cleanup(lot.Close) // after the relay has ended
	change := opts.change
	opts.change = func(c *Config) {
		c.Lot = lot
		if change != nil {
			change(c)
		}
	}
	r := newRig(t, opts)
	r.park(t)
	return r
}

// park waits until both halves have parked.
func (r *rig) park(t *testing.T) {
	t.Helper()
	for _, half := range r.halves() {
		ssatest.Await(t, "it has parked", func() bool {
			if isParked(half) {
				return true
			}
			half.ask()
			return false
		})
	}
}

// halves returns what the sending and the receiving half wait for.
func (r *rig) halves() [2]*sleeper {
	return [2]*sleeper{&r.relay.source.sleeper, &r.relay.wire.arrivals}
}

func isParked(s *sleeper) bool {
	s.restMu.Lock()
	defer s.restMu.Unlock()
	return s.parked
}

// Whatever ends or moves, a parked connection does as any other.
func TestParked(t *testing.T) {
	for name, test := range map[string]func(t *testing.T, r *rig){
		"the program writes": func(t *testing.T, r *rig) {
			for range 3 {
				mustWrite(t, r.program, []byte("ping"))
				got := make([]byte, 4)
				if _, err := io.ReadFull(r.peer, got); err != nil || string(got) != "ping" {
					t.Fatalf("the peer read %q, %v", got, err)
				}
				r.park(t)
				mustWrite(t, r.peer, []byte("pong"))
				if _, err := io.ReadFull(r.program, got); err != nil || string(got) != "pong" {
					t.Fatalf("the program read %q, %v", got, err)
				}
				if !isParked(r.halves()[0]) {
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
		"the lot closes": func(t *testing.T, r *rig) {
			r.relay.cfg.Lot.Close()
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
				test(t, parkedRig(t, opts))
			})
		})
	}
}

// A wake that comes late, for a place that was given up, wakes nobody.
func TestStaleWake(t *testing.T) {
	r := parkedRig(t, rigOptions{})
	s, lot := r.halves()[0], r.relay.cfg.Lot
	place := func() uint32 {
		s.restMu.Lock()
		defer s.restMu.Unlock()
		return s.place
	}
	before := place()
	mustWrite(t, r.program, []byte("ping"))
	got := make([]byte, 4)
	if _, err := io.ReadFull(r.peer, got); err != nil || string(got) != "ping" {
		t.Fatalf("the peer read %q, %v", got, err)
	}
	r.park(t)
	if place() == before {
		t.Error("a place is used again at once")
	}
	lot.wake(before)
	s.unpark(before)
	if !isParked(s) {
		t.Error("a stale wake has woken a connection")
	}
	lot.wake(place())
	if isParked(s) {
		t.Error("a wake has not woken the connection")
	}
}

// Who was asked to park does not if it was guarded or is to stay since then: a
// byte that is not to be read would wake it at once, and nobody what was closed.
func TestAskedInVain(t *testing.T) {
	for name, change := range map[string]func(s *source){"guarded": (*source).guard, "stays": func(s *source) { s.stay() }} {
		lot := NewLot()
		plain, program := plainPair(t)
		s := newSource(plain)
		s.lot, s.resume = lot, func() { t.Errorf("%s: woken", name) }
		s.ask()
		change(s)
		if err := s.interrupted(os.ErrDeadlineExceeded); err != nil || s.parked || len(lot.parked) > 0 {
			t.Errorf("%s: parked, or %v", name, err)
		}
		if s.ask(); s.asked {
			t.Errorf("%s: asked to park", name)
		}
		must(t, plain.Close())
		must(t, program.Close())
		lot.Close()
	}
}

// To what nothing came between two looks, that is asked to park, what moved is not.
func TestLotLooks(t *testing.T) {
	lot := NewLot()
	defer lot.Close()
	r := newRig(t, rigOptions{change: func(c *Config) { c.Lot = lot }})
	for _, half := range r.halves() {
		ssatest.Await(t, "it has parked, whatever the timer did before", func() bool {
			if isParked(half) {
				return true
			}
			lot.look()
			return false
		})
	}
	busy := &sleeper{raw: r.relay.source.raw, stream: r.relay.source.stream}
	lot.watch(busy)
	defer lot.forget(busy)
	for range 3 {
		busy.moves.Add(1)
		lot.look()
	}
	if busy.asked {
		t.Error("what moves was asked to park")
	}
}

// A lot that is closed begins nothing any more.
func TestClosedLot(t *testing.T) {
	lot := NewLot()
	lot.Close()
	plain, program := plainPair(t)
	defer plain.Close()
	defer program.Close()
	s := &newSource(plain).sleeper
	lot.watch(s)
	s.moves.Add(1)
	lot.look()
	if lot.timer != nil {
		t.Error("the timer runs")
	}
	if lot.add(s) || lot.poller != nil {
		t.Error("a connection was taken")
	}
}

// Without anything asked for, the timer parks.
func TestLotParksByItself(t *testing.T) {
	lot := NewLot()
	defer lot.Close()
	r := newRig(t, rigOptions{change: func(c *Config) { c.Lot = lot }})
	for _, half := range r.halves() {
		ssatest.Await(t, "the timer has parked it", func() bool { return isParked(half) })
	}
}
