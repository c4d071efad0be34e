package relay

import (
	"errors"
	"io"
	"syscall"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

func TestProgramShutsDownFirst(t *testing.T) {
	each(t, func(t *testing.T, opts rigOptions) {
		for _, guarded := range []bool{false, true} {
			r := newRig(t, opts)
			question, answer := pattern(100_000), pattern(1<<20)
			mustWrite(t, r.program, question)
			if guarded {
				r.guardedShutdown(t)
			} else {
				must(t, r.program.CloseWrite())
			}
			expectRead(t, "the peer", r.peer, question, nil)
			go func() { // too much for the buffers on the way
				if _, err := r.peer.Write(answer); err != nil {
					t.Errorf("the peer writing after the program's shutdown: %v", err)
				}
				r.peer.Close()
			}()
			expectRead(t, "the program", r.program, answer, nil)
			end := r.expectEnd(t, nil)
			if end.Sent != int64(len(question)) || end.Received != int64(len(answer)) || end.SendErr != nil {
				t.Errorf("the end is %+v, want %d sent and %d received", end, len(question), len(answer))
			}
		}
	})
}

func TestPeerShutsDownFirst(t *testing.T) {
	each(t, func(t *testing.T, opts rigOptions) {
		for _, fin := range []bool{false, true} {
			r := newRig(t, opts)
			mustWrite(t, r.peer, []byte("that is all"))
			must(t, r.peer.CloseWrite())
			if fin {
				must(t, r.peerTCP.CloseWrite())
			}
			expectRead(t, "the program", r.program, []byte("that is all"), nil)
			answer := pattern(1 << 20)
			go func() {
				if _, err := r.program.Write(answer); err != nil {
					t.Errorf("the program writing after the peer's end: %v", err)
				}
				r.program.Close()
			}()
			expectRead(t, "the peer", r.peer, answer, nil)
			r.expectEnd(t, nil)
		}
	})
}

// After every byte of two records, the end of TCP must show as ECONNRESET, and
// never before what was complete.
func TestTruncationAtEveryByte(t *testing.T) {
	truncateAtEveryByte(t, false, syscall.ECONNRESET, ErrTruncated)
}

// The same for a peer that is known to be sloppy: there it is an end as any.
func TestSloppyEndAtEveryByte(t *testing.T) {
	truncateAtEveryByte(t, true, nil, nil)
}

func truncateAtEveryByte(t *testing.T, sloppy bool, programSees, ends error) {
	each(t, func(t *testing.T, opts rigOptions) {
		opts.change = func(c *Config) { c.SloppyEnd = sloppy }
		for cut, total := 0, 1; cut <= total; cut++ {
			r := newRig(t, opts)
			records := r.encrypt(t, []byte("one"), []byte("two"))
			stream := append(records[0], records[1]...)
			total = len(stream)
			mustWrite(t, r.peerTCP, stream[:cut])
			must(t, r.peerTCP.CloseWrite())
			var want []byte
			if cut >= len(stream)-len(records[1]) {
				want = []byte("one")
			}
			if cut == total {
				want = []byte("onetwo")
			}
			expectRead(t, "the program", r.program, want, programSees)
			r.program.Close()
			if end := r.expectEnd(t, ends); !end.Truncated {
				t.Errorf("cut after %d of %d bytes: End.Truncated is false", cut, total)
			}
			if t.Failed() {
				t.Fatalf("cut after %d of %d bytes", cut, total)
			}
			r.peerTCP.Close()
		}
	})
}

// A truncation after the program's own shutdown: the sentinel makes the reset.
func TestTruncationAfterGuardedShutdown(t *testing.T) {
	each(t, func(t *testing.T, opts rigOptions) {
		r := newRig(t, opts)
		mustWrite(t, r.program, []byte("question"))
		r.guardedShutdown(t)
		expectRead(t, "the peer", r.peer, []byte("question"), nil)
		mustWrite(t, r.peer, []byte("half an ans"))
		must(t, r.peerTCP.CloseWrite())
		expectRead(t, "the program", r.program, []byte("half an ans"), syscall.ECONNRESET)
		r.expectEnd(t, ErrTruncated)
	})
}

// A program that reads slowly gets everything before the reset.
func TestTruncationDeliversEverything(t *testing.T) {
	r := newRig(t, rigOptions{})
	data := pattern(4 << 20)
	sent := make(chan error, 1)
	go func() {
		_, err := r.peer.Write(data)
		r.peerTCP.CloseWrite()
		sent <- err
	}()
	expectRead(t, "the program", little{r.program}, data, syscall.ECONNRESET)
	must(t, <-sent)
	r.expectEnd(t, ErrTruncated)
}

// A truncation shows although the peer takes nothing of what the program wrote.
func TestTruncationWhileSending(t *testing.T) {
	each(t, func(t *testing.T, opts rigOptions) {
		opts.change = func(c *Config) {
			c.BeforeReset = func(error) {} // there are some bytes
		}
		r := unstartedRig(t, opts)
		r.narrow(t)
		r.start(t)
		n := r.overfill(t)
		ssatest.Await(t, "more is in hand than TCP takes",
			func() bool { return r.relay.source.unread() < n-maxPlaintext })
		must(t, r.peerTCP.CloseWrite())
		expectRead(t, "the program", r.program, nil, syscall.ECONNRESET)
		r.expectEnd(t, ErrTruncated)
	})
}

// little reads little at a time.
type little struct{ io.Reader }

func (s little) Read(p []byte) (int, error) { return s.Reader.Read(p[:min(len(p), 1000)]) }

func TestResetByPeer(t *testing.T) {
	each(t, func(t *testing.T, opts rigOptions) {
		r := newRig(t, opts)
		mustWrite(t, r.peer, []byte("and"))
		got := make([]byte, 3)
		if _, err := io.ReadFull(r.program, got); err != nil {
			t.Fatal(err)
		}
		must(t, r.peerTCP.SetLinger(0))
		must(t, r.peerTCP.Close())
		expectRead(t, "the program", r.program, nil, syscall.ECONNRESET)
		if end := r.expectEnd(t, syscall.ECONNRESET); end.Truncated {
			t.Error("End.Truncated is true for a reset")
		}
	})
}

func TestBadRecord(t *testing.T) {
	each(t, func(t *testing.T, opts rigOptions) {
		for name, garbage := range map[string][]byte{
			"a record that was not made with the key": append([]byte{23, 3, 3, 0, 64}, make([]byte, 64)...),
			"no record at all":                        []byte("HTTP/1.0 400 Bad Request\r\n\r\n"),
			"a length no record has":                  {23, 3, 3, 0xff, 0xff},
			"an alert in the clear":                   {21, 3, 3, 0, 2, 1, 0},
		} {
			r := newRig(t, opts)
			records := r.encrypt(t, []byte("good"))
			mustWrite(t, r.peerTCP, append(records[0], garbage...))
			expectRead(t, "the program", r.program, []byte("good"), syscall.ECONNRESET)
			if end := r.end(); end.Err == nil || end.Truncated {
				t.Errorf("%s: the relay ended with %+v, want an error that is no truncation", name, end)
			}
			if t.Failed() {
				t.Fatal(name)
			}
		}
	})
}

// TCP failing while the program has not read everything: writing fails, and
// what was received is still read first.
func TestSendFailureKeepsWhatWasReceived(t *testing.T) {
	r := newRig(t, rigOptions{})
	data := pattern(50_000)
	mustWrite(t, r.peer, data)
	// A reset may overtake it.
	ssatest.Await(t, "the program has all to read",
		func() bool { return sysUnread(t, r.program) >= len(data) })
	must(t, r.peerTCP.SetLinger(0))
	must(t, r.peerTCP.Close())
	var err error
	for err == nil { // the first may still be taken, as by TCP
		_, err = r.program.Write(make([]byte, 1000))
	}
	if !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the program's write after a reset: %v, want EPIPE", err)
	}
	expectRead(t, "the program", r.program, data, syscall.ECONNRESET)
}

