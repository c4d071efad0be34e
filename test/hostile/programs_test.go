//go:build linux

package hostile

import (
	"fmt"
	"regexp"
	"slices"
	"testing"
)

// TestWildCalls: 54 sockets, 11 calls each, with pointers into nowhere.
func TestWildCalls(t *testing.T) {
	w := newWorld(t)
	got := w.start(t, "wild", 1, 0).Finish()
	// A bind to (garbage, 0) and the like may be allowed by nobody.
	if !slices.Equal(got, []string{"0 of 594 wild calls succeeded", "exit status 0"}) {
		t.Errorf("the program printed %q", got)
	}
}

// TestCloseRaces: descriptors that are closed and become something else while
// a call on them is under way.
func TestCloseRaces(t *testing.T) {
	w := newWorld(t)
	l := w.network.Listen(t)
	defer echo(l)()
	if got := w.start(t, "close-race", l.Port(), 1500).Finish(); !slices.Contains(got, "survived") {
		t.Errorf("the program printed %q", got)
	}
}

// TestKilledAtAnyMoment: children die in the middle of socket, setsockopt,
// connect and write, and others go on.
func TestKilledAtAnyMoment(t *testing.T) {
	w := newWorld(t)
	l := w.network.Listen(t)
	defer echo(l)()
	p := w.start(t, "killed-children", l.Port(), 300)
	if got := p.Finish(); !slices.Equal(got, []string{"afterwards: works", "exit status 0"}) {
		t.Errorf("the program printed %q\n%s", got, p)
	}
}

// TestHalfOpen: connects that never get an answer, up to 10,000 or whatever the
// limits allow, do not keep anybody else from working, and all of it is given
// back when the program goes.
func TestHalfOpen(t *testing.T) {
	w := newWorld(t)
	silent := w.network.Listen(t) // the kernel takes them; nobody answers
	p := w.start(t, "half-open", silent.Port(), 10000)
	numbers := regexp.MustCompile(`(\d+) refused (\d+)`).FindStringSubmatch(p.Wait("started"))
	if len(numbers) != 3 || numbers[1] == "0" {
		t.Fatalf("no connect was started: %q", numbers)
	}
	t.Logf("%s started, %s refused by limits", numbers[1], numbers[2])
	p.Wait("open")
	l := w.network.Listen(t)
	defer echo(l)()
	if got := w.start(t, "many", l.Port(), 20).Finish(); !slices.Equal(got,
		[]string{"20 connections", "exit status 0"}) {
		t.Errorf("meanwhile another program printed %q", got)
	}
	p.GoOn()
	if got := p.Finish(); !slices.Equal(got, []string{"exit status 0"}) {
		t.Errorf("the program printed %q", got)
	}
}

// TestOthersGoOn: under one ssa, a program that misbehaves does not disturb
// another one.
func TestOthersGoOn(t *testing.T) {
	w := newWorld(t)
	l := w.network.Listen(t)
	defer echo(l)()
	p := w.shell(t, fmt.Sprintf(`"$1" wild %[1]s & "$1" killed-children %[1]s bytes=60 & "$1" close-race %[1]s bytes=200 & "$1" many %[1]s bytes=60; wait`, w.settings(l)))
	got := p.Finish()
	for _, line := range []string{"60 connections", "0 of 594 wild calls succeeded",
		"afterwards: works", "survived"} {
		if !slices.Contains(got, line) {
			t.Errorf("no %q; printed %q\n%s", line, got, p)
		}
	}
}

// TestAcceptedByTwo: threads that accept from one listener, with an address and
// without, take connections from each other. Nobody waits for the next one: not
// a client, and not `ssa run` when the program has ended.
func TestAcceptedByTwo(t *testing.T) {
	const clients = 100
	w := newWorld(t)
	p := w.start(t, "accept-both", 0, clients)
	port := p.Port()
	for range clients {
		w.network.Dial(t, port).ExpectEnd().Close()
	}
	if got := p.Finish(); !slices.Equal(got, []string{"100 connections", "exit status 0"}) {
		t.Errorf("the program printed %q", got)
	}
}
