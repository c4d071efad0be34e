package lobby

import (
	"errors"
	"net/netip"
	"slices"
	"testing"
)

// crowd makes guests, and remembers in which order they were let go.
type crowd struct {
	t    *testing.T
	gone []string
}

func (c *crowd) enter(l *Lobby, name, address string) *Guest {
	c.t.Helper()
	return l.Enter(netip.MustParseAddr(address), func() { c.gone = append(c.gone, name) })
}

func (c *crowd) want(gone ...string) {
	c.t.Helper()
	if !slices.Equal(c.gone, gone) {
		c.t.Errorf("gone are %q, want %q", c.gone, gone)
	}
	c.gone = nil
}

func house(hello, answer int) *House {
	return NewHouse(Limits{Stages: [stages]int{hello, answer}, Total: 1000, Share: 1000})
}

// TestFullestNetworkGoes: over the budget, the oldest of the fullest network
// goes, and never the newcomer.
func TestFullestNetworkGoes(t *testing.T) {
	c, l := &crowd{t: t}, house(5, 5).Lobby(1)
	c.enter(l, "honest", "192.0.2.1")
	c.enter(l, "v6", "2001:db8::1")
	c.enter(l, "bad 1", "192.0.2.2")
	c.enter(l, "bad 2", "::ffff:192.0.2.2") // the same
	c.enter(l, "v6 too", "2001:db8::ffff:1")
	c.want()
	c.enter(l, "bad 3", "192.0.2.2")
	c.want("bad 1")
	c.enter(l, "v6 three", "2001:db8:0:0:7::")
	c.want("v6")
	c.enter(l, "other", "2001:db8:0:1::1")
	c.want("v6 too") // of two fullest, the one that came first
}

// TestOrderWithoutAddress: peers without an address are one network.
func TestOrderWithoutAddress(t *testing.T) {
	c, l := &crowd{t: t}, house(2, 2).Lobby(1)
	for _, name := range []string{"a", "b", "c"} {
		l.Enter(netip.Addr{}, func() { c.gone = append(c.gone, name) })
	}
	c.want("a")
}

// TestProgressProtects: who has said a whole hello is not pushed out by those
// who have not, nor the other way round, behind one address.
func TestProgressProtects(t *testing.T) {
	c, l := &crowd{t: t}, house(3, 2).Lobby(1)
	const here = "192.0.2.1"
	honest := c.enter(l, "honest", here)
	honest.Work()
	honest.Wait()
	for range 100 {
		c.enter(l, "half", here)
	}
	if len(c.gone) != 97 || slices.Contains(c.gone, "honest") {
		t.Errorf("%d are gone of 100 half hellos: %q", len(c.gone), c.gone)
	}
	c.gone = nil
	next := c.enter(l, "next", here) // the newest of three
	c.want("half")
	stalled := func(name string) *Guest {
		g := c.enter(l, name, here)
		g.Work()
		g.Wait()
		return g
	}
	honest.Leave()
	c.gone = nil
	for range 100 {
		stalled("whole")
	}
	if slices.Contains(c.gone, "next") {
		t.Error("whole hellos pushed out who has just come")
	}
	c.gone = nil
	next.Work()
	next.Wait()
	c.want("whole")
	next.Leave()
}

// TestSmallPiecesKeepNobodyYoung: who sends the answer byte by byte is as old as
// he is, and is not let go while his byte is worked on.
func TestSmallPiecesKeepNobodyYoung(t *testing.T) {
	c, l := &crowd{t: t}, house(9, 2).Lobby(1)
	enter := func(name string) *Guest {
		g := c.enter(l, name, "192.0.2.1")
		g.Work()
		g.Wait()
		return g
	}
	drip, b := enter("drip"), enter("b")
	drip.Work()
	enter("c")
	c.want("b") // the older one computes
	drip.Wait()
	enter("d")
	c.want("drip")
	if err := drip.Work(); !errors.Is(err, ErrLetGo) {
		t.Errorf("who was let go may go on: %v", err)
	}
	drip.Wait()
	b.Leave()
	if n := l.Waiting(Answer); n != 2 {
		t.Errorf("%d wait, want 2", n)
	}
}

// TestHouse: the whole process has limits, and nobody else pays for the owner
// with the most.
func TestHouse(t *testing.T) {
	c := &crowd{t: t}
	h := NewHouse(Limits{Stages: [stages]int{100, 100}, Total: 10, Share: 7})
	mine, more, theirs := h.Lobby(1), h.Lobby(1), h.Lobby(2)
	c.enter(theirs, "theirs", "192.0.2.1")
	for range 5 {
		c.enter(mine, "mine", "192.0.2.2")
	}
	c.enter(more, "more", "192.0.2.2")
	c.enter(more, "more", "192.0.2.2")
	c.want()
	c.enter(more, "more", "192.0.2.2")
	c.want("mine")
	for range 4 {
		c.enter(theirs, "theirs", "192.0.2.9")
	}
	c.want("mine", "mine") // 7 and 3, then 6 and 4
	if !h.Relieve() {
		t.Error("nobody goes when descriptors have run out")
	}
	if len(c.gone) != 1 || h.Gone() != 4 {
		t.Errorf("%q are gone, %d in all", c.gone, h.Gone())
	}
	if NewHouse(Limits{}).Relieve() {
		t.Error("somebody went from an empty house")
	}
}

// TestLeave: nothing is left of guests who leave, whatever they were doing.
func TestLeave(t *testing.T) {
	h := house(4, 4)
	l := h.Lobby(1)
	c := &crowd{t: t}
	a, b, d, e := c.enter(l, "a", "192.0.2.1"), c.enter(l, "b", "192.0.2.1"),
		c.enter(l, "d", "192.0.2.3"), c.enter(l, "e", "192.0.2.4")
	b.Work()
	d.Work()
	d.Wait()
	e.Work()
	e.Wait()
	e.Work()
	for _, g := range []*Guest{a, b, d, e} {
		g.Leave()
		g.Leave()
		g.Wait() // of no effect any more
	}
	c.want()
	if h.total != 0 || len(h.owners) != 0 || l.guests() != 0 || len(l.rooms[0].full) != 0 ||
		len(l.rooms[1].full) != 0 || len(l.rooms[0].lines) != 0 {
		t.Errorf("%d guests are left of none", h.total)
	}
}
