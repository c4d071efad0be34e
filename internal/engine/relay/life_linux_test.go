package relay

import (
	"bytes"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/nettest"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// Two programs, each behind a relay, must see what any net.Conn shows.
func TestConn(t *testing.T) {
	nettest.TestConn(t, func() (net.Conn, net.Conn, func(), error) {
		a, b := tcpPair(t)
		plaintextA, programA := plaintextPair(t)
		plaintextB, programB := plaintextPair(t)
		wireA, wireB := NewWire(a), NewWire(b)
		near, far := handshake(t, wireA, wireB, rigOptions{})
		done := make(chan End, 2)
		go func() { done <- New(Config{TLS: near, Wire: wireA, Plaintext: plaintextA}).Run() }()
		go func() { done <- New(Config{TLS: far, Wire: wireB, Plaintext: plaintextB}).Run() }()
		stop := func() {
			programA.Close()
			programB.Close()
			<-done
			<-done
		}
		return programA, programB, stop, nil
	})
}

// A peer that never ends keeps a program that has gone for the linger time only.
func TestLingerEnds(t *testing.T) {
	r := newRig(t, rigOptions{change: func(c *Config) { c.Linger = time.Millisecond }})
	mustWrite(t, r.program, []byte("last words"))
	must(t, r.program.Close())
	r.expectEnd(t, nil)
	expectRead(t, "the peer", r.peer, []byte("last words"), nil)
}

func TestStopLingering(t *testing.T) {
	for name, early := range map[string]bool{"before the program has gone": true,
		"while lingering": false} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, rigOptions{change: func(c *Config) { c.Linger = time.Hour }})
			if early {
				r.relay.StopLingering()
			}
			data := pattern(1 << 20)
			go func() {
				_, err := r.program.Write(data)
				if err != nil {
					t.Errorf("the program writing: %v", err)
				}
				r.program.Close()
			}()
			expectRead(t, "the peer", r.peer, data, nil)
			r.relay.StopLingering()
			r.relay.StopLingering()
			r.expectEnd(t, nil)
		})
	}
}

// A program's half-close does not end it early.
func TestStopLingeringSparesHalfClose(t *testing.T) {
	r := newRig(t, rigOptions{change: func(c *Config) { c.Linger = time.Nanosecond }})
	r.relay.StopLingering()
	must(t, r.program.CloseWrite())
	expectRead(t, "the peer", r.peer, nil, nil)
	mustWrite(t, r.peer, []byte("late"))
	r.peerShutdown(t)
	expectRead(t, "the program", r.program, []byte("late"), nil)
	r.expectEnd(t, nil)
}

// A peer that takes nothing holds a program that has gone for the stall time only.
func TestStallEnds(t *testing.T) {
	r := unstartedRig(t, rigOptions{change: func(c *Config) { c.Stall = 10 * time.Millisecond }})
	r.narrow(t)
	r.start(t)
	r.overfill(t)
	must(t, r.program.Close())
	if end := r.expectEnd(t, nil); !errors.Is(end.SendErr, errStalled) {
		t.Errorf("sending ended with %v, want %v", end.SendErr, errStalled)
	}
}

// A program that waits for a peer that takes nothing is left alone, however
// often the stall time passes.
func TestStallSparesProgram(t *testing.T) {
	r := newRig(t, rigOptions{change: func(c *Config) { c.Stall = time.Microsecond }})
	data := pattern(16 << 20)
	go func() {
		if _, err := r.program.Write(data); err != nil {
			t.Errorf("the program writing: %v", err)
		}
		r.program.CloseWrite()
	}()
	expectRead(t, "the peer", little{r.peer}, data, nil)
	r.peerShutdown(t)
	expectRead(t, "the program", r.program, nil, nil)
	if end := r.expectEnd(t, nil); end.SendErr != nil {
		t.Errorf("sending ended with %v", end.SendErr)
	}
}

// Programs that close at any moment: all that was written arrives, then a
// close_notify, while the peer is sending too.
func TestProgramClosesAtAnyMoment(t *testing.T) {
	each(t, func(t *testing.T, opts rigOptions) {
		for n := 1; n < 1<<20; n = n*5 + 7 {
			for _, reads := range []int{0, 1, 1000, 100_000} {
				r := newRig(t, opts)
				flood := make(chan struct{})
				go func() {
					defer close(flood)
					for {
						if _, err := r.peer.Write(make([]byte, 5000)); err != nil {
							return // the reset that is due
						}
					}
				}()
				data := pattern(n)
				go func() {
					if _, err := io.CopyN(io.Discard, r.program, int64(reads)); err != nil {
						t.Errorf("the program reading: %v", err)
					}
					if _, err := r.program.Write(data); err != nil {
						t.Errorf("the program writing: %v", err)
					}
					r.program.Close()
				}()
				expectRead(t, "the peer", r.peer, data, nil)
				end := r.expectEnd(t, nil)
				<-flood
				r.peerTCP.Close()
				if t.Failed() {
					t.Fatalf("the program read %d and wrote %d bytes; %+v", reads, n, end)
				}
			}
		}
	})
}

// When Run has returned, nothing of it is left running.
func TestRunLeavesNoGoroutine(t *testing.T) {
	for i := range 20 {
		r := newRig(t, rigOptions{change: func(c *Config) { c.Linger = time.Hour }})
		switch i % 3 {
		case 0:
			r.program.Close()
			r.peer.Close()
		case 1:
			r.peerTCP.Close()
		case 2:
			r.peer.Close()
			r.program.Close()
		}
		r.end()
	}
	// A goroutine may be between its last statement and its end.
	ssatest.Await(t, "no goroutine of a relay is left", func() bool { return runningRelays() == 0 })
}

func runningRelays() int {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	n := 0
	for _, g := range bytes.Split(stacks, []byte("\n\n")) {
		if strings.Contains(string(g), "relay.(*Relay)") {
			n++
		}
	}
	return n
}
