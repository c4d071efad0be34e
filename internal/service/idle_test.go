package service

import (
	"errors"
	"log/slog"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// TestIdleCallersMakeRoom: when there is no room for a caller, one that has
// nothing open goes, the one that has been idle for longest of the user who has
// the most; none who has something open, or less than the newcomer.
func TestIdleCallersMakeRoom(t *testing.T) {
	rules, err := policy.Parse("p.yaml", []byte("default: {}"))
	if err != nil {
		t.Fatal(err)
	}
	s := New(Config{Policy: rules, Log: slog.New(slog.DiscardHandler), Limits: Limits{Callers: 8}})
	var all []*caller
	come := func(user uint32) (*caller, bool) {
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		other := sys.Own(pair[1])
		t.Cleanup(func() { other.Close() })
		c, err := newCaller(s, sys.Own(pair[0]))
		if err != nil && !errors.Is(err, errTurnedAway) {
			t.Fatal(err)
		}
		if err == nil { // as if another user had come
			s.users.caller(c.owner, -1)
			c.counted = false
		} else {
			c = &caller{service: s}
		}
		c.owner = user
		if !s.room(c) {
			return c, false
		}
		s.mu.Lock()
		s.callers[c] = true
		s.mu.Unlock()
		all = append(all, c)
		return c, true
	}
	a, _ := come(1)
	b, _ := come(1)
	kept, _ := come(1)
	busy, _ := come(1)
	kept.mu.Lock()
	kept.conns[7] = &connection{}
	kept.mu.Unlock()
	if !busy.begin() || !a.begin() {
		t.Fatal("a caller is not served")
	}
	a.done() // so that b has been idle for longer
	if _, ok := come(1); !ok {
		t.Error("a fifth caller is turned away although others of the user are idle")
	}
	if b.ctx.Err() == nil || a.ctx.Err() != nil || kept.ctx.Err() != nil || busy.ctx.Err() != nil {
		t.Errorf("gone are a %v, b %v, the one with a connection %v and the busy one %v; want b", a.ctx.Err(), b.ctx.Err(), kept.ctx.Err(), busy.ctx.Err())
	}
	if b.begin() {
		t.Error("a caller that was let go is served")
	}
	for user := uint32(2); user < 8; user++ {
		if _, ok := come(user); !ok {
			t.Errorf("user %d, who has nothing, finds no room while others have idle callers", user)
		}
	}
	if kept.ctx.Err() != nil || busy.ctx.Err() != nil {
		t.Error("a caller with something open had to go")
	}
	kept.conns = map[uint64]*connection{}
	for _, c := range all {
		c.end()
	}
	if s.users.callers.sum != 0 {
		t.Errorf("%d callers are counted of none", s.users.callers.sum)
	}
}
