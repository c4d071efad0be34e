package relay

import (
	"errors"
	"io"
	"syscall"
	"testing"
	"time"
)

// However Guard and the program's writes meet, the peer reads exactly what the
// program wrote, without the byte that guards the end.
func TestGuardWhileFlowing(t *testing.T) {
	each(t, func(t *testing.T, opts rigOptions) {
		for _, before := range []int{0, 1, 2, maxPlaintext, maxPlaintext + 1, 1 << 20} {
			for _, after := range []int{0, 1, 2, 100_000} {
				r := newRig(t, opts)
				data := pattern(before + after)
				go func() {
					mustWriteInGoroutine(t, r.program, data[:before])
					r.relay.Guard()
					mustWriteInGoroutine(t, r.program, data[before:])
					r.relay.Guard()
					mustWriteInGoroutine(t, r.program, []byte{0xff})
					r.program.CloseWrite()
				}()
				expectRead(t, "the peer", r.peer, data, nil)
				r.peerShutdown(t)
				expectRead(t, "the program", r.program, nil, nil)
				r.expectEnd(t, nil)
				r.relay.Guard() // after the end: returns
				if t.Failed() {
					t.Fatalf("%d bytes before Guard and %d after", before, after)
				}
			}
		}
	})
}

func mustWriteInGoroutine(t *testing.T, w io.Writer, p []byte) {
	if _, err := w.Write(p); err != nil {
		t.Errorf("writing %d bytes: %v", len(p), err)
	}
}

// Guard does not wait for a relay that is held up by a slow peer, and the
// bytes that wait meanwhile are not lost.
func TestGuardWhileBlocked(t *testing.T) {
	r := newRig(t, rigOptions{})
	data := pattern(64 << 20)
	must(t, r.program.SetWriteDeadline(time.Now().Add(200*time.Millisecond)))
	n, err := r.program.Write(data)
	if err == nil {
		t.Fatalf("a peer that does not read took %d bytes", n)
	}
	must(t, r.program.SetWriteDeadline(time.Time{}))
	r.relay.Guard()
	data = data[:n+100_000]
	written := make(chan struct{})
	go func() {
		defer close(written)
		mustWriteInGoroutine(t, r.program, data[n:])
		r.relay.Guard()
		mustWriteInGoroutine(t, r.program, []byte{0xff})
		r.program.CloseWrite()
	}()
	expectRead(t, "the peer", r.peer, data, nil)
	<-written
	must(t, r.peerTCP.Close())
	expectRead(t, "the program", r.program, nil, syscall.ECONNRESET)
	r.expectEnd(t, ErrTruncated)
}

// A program that is killed between Guard and its shutdown, after the guarding
// byte was written or before anything was.
func TestGuardThenClose(t *testing.T) {
	for _, wrote := range []bool{false, true} {
		r := newRig(t, rigOptions{})
		mustWrite(t, r.program, []byte("x"))
		got := make([]byte, 1)
		if _, err := io.ReadFull(r.peer, got); err != nil {
			t.Fatal(err)
		}
		r.relay.Guard()
		if wrote {
			mustWrite(t, r.program, []byte{0xff})
		}
		must(t, r.program.Close())
		expectRead(t, "the peer", r.peer, nil, nil)
		r.peer.Close()
		r.expectEnd(t, nil)
	}
}

// What the source says step by step, at a queue that nobody else reads.
func TestSourceGuarded(t *testing.T) {
	plaintext, program := plaintextPair(t)
	defer plaintext.Close()
	defer program.Close()
	s := newSource(plaintext)
	s.guard()

	expect := func(step, data string, done bool, err error) {
		t.Helper()
		s.got, s.gotErr = nil, nil
		var ready bool
		must(t, s.raw.Control(func(fd uintptr) { ready = s.readReady(fd) }))
		got := ""
		if s.got != nil {
			got = string(s.got.bytes())
			s.got.release()
		}
		if got != data || ready != done || !errors.Is(s.gotErr, err) {
			t.Errorf("%s: read %q, ready %v, error %v; want %q, %v, %v", step, got, ready, s.gotErr, data, done, err)
		}
	}
	expect("nothing written", "", false, nil)
	mustWrite(t, program, []byte("a"))
	expect("one byte", "", false, nil)
	mustWrite(t, program, []byte("bcd"))
	expect("four bytes", "abc", true, nil)
	expect("one of them left", "", false, nil)
	mustWrite(t, program, []byte{0xff})
	expect("the guarding byte", "d", true, nil)
	expect("it alone", "", false, nil)
	must(t, program.CloseWrite())
	expect("the shutdown", "", true, io.EOF)
	if n := s.unread(); n != 1 {
		t.Errorf("%d bytes are unread, want the guarding one", n)
	}
	s.drain()
	if n := s.unread(); n != 0 {
		t.Errorf("%d bytes are unread after drain", n)
	}
	must(t, plaintext.Close())
	expectRead(t, "the program", program, nil, nil)
}

// A program that writes while its stream ends cleanly does not turn that into a
// reset.
func TestSourceDrain(t *testing.T) {
	plaintext, program := plaintextPair(t)
	defer program.Close()
	s := newSource(plaintext)
	mustWrite(t, program, pattern(3*smallSize))
	s.drain()
	if n := s.unread(); n != 0 {
		t.Errorf("%d bytes are unread after drain", n)
	}
	if _, err := program.Write([]byte("late")); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("writing after drain: %v, want EPIPE", err)
	}
	must(t, plaintext.Close())
	expectRead(t, "the program", program, nil, nil)
}

// Stop wins over data that is there, and over a wait under way.
func TestSourceStop(t *testing.T) {
	plaintext, program := plaintextPair(t)
	defer plaintext.Close()
	defer program.Close()
	s := newSource(plaintext)
	got := make(chan error)
	go func() {
		_, err := s.next()
		got <- err
	}()
	s.stop()
	if err := <-got; !errors.Is(err, errStopped) {
		t.Errorf("next while stopping: %v, want %v", err, errStopped)
	}
	mustWrite(t, program, []byte("late"))
	if _, err := s.next(); !errors.Is(err, errStopped) {
		t.Errorf("next after stop: %v, want %v", err, errStopped)
	}
	must(t, s.raw.Control(func(fd uintptr) { s.readReady(fd) })) // as one that stop has overtaken
	if !errors.Is(s.gotErr, errStopped) || s.got != nil {
		t.Errorf("reading after stop: %v, %v", s.got, s.gotErr)
	}
	if n := sysUnread(t, plaintext); n != 4 {
		t.Errorf("%d bytes unread, want 4", n)
	}
}
