package socket

import (
	"fmt"
	"log/slog"
	"maps"
	"net"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/ssatest"
	"golang.org/x/sys/unix"
)

// walkEnv names the file that TestWalk writes what it has seen to, for
// test/model.
const walkEnv = "SSA_TEST_WALK"

// edge is an operation in a state.
type edge struct{ state, operation string }

// outcomeOf is what an operation did: its result, and the state that follows.
type outcomeOf struct{ result, state string }

// walk does every operation of acts in every state that can be reached.
type walk struct {
	t       *testing.T
	rules   *policy.Policy
	leaf    *ssatest.Issued
	peer    *tcpPeer
	seen    map[edge]outcomeOf
	enabled map[string][]string // operations by state
	drawn   drawn
}

// TestWalk takes one socket through every operation in every state that it
// comes to, against an engine that ends handshakes and connections as it is
// told. A state and an operation alone decide what follows, the program is never
// told anything twice or late, no byte reaches the network in plain text, and
// nothing is left of a closed socket. test/model compares what is seen here
// with a formal model.
func TestWalk(t *testing.T) {
	a := ssatest.NewAuthority(t)
	w := &walk{t: t, peer: newTCPPeer(t), seen: map[edge]outcomeOf{}, enabled: map[string][]string{},
		leaf: a.Issue(t, ssatest.Leaf{Names: []string{"localhost"}})}
	var err error
	if w.rules, err = policy.Parse("test",
		[]byte("default: {trust: {roots: ["+a.File(t)+"]}}")); err != nil {
		t.Fatal(err)
	}
	for _, first := range []string{"fresh", "plain"} {
		for w.life(first) {
			if t.Failed() {
				return
			}
		}
	}
	w.drawn.check(t)
	t.Logf("%d states, %d operations in states", len(w.enabled), len(w.seen))
	if name := os.Getenv(walkEnv); name != "" {
		if err := os.WriteFile(name, w.report(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func (w *walk) report() []byte {
	var lines []string
	for e, o := range w.seen {
		lines = append(lines, fmt.Sprintf("%s | %s | %s | %s\n", e.state, e.operation, o.result, o.state))
	}
	slices.Sort(lines)
	return []byte(strings.Join(lines, ""))
}

// life leads one socket from its beginning to where nothing new can be reached
// from, and reports whether it did something new.
func (w *walk) life(first string) (fresh bool) {
	l := newLife(w, first)
	defer l.close()
	at := l.observe()
	w.know(l, at)
	for !w.t.Failed() {
		path := w.nearest(at)
		if path == nil {
			return fresh
		}
		for _, name := range path {
			e := edge{at, name}
			result := l.do(name)
			o := outcomeOf{result, l.observe()}
			was, again := w.seen[e]
			fresh = fresh || !again
			if again && was != o {
				w.t.Errorf("in %q, %s: %s, then %q; once it was %s, then %q.\nThe path: %s", at, name, o.result, o.state,
					was.result, was.state, strings.Join(l.path, "; "))
				return fresh
			}
			w.seen[e] = o
			at = o.state
			w.know(l, at)
			if at == gone || w.t.Failed() {
				return fresh
			}
		}
	}
	return fresh
}

// know notes what can be done in a state.
func (w *walk) know(l *life, state string) {
	if _, known := w.enabled[state]; known {
		return
	}
	w.enabled[state] = nil
	for _, name := range slices.Sorted(maps.Keys(acts)) {
		if acts[name].may(l) {
			w.enabled[state] = append(w.enabled[state], name)
		}
	}
}

// nearest returns the shortest way to an operation that has not been done, and
// that; nil when there is none that can be reached.
func (w *walk) nearest(from string) []string {
	type place struct {
		state string
		path  []string
	}
	visited := map[string]bool{from: true}
	for todo := []place{{from, nil}}; len(todo) > 0; todo = todo[1:] {
		p := todo[0]
		for _, name := range w.enabled[p.state] {
			path := append(slices.Clip(p.path), name)
			o, done := w.seen[edge{p.state, name}]
			if !done {
				return path
			}
			if !visited[o.state] {
				visited[o.state] = true
				todo = append(todo, place{o.state, path})
			}
		}
	}
	return nil
}

// tcpPeer takes TCP connections and anything that comes over them.
type tcpPeer struct {
	l     *net.TCPListener
	conns chan *net.TCPConn
}

func newTCPPeer(t *testing.T) *tcpPeer {
	l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	p := &tcpPeer{l, make(chan *net.TCPConn, 64)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.AcceptTCP()
			if err != nil {
				return
			}
			p.conns <- c
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return p
}

func (w *walk) table(l *life) *Table {
	table := NewTable(Config{Engine: l.stage, Policy: w.rules, Resolver: net.DefaultResolver,
		Ends: l.caller.rig.made, Log: slog.New(slog.DiscardHandler)})
	table.changed = w.drawn.saw
	return table
}

func errnoName(err error) string {
	switch errno := errnoOf(err); {
	case err == ErrPending:
		return "pending"
	case errno == ok:
		return "ok"
	default:
		return unix.ErrnoName(unix.Errno(errno))
	}
}
