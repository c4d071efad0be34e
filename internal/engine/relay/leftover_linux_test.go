package relay

import (
	"io"
	"net"
	"syscall"
	"testing"
	"time"
)

// heir takes a connection over as another process would.
type heir struct {
	tcp  *net.TCPConn
	rest []byte
}

func (h *heir) take(t *testing.T) func(Stream, []byte) {
	return func(s Stream, rest []byte) {
		file, err := s.(*net.TCPConn).File()
		if err != nil {
			t.Error(err)
			return
		}
		defer file.Close()
		conn, err := net.FileConn(file)
		if err != nil {
			t.Error(err)
			return
		}
		h.tcp, h.rest = conn.(*net.TCPConn), append([]byte(nil), rest...)
	}
}

// A relay that no longer lingers waits for no peer: what TCP has not taken is somebody
// else's to send, and nothing is lost.
func TestLeftover(t *testing.T) {
	each(t, func(t *testing.T, opts rigOptions) {
		var h heir
		opts.change = func(c *Config) { c.Leftover, c.Linger, c.Stall = h.take(t), time.Hour, time.Hour }
		r := unstartedRig(t, opts)
		r.narrow(t)
		r.start(t)
		n := r.overfill(t)
		must(t, r.program.Close())
		r.relay.StopLingering()
		if end := r.expectEnd(t, nil); end.SendErr != nil || end.Sent != int64(n) {
			t.Errorf("the relay ended with %+v, want %d bytes sent", end, n)
		}
		if h.tcp == nil || len(h.rest) == 0 {
			t.Fatal("nothing was left, though the peer has read nothing")
		}
		go func() {
			defer h.tcp.Close()
			if _, err := h.tcp.Write(h.rest); err != nil {
				t.Errorf("sending the rest: %v", err)
			}
		}()
		expectRead(t, "the peer", r.peer, make([]byte, n), nil)
	})
}

// Without anything left nobody takes over, and the peer sees the usual end.
func TestNothingLeftOver(t *testing.T) {
	each(t, func(t *testing.T, opts rigOptions) {
		opts.change = func(c *Config) {
			c.Linger = time.Hour
			c.Leftover = func(Stream, []byte) { t.Error("something was left over") }
		}
		r := newRig(t, opts)
		mustWrite(t, r.program, []byte("read at once"))
		must(t, r.program.Close())
		expectRead(t, "the peer", r.peer, []byte("read at once"), nil)
		must(t, r.peer.Close())
		r.relay.StopLingering()
		r.expectEnd(t, nil)
	})
}

// A program that is still there is left alone: a descriptor may be held by who
// is not known.
func TestStopLingeringLeavesProgramsAlone(t *testing.T) {
	var h heir
	r := newRig(t, rigOptions{change: func(c *Config) { c.Leftover = h.take(t) }})
	for range 2 {
		mustWrite(t, r.program, []byte("still here"))
		if _, err := io.ReadFull(r.peer, make([]byte, len("still here"))); err != nil {
			t.Fatal(err)
		}
		r.relay.StopLingering()
	}
	mustWrite(t, r.peer, []byte("and you"))
	must(t, r.peer.CloseWrite())
	expectRead(t, "the program", r.program, []byte("and you"), nil)
	must(t, r.program.Close())
	expectRead(t, "the peer", r.peer, nil, nil)
	r.expectEnd(t, nil)
}

// What is reset by the program is not somebody else's either.
func TestNothingLeftOfAborted(t *testing.T) {
	r := unstartedRig(t, rigOptions{change: func(c *Config) {
		c.Leftover = func(Stream, []byte) { t.Error("something was left over") }
		c.Abortive = func() bool { return true }
	}})
	r.narrow(t)
	r.start(t)
	r.overfill(t)
	must(t, r.program.Close())
	r.relay.StopLingering()
	r.end()
	if _, err := io.ReadAll(r.peerTCP); err != syscall.ECONNRESET && describe(err) != "ECONNRESET" {
		t.Errorf("the peer read %v, want ECONNRESET", describe(err))
	}
}