// After a failure of sending, the program's stream takes nothing any more, not
// even the byte that makes a truncation show. So it is asked for before, once.
func TestTruncationAfterSendFailure(t *testing.T) {
	for name, puts := range map[string]bool{"with the byte": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			var r *rig
			asked := make(chan struct{}, 10)
			r = newRig(t, rigOptions{change: func(c *Config) {
				put := c.BeforeReset
				c.BeforeReset = func(why error) {
					if puts {
						put(why)
					}
					asked <- struct{}{}
				}
			}})
			r.relay.wire.outMu.Lock()
			r.relay.wire.outErr = syscall.EPIPE
			r.relay.wire.outMu.Unlock()
			mustWrite(t, r.program, []byte("does not get far"))
			<-asked
			must(t, r.peerTCP.CloseWrite())
			if puts {
				expectRead(t, "the program", r.program, nil, syscall.ECONNRESET)
			}
			r.expectEnd(t, syscall.EPIPE) // why it broke first
			if len(asked) > 0 {
				t.Error("the byte was asked for again")
			}
		})
	}
}

// A peer that closes both ways with close_notify ends the program's reading
// cleanly, even though the program's writing then meets a reset.
func TestPeerClosesWhileProgramWrites(t *testing.T) {
	r := newRig(t, rigOptions{})
	mustWrite(t, r.peer, []byte("bye"))
	must(t, r.peer.Close())
	var err error
	for err == nil {
		_, err = r.program.Write(make([]byte, 1000))
	}
	if !errors.Is(err, syscall.EPIPE) {
		t.Errorf("the program's write after the peer closed: %v, want EPIPE", err)
	}
	expectRead(t, "the program", r.program, []byte("bye"), nil)
	if end := r.expectEnd(t, nil); end.SendErr == nil {
		t.Error("End.SendErr is nil though TCP refused what the program wrote")
	}
}

