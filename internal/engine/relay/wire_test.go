package relay

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"time"
)

// script is a TCP connection that brings given pieces and then ends. It has no
// descriptor.
type script struct {
	pieces [][]byte
	end    error
	wrote  [][]byte
}

func (s *script) Read(p []byte) (int, error) {
	if len(s.pieces) == 0 {
		return 0, s.end
	}
	n := copy(p, s.pieces[0])
	if s.pieces[0] = s.pieces[0][n:]; len(s.pieces[0]) == 0 {
		s.pieces = s.pieces[1:]
	}
	return n, nil
}

func (s *script) Write(p []byte) (int, error) {
	s.wrote = append(s.wrote, bytes.Clone(p))
	return len(p), nil
}

func (s *script) SyscallConn() (syscall.RawConn, error) { return nil, errors.ErrUnsupported }
func (s *script) Close() error                          { return nil }
func (s *script) CloseWrite() error                     { return nil }
func (s *script) LocalAddr() net.Addr                   { return nil }
func (s *script) RemoteAddr() net.Addr                  { return nil }
func (s *script) SetDeadline(time.Time) error           { return nil }
func (s *script) SetReadDeadline(time.Time) error       { return nil }
func (s *script) SetWriteDeadline(time.Time) error      { return nil }

// cutUp splits data into pieces of the given sizes, over and over.
func cutUp(data, sizes []byte) [][]byte {
	var pieces [][]byte
	for i := 0; len(data) > 0; i++ {
		n := len(data)
		if len(sizes) > 0 {
			n = min(n, 1+int(sizes[i%len(sizes)])*17)
		}
		pieces = append(pieces, data[:n])
		data = data[n:]
	}
	return pieces
}

// recordEnds returns where records end, the last one possibly cut short.
func recordEnds(data []byte) map[int]bool {
	ends := map[int]bool{}
	for at := 0; at < len(data); {
		n := len(data) - at
		if n >= headerLen {
			n = min(n, headerLen+int(binary.BigEndian.Uint16(data[at+3:])))
		}
		at += n
		ends[at] = true
	}
	return ends
}

// However TCP cuts up what it brings, crypto/tls is given the same bytes, never
// more than the rest of one record at once; while relaying, it is never kept
// waiting within one.
func FuzzWireRead(f *testing.F) {
	record := func(n int) []byte {
		return append([]byte{23, 3, 3, byte(n >> 8), byte(n)}, pattern(n)...)
	}
	f.Add(append(record(20), record(700)...), []byte{1, 200}, false, uint16(100))
	f.Add(append(record(700), record(0)...), []byte{0}, true, uint16(70))
	f.Add(bytes.Repeat(record(30), 40), []byte{}, true, uint16(5))
	f.Add([]byte("GET / HTTP/1.0\r\n\r\n"), []byte{0}, true, uint16(1))
	f.Add([]byte{22, 3}, []byte{0}, true, uint16(600))
	f.Fuzz(func(t *testing.T, data, sizes []byte, relaying bool, room uint16) {
		w := NewWire(&script{pieces: cutUp(data, sizes), end: io.EOF})
		w.relaying.Store(relaying)
		ends := recordEnds(data)
		p := make([]byte, 1+int(room))
		var got []byte
		for {
			if relaying && len(got) < len(data) {
				if !w.ready() {
					if _, err := w.Read(p); !errors.Is(err, errWouldBlock) {
						t.Fatalf("Read when not ready: %v", err)
					}
				}
				if err := w.await(); err != nil {
					t.Fatalf("await: %v", err)
				}
			}
			n, err := w.Read(p)
			for i := len(got) + 1; i < len(got)+n; i++ {
				if ends[i] {
					t.Fatalf("a read of %d bytes at %d goes over the end of a record at %d", n, len(got), i)
				}
			}
			got = append(got, p[:n]...)
			if errors.Is(err, errWouldBlock) && w.inErr == nil {
				if err := w.await(); err != nil {
					t.Fatalf("await at the end: %v", err)
				}
				continue
			}
			if err == nil && n > 0 {
				if w.ended() {
					t.Fatal("the end was told too early")
				}
				continue
			}
			if n > 0 || !errors.Is(err, io.EOF) || !w.ended() {
				t.Fatalf("Read: %d, %v, end told: %v; want the end", n, err, w.ended())
			}
			break
		}
		if !bytes.Equal(got, data) {
			t.Fatalf("%d bytes came out, %d went in, or they differ", len(got), len(data))
		}
		if w.in != nil {
			t.Fatal("a buffer is held with nothing in it")
		}
	})
}

// The records of one write of the relay leave in one write to TCP, and those of
// a handshake at once.
func TestWireGathers(t *testing.T) {
	tcp := &script{}
	w := NewWire(tcp)
	mustWrite(t, w, []byte("hello"))
	w.beginRelay(endless())
	w.cork(60_000)
	for range 3 {
		mustWrite(t, w, pattern(20_000))
	}
	if len(tcp.wrote) != 1 {
		t.Fatalf("%d writes reached TCP while gathering, want the handshake's alone", len(tcp.wrote))
	}
	must(t, w.uncork())
	mustWrite(t, w, []byte("alert"))
	must(t, w.closeWrite())
	if len(tcp.wrote) != 3 || len(tcp.wrote[1]) != 60_000 || string(tcp.wrote[2]) != "alert" {
		t.Errorf("%d writes reached TCP, want the handshake's, one of 60000 bytes, and the alert", len(tcp.wrote))
	}
	if _, err := w.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("writing after closeWrite: %v, want %v", err, net.ErrClosed)
	}
	if w.pending != nil {
		t.Error("a buffer is held with nothing in it")
	}
}

// More than a buffer holds is sent in pieces, in order.
func TestWireGathersTooMuch(t *testing.T) {
	tcp := &script{}
	w := NewWire(tcp)
	w.beginRelay(endless())
	data := pattern(3*largeSize + 11)
	w.cork(100)
	for p := data; len(p) > 0; p = p[min(len(p), 7777):] {
		mustWrite(t, w, p[:min(len(p), 7777)])
	}
	must(t, w.uncork())
	if !bytes.Equal(bytes.Join(tcp.wrote, nil), data) {
		t.Error("what reached TCP is not what was written")
	}
}

func TestBufferShrink(t *testing.T) {
	b := getBuffer(largeSize)
	b.add(pattern(50_000))
	if b = b.shrink(); b.len() != 50_000 {
		t.Fatalf("%d bytes left of 50000", b.len())
	}
	b.r += 40_000
	want := bytes.Clone(b.bytes())
	if b = b.shrink(); len(b.data) != smallSize || !bytes.Equal(b.bytes(), want) {
		t.Errorf("10000 bytes are kept in a buffer of %d, or not kept", len(b.data))
	}
	b.r = b.w
	if b = b.shrink(); b != nil {
		t.Error("an empty buffer is kept")
	}
}

// endless is the patience of a relay whose program stays.
func endless() patience {
	never := func() bool { return false }
	return patience{stall: time.Hour, step: time.Hour, gone: never, abort: never}
}
