package relay

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// TestCut: Cut ends a relay whatever it waits for, in a goroutine or without.
func TestCut(t *testing.T) {
	for name, prepare := range map[string]func(t *testing.T, opts rigOptions) *rig{
		"waiting": func(t *testing.T, opts rigOptions) *rig { return newRig(t, opts) },
		"idle":    idleRig,
		"half-closed": func(t *testing.T, opts rigOptions) *rig {
			r := idleRig(t, opts)
			r.guardedShutdown(t)
			expectRead(t, "the peer", r.peer, nil, nil)
			return r
		},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, opts rigOptions) {
				ssatest.NoLeaks(t)
				r := prepare(t, opts)
				r.relay.Cut()
				if end := r.end(); end.Err == nil {
					t.Error("the relay says that it ended well")
				}
				if _, err := io.ReadAll(r.peerTCP); !errors.Is(err, syscall.ECONNRESET) {
					t.Errorf("the peer then read %v, want ECONNRESET", describe(err))
				}
			})
		})
	}
}

// panicking panics when the relay writes to the program.
type panicking struct{ Stream }

func (s panicking) SyscallConn() (syscall.RawConn, error) {
	raw, err := s.Stream.SyscallConn()
	return panickingConn{raw}, err
}

type panickingConn struct{ syscall.RawConn }

func (panickingConn) Write(func(fd uintptr) bool) error { panic("a bug in receiving") }

// TestBug: a panic of either half cuts the connection, and is how it ended.
func TestBug(t *testing.T) {
	bug := func(c *Config) { c.Bug = func(r any) error { return fmt.Errorf("bug: %v", r) } }
	for name, test := range map[string]struct {
		change func(*Config)
		move   func(t *testing.T, r *rig)
	}{
		"bug: a bug in receiving": {
			func(c *Config) { c.Plaintext = panicking{c.Plaintext} },
			func(t *testing.T, r *rig) { mustWrite(t, r.peer, []byte("x")) },
		},
		"bug: a bug in sending": {
			func(c *Config) { c.Abortive = func() bool { panic("a bug in sending") } },
			func(t *testing.T, r *rig) { must(t, r.program.Close()) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, opts rigOptions) {
				ssatest.NoLeaks(t)
				opts.change = func(c *Config) { test.change(c); bug(c) }
				r := idleRig(t, opts)
				test.move(t, r)
				if end := r.end(); end.Err == nil || end.Err.Error() != name {
					t.Errorf("the relay ended with %v, want %q", end.Err, name)
				}
				if _, err := io.ReadAll(r.peerTCP); !errors.Is(err, syscall.ECONNRESET) {
					t.Errorf("the peer then read %v, want ECONNRESET", describe(err))
				}
				if name != "bug: a bug in sending" { // there it has gone
					expectRead(t, "the program", r.program, nil, syscall.ECONNRESET)
				}
			})
		})
	}
}

// TestIdleReceiving: what only a half that receives may meet.
func TestIdleReceiving(t *testing.T) {
	t.Run("a record has begun", func(t *testing.T) {
		ssatest.NoLeaks(t)
		r := idleRig(t, rigOptions{})
		before := r.relay.wire.arrivals.reads.Load()
		record := r.encrypt(t, []byte("whole"))[0]
		mustWrite(t, r.peerTCP, record[:len(record)-1])
		ssatest.Await(t, "it has the beginning",
			func() bool { return r.relay.wire.arrivals.reads.Load() != before })
		half := r.halves()[1]
		r.relay.cfg.Idle.unwatch(half) // as when it is asked after a look
		for range 100 {                // it waits on, with the beginning in hand
			half.askToIdle()
			runtime.Gosched()
		}
		mustWrite(t, r.peerTCP, record[len(record)-1:])
		got := make([]byte, 5)
		if _, err := io.ReadFull(r.program, got); err != nil || string(got) != "whole" {
			t.Errorf("the program read %q, %v", got, err)
		}
		ssatest.Await(t, "it is idle, by itself, another time", func() bool { return isIdle(half) })
	})
	t.Run("nobody is left to receive for", func(t *testing.T) {
		ssatest.NoLeaks(t)
		r := idleRig(t, rigOptions{change: func(c *Config) { c.Linger = time.Millisecond }})
		must(t, r.program.Close()) // the peer stays
		if end := r.expectEnd(t, nil); end.SendErr != nil {
			t.Errorf("sending ended with %v", end.SendErr)
		}
	})
	t.Run("the peer resets", func(t *testing.T) {
		ssatest.NoLeaks(t)
		r := idleRig(t, rigOptions{})
		must(t, r.peerTCP.SetLinger(0))
		must(t, r.peerTCP.Close())
		expectRead(t, "the program", r.program, nil, syscall.ECONNRESET)
		if end := r.end(); !errors.Is(end.Err, syscall.ECONNRESET) {
			t.Errorf("the relay ended with %v, want ECONNRESET", end.Err)
		}
	})
}