// Closing with unread data still sends everything, and the close_notify.
func TestProgramClosesWithUnreadData(t *testing.T) {
	each(t, func(t *testing.T, opts rigOptions) {
		r := newRig(t, opts)
		mustWrite(t, r.peer, []byte("never read"))
		data := pattern(300_000)
		go func() {
			if _, err := io.ReadFull(r.program, make([]byte, 1)); err != nil {
				t.Errorf("reading one byte: %v", err)
			}
			if _, err := r.program.Write(data); err != nil {
				t.Errorf("writing: %v", err)
			}
			r.program.Close()
		}()
		expectRead(t, "the peer", r.peer, data, nil)
		r.peer.Close()
		r.expectEnd(t, nil)
	})
}

// While a program that reads no more still writes, its data is dropped.
func TestProgramReadsNoMore(t *testing.T) {
	r := newRig(t, rigOptions{})
	must(t, r.program.CloseRead())
	mustWrite(t, r.peer, pattern(4<<20)) // returns though nobody reads it
	mustWrite(t, r.program, []byte("still here"))
	must(t, r.program.Close())
	expectRead(t, "the peer", r.peer, []byte("still here"), nil)
	r.peer.Close()
	r.expectEnd(t, nil)
}

// Data for a program that has gone ends the connection with a reset, as TCP
// does; but not before the peer has what the program wrote.
func TestDataAfterProgramHasGone(t *testing.T) {
	each(t, func(t *testing.T, opts rigOptions) {
		opts.change = func(c *Config) { c.Linger = time.Hour }
		r := newRig(t, opts)
		data := pattern(1 << 20)
		go func() {
			_, err := r.program.Write(data)
			if err != nil {
				t.Errorf("the program writing: %v", err)
			}
			r.program.Close()
		}()
		expectRead(t, "the peer", r.peer, data, nil)
		var err error
		for err == nil {
			_, err = r.peer.Write(make([]byte, 1000))
		}
		if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
			t.Errorf("the peer's write to a program that has gone: %v, want ECONNRESET", err)
		}
		r.expectEnd(t, nil)
	})
}
