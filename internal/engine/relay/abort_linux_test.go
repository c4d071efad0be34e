package relay

import (
	"sync"
	"syscall"
	"testing"
	"time"
)

// abortive makes a relay reset TCP when the program goes, and never give up
// for another reason.
func abortive(c *Config) {
	c.Abortive = func() bool { return true }
	c.Linger, c.Stall = time.Hour, time.Hour
}

// A program that goes with SO_LINGER at zero resets the connection: no
// close_notify, no patience.
func TestAbortIdle(t *testing.T) {
	each(t, func(t *testing.T, opts rigOptions) {
		opts.change = abortive
		r := newRig(t, opts)
		mustWrite(t, r.program, []byte("words"))
		got := make([]byte, 5)
		if _, err := r.peer.Read(got); err != nil || string(got) != "words" {
			t.Fatalf("the peer read %q with error %v, want words", got, err)
		}
		must(t, r.program.Close())
		r.expectEnd(t, nil)
		expectRead(t, "the peer", r.peer, nil, syscall.ECONNRESET)
	})
}

// What a peer that takes nothing has not taken yet is dropped.
func TestAbortDropsWhatWaits(t *testing.T) {
	r := unstartedRig(t, rigOptions{change: abortive})
	r.narrow(t)
	r.start(t)
	r.overfill(t)
	must(t, r.program.Close())
	end := r.expectEnd(t, nil) // before the peer reads anything
	if end.SendErr == nil {
		t.Error("End.SendErr is nil though data was dropped")
	}
	// The kernel may show the peer what it had received, or drop that too.
	var err error
	for err == nil {
		_, err = r.peerTCP.Read(make([]byte, 1<<20))
	}
	if describe(err) != "ECONNRESET" {
		t.Errorf("the peer then read %v, want ECONNRESET", describe(err))
	}
}

// After its own shutdown, a close still resets what is left of the connection.
func TestAbortAfterShutdown(t *testing.T) {
	for name, guarded := range map[string]bool{"plain": false, "guarded": true} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, rigOptions{change: abortive})
			if guarded {
				r.guardedShutdown(t)
			} else {
				must(t, r.program.CloseWrite())
			}
			expectRead(t, "the peer", r.peer, nil, nil)
			must(t, r.program.Close())
			r.expectEnd(t, nil)
			if _, err := r.peerTCP.Read(make([]byte, 1)); describe(err) != "ECONNRESET" {
				t.Errorf("the peer then read %v, want ECONNRESET", describe(err))
			}
		})
	}
}

// A connection whose peer has said goodbye is reset as well.
func TestAbortAfterPeersEnd(t *testing.T) {
	r := newRig(t, rigOptions{change: abortive})
	must(t, r.peer.CloseWrite())
	expectRead(t, "the program", r.program, nil, nil)
	must(t, r.program.Close())
	r.expectEnd(t, nil)
	if _, err := r.peerTCP.Read(make([]byte, 1)); describe(err) != "ECONNRESET" {
		t.Errorf("the peer read %v, want ECONNRESET", describe(err))
	}
}

// Asked and answered with no, a close is as clean as ever.
func TestNoAbort(t *testing.T) {
	each(t, func(t *testing.T, opts rigOptions) {
		asked := make(chan struct{}, 100)
		opts.change = func(c *Config) {
			c.Abortive = func() bool {
				select {
				case asked <- struct{}{}:
				default:
				}
				return false
			}
		}
		r := newRig(t, opts)
		data := pattern(1 << 20)
		go func() {
			if _, err := r.program.Write(data); err != nil {
				t.Errorf("the program writing: %v", err)
			}
			r.program.Close()
		}()
		expectRead(t, "the peer", r.peer, data, nil)
		r.peer.Close()
		r.expectEnd(t, nil)
		if len(asked) == 0 {
			t.Error("the relay did not ask")
		}
	})
}

// TestAbortTakenBack: a program that shuts down what its peer has left open
// takes back before that what its close would have meant.
func TestAbortTakenBack(t *testing.T) {
	var once sync.Once
	var r *rig
	back := make(chan struct{})
	r = unstartedRig(t, rigOptions{change: func(c *Config) {
		c.Abortive = func() (abortive bool) {
			once.Do(func() {
				abortive = true
				must(t, r.program.CloseRead())
				must(t, r.program.CloseWrite())
				close(back)
			})
			return abortive
		}
	}})
	r.start(t)
	mustWrite(t, r.program, []byte("all"))
	<-back
	expectRead(t, "the peer", r.peer, []byte("all"), nil)
	r.peer.Close()
	r.expectEnd(t, nil)
}

// While the program is there, nothing is aborted: a half-close is no end.
func TestAbortSparesHalfClose(t *testing.T) {
	r := newRig(t, rigOptions{change: abortive})
	must(t, r.program.CloseWrite())
	expectRead(t, "the peer", r.peer, nil, nil)
	mustWrite(t, r.peer, []byte("late"))
	r.peerShutdown(t)
	expectRead(t, "the program", r.program, []byte("late"), nil)
	r.expectEnd(t, nil)
}
