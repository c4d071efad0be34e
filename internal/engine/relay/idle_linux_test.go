package relay

import (
	"syscall"
	"testing"
)

// A direction that waits holds no buffer, or a small one when a record has
// begun.
func TestWaitingHoldsNoBuffer(t *testing.T) {
	near, far := tcpPair(t)
	defer near.Close()
	defer far.Close()
	w := NewWire(near)
	w.beginRelay(endless())
	try := func() (ready bool) {
		t.Helper()
		must(t, w.raw.Control(func(fd uintptr) { ready = w.fillReady(fd) }))
		return ready
	}
	w.more = true // as after much data
	if try() || w.in != nil {
		t.Error("a buffer is held though TCP has brought nothing")
	}
	mustWrite(t, far, []byte{23, 3, 3, 0, 9, 'h', 'a', 'l', 'f'})
	must(t, w.raw.Read(w.fillFunc)) // waits for it
	if try() || w.held() != 9 || len(w.in.data) != tinySize {
		t.Errorf("half a record is held in %+v", w.in)
	}

	plaintext, program := plaintextPair(t)
	defer plaintext.Close()
	defer program.Close()
	s := newSource(plaintext)
	s.more = true
	ready := true
	must(t, s.raw.Control(func(fd uintptr) { ready = s.readReady(fd) }))
	if ready || s.got != nil {
		t.Error("a buffer is held though the program has written nothing")
	}
}

// opaque hides a stream's descriptor.
type opaque struct{ Stream }

func (opaque) SyscallConn() (syscall.RawConn, error) { return nil, syscall.EOPNOTSUPP }

// Without descriptors, as on other systems, bytes and ends are the same.
func TestPortable(t *testing.T) {
	each(t, func(t *testing.T, opts rigOptions) {
		opts.portable = true
		r := newRig(t, opts)
		data := pattern(1 << 20)
		go func() {
			mustWriteInGoroutine(t, r.program, data)
			r.program.CloseWrite()
		}()
		expectRead(t, "the peer", r.peer, data, nil)
		go func() {
			mustWriteInGoroutine(t, r.peer, data)
			r.peer.Close()
		}()
		expectRead(t, "the program", r.program, data, nil)
		r.expectEnd(t, nil)

		r = newRig(t, opts)
		mustWrite(t, r.peer, []byte("cut"))
		must(t, r.peerTCP.CloseWrite())
		expectRead(t, "the program", r.program, []byte("cut"), syscall.ECONNRESET)
		r.expectEnd(t, ErrTruncated)

		r = newRig(t, opts) // data for a program that has gone
		must(t, r.program.Close())
		expectRead(t, "the peer", r.peer, nil, nil)
		for {
			if _, err := r.peer.Write([]byte("anybody?")); err != nil {
				break
			}
		}
		r.expectEnd(t, nil)
	})
}
