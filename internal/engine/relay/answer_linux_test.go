package relay

import (
	"errors"
	"io"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// unreadRig returns a connection whose program has something that it does not
// read.
func unreadRig(t *testing.T, opts rigOptions) *rig {
	t.Helper()
	r := newRig(t, opts)
	mustWrite(t, r.peer, []byte("not read yet"))
	ssatest.Await(t, "the program has all to read",
		func() bool { return sysUnread(t, r.program) >= len("not read yet") })
	return r
}

// writeUntilError writes until that fails.
func (r *rig) writeUntilError() (err error) {
	for err == nil {
		_, err = r.program.Write(make([]byte, 100_000))
	}
	return err
}

// A peer that resets while the program has not read everything: the program's
// writing fails and poll tells, though it does not read; if it does then, it gets
// what there was.
func TestResetWhileUnread(t *testing.T) {
	each(t, func(t *testing.T, opts rigOptions) {
		r := unreadRig(t, opts)
		must(t, r.peerTCP.SetLinger(0))
		must(t, r.peerTCP.Close())
		if err := r.writeUntilError(); !errors.Is(err, syscall.EPIPE) &&
			!errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the program's write after a reset: %v, want EPIPE", err)
		}
		r.expectEnd(t, syscall.ECONNRESET)
		raw, err := r.program.SyscallConn()
		must(t, err)
		must(t, raw.Control(func(fd uintptr) {
			p := []unix.PollFd{{Fd: int32(fd)}}
			if _, err := unix.Poll(p, -1); err != nil || p[0].Revents != unix.POLLHUP|unix.POLLERR {
				t.Errorf("poll says %#x, %v, want POLLHUP and POLLERR", p[0].Revents, err)
			}
		}))
		expectRead(t, "the program", r.program, []byte("not read yet"), syscall.ECONNRESET)
	})
}

// A program that reads before anybody gives up sees the reset after the data,
// and not in the same look.
func TestResetIsSeenAfterReading(t *testing.T) {
	r := unreadRig(t, rigOptions{})
	must(t, r.peerTCP.SetLinger(0))
	must(t, r.peerTCP.Close())
	expectRead(t, "the program", r.program, []byte("not read yet"), syscall.ECONNRESET)
}

// A client that ends its half of TCP without a close_notify, and waits for the
// answer, gets it.
func TestAnswerToHalfClosedPeer(t *testing.T) {
	each(t, func(t *testing.T, opts rigOptions) {
		opts.change = func(c *Config) { c.Answer = time.Hour }
		for name, read := range map[string]bool{"after reading": true, "without reading": false} {
			r := unreadRig(t, opts)
			must(t, r.peerTCP.CloseWrite())
			if read {
				if _, err := io.ReadFull(r.program, make([]byte, len("not read yet"))); err != nil {
					t.Fatal(err)
				}
			}
			answer := pattern(1 << 20)
			go func() {
				if _, err := r.program.Write(answer); err != nil {
					t.Errorf("%s: the program answering: %v", name, err)
				}
				r.program.Close()
			}()
			expectRead(t, "the peer", r.peer, answer, nil)
			if end := r.expectEnd(t, nil); end.SendErr != nil || end.Sent != int64(len(answer)) {
				t.Errorf("%s: the relay ended with %+v, want %d bytes sent", name, end, len(answer))
			}
		}
	})
}

// One that does not answer is told of the end, and so is one whose peer has gone.
func TestNoAnswerToHalfClosedPeer(t *testing.T) {
	each(t, func(t *testing.T, opts rigOptions) {
		opts.change = func(c *Config) { c.Answer = time.Millisecond }
		r := unreadRig(t, opts)
		must(t, r.peerTCP.CloseWrite())
		expectRead(t, "the program", r.program, []byte("not read yet"), syscall.ECONNRESET)
		r.expectEnd(t, ErrTruncated)

		opts.change = func(c *Config) { c.Answer = time.Hour }
		r = unreadRig(t, opts)
		must(t, r.peerTCP.Close()) // what comes now is answered by a reset
		if err := r.writeUntilError(); !errors.Is(err, syscall.EPIPE) &&
			!errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the program's write to a peer that has gone: %v, want EPIPE", err)
		}
		expectRead(t, "the program", r.program, []byte("not read yet"), syscall.ECONNRESET)
		if end := r.end(); end.Err == nil || end.Truncated {
			t.Errorf("the relay ended with %+v, want TCP's error", end)
		}
	})
}

// The reason is there before the program can see that there is one, whichever
// half met it.
func TestReasonComesFirst(t *testing.T) {
	for name, move := range map[string]func(t *testing.T, r *rig){
		"reading": func(t *testing.T, r *rig) { expectRead(t, "the program", r.program, nil, syscall.ECONNRESET) },
		"writing": func(t *testing.T, r *rig) { _ = r.writeUntilError() },
	} {
		t.Run(name, func(t *testing.T) {
			told := make(chan error, 1)
			r := newRig(t, rigOptions{change: func(c *Config) {
				put := c.BeforeReset
				c.BeforeReset = func(why error) { put(why); told <- why }
			}})
			must(t, r.peerTCP.SetLinger(0))
			must(t, r.peerTCP.Close())
			move(t, r)
			select {
			case why := <-told:
				if !errors.Is(why, syscall.ECONNRESET) && !errors.Is(why, syscall.EPIPE) {
					t.Errorf("the reason is %v, want ECONNRESET or EPIPE", why)
				}
			default:
				t.Error("the program saw the error before its reason was told")
			}
		})
	}
}

// The end says when the program may be there although its stream looks as if it
// had gone.
func TestRefusedProgramMayBeThere(t *testing.T) {
	r := newRig(t, rigOptions{})
	must(t, r.peer.Close())
	_ = r.writeUntilError()
	if end := r.expectEnd(t, nil); !end.Refused {
		t.Error("End.Refused is false though the relay refused the program's writes")
	}
	r = newRig(t, rigOptions{})
	must(t, r.peer.CloseWrite())
	expectRead(t, "the program", r.program, nil, nil)
	must(t, r.program.Close())
	if end := r.expectEnd(t, nil); end.Refused {
		t.Error("End.Refused is true for a program that has gone")
	}
}

// Urgent bytes that a program sends where no gate refuses them are bytes like
// others: none is left out, and no other is sent for it.
func TestUrgentBytes(t *testing.T) {
	each(t, func(t *testing.T, opts rigOptions) {
		r := newRig(t, opts)
		raw, err := r.program.SyscallConn()
		must(t, err)
		must(t, raw.Control(func(fd uintptr) {
			if err := unix.Sendto(int(fd), []byte("abcX"), unix.MSG_OOB, nil); err != nil {
				t.Errorf("sending an urgent byte: %v", err)
			}
		}))
		mustWrite(t, r.program, []byte("def"))
		r.guardedShutdown(t)
		expectRead(t, "the peer", r.peer, []byte("abcXdef"), nil)
		r.peerShutdown(t)
		expectRead(t, "the program", r.program, nil, nil)
	})
}
