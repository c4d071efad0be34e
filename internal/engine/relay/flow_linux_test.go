package relay

import (
	"crypto/sha256"
	"crypto/tls"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// Both directions at once, with a checksum.
func TestBulkBothWays(t *testing.T) {
	size := int64(64 << 20)
	if testing.Short() {
		size = 4 << 20
	}
	each(t, func(t *testing.T, opts rigOptions) {
		r := newRig(t, opts)
		chunk := pattern(1<<20 + 13)
		sum := func(reader io.Reader) <-chan [32]byte {
			out := make(chan [32]byte, 1)
			go func() {
				h := sha256.New()
				if _, err := io.Copy(h, reader); err != nil {
					t.Errorf("reading: %v", err)
				}
				out <- [32]byte(h.Sum(nil))
			}()
			return out
		}
		write := func(w interface {
			io.Writer
			CloseWrite() error
		}) <-chan [32]byte {
			out := make(chan [32]byte, 1)
			go func() {
				h := sha256.New()
				for left := size; left > 0; {
					p := chunk[:min(left, int64(len(chunk)))]
					h.Write(p)
					left -= int64(len(p))
					mustWriteInGoroutine(t, w, p)
				}
				w.CloseWrite()
				out <- [32]byte(h.Sum(nil))
			}()
			return out
		}
		toPeer, atPeer := write(r.program), sum(r.peer)
		toProgram, atProgram := write(r.peer), sum(r.program)
		if <-toPeer != <-atPeer {
			t.Error("what the peer read is not what the program wrote")
		}
		if <-toProgram != <-atProgram {
			t.Error("what the program read is not what the peer wrote")
		}
		if end := r.expectEnd(t, nil); end.Sent != size || end.Received != size {
			t.Errorf("%d sent and %d received, want %d each", end.Sent, end.Received, size)
		}
	})
}

// A peer that does not read stops the program: far less than what is offered is
// taken, and all of that arrives later.
func TestBackPressure(t *testing.T) {
	const offered, most = 256 << 20, 32 << 20
	r := newRig(t, rigOptions{})
	must(t, r.program.SetWriteDeadline(time.Now().Add(200*time.Millisecond)))
	n, err := r.program.Write(make([]byte, offered))
	if err == nil || n > most {
		t.Fatalf("%d bytes were taken (%v), want less than %d", n, err, most)
	}
	if _, err := io.CopyN(io.Discard, r.peer, int64(n)); err != nil {
		t.Fatalf("reading the %d bytes taken: %v", n, err)
	}
}

// While a program does not read, the relay takes no more from TCP than its
// buffers hold.
func TestBackPressureToPeer(t *testing.T) {
	const offered, most = 256 << 20, 32 << 20
	r := newRig(t, rigOptions{})
	counted := &countingConn{Conn: r.peerTCP}
	r.peerOut.Conn = counted
	written := make(chan error, 1)
	go func() {
		_, err := r.peer.Write(make([]byte, offered))
		written <- err
	}()
	ssatest.Await(t, "the first bytes; the time below is for the rest", func() bool { return counted.n.Load() != 0 })
	must(t, r.peerTCP.SetWriteDeadline(time.Now().Add(200*time.Millisecond)))
	if err := <-written; err == nil || counted.n.Load() > most {
		t.Fatalf("%d bytes were taken (%v), want less than %d", counted.n.Load(), err, most)
	}
	must(t, r.peerTCP.CloseWrite())
	n, err := io.Copy(io.Discard, r.program)
	if n == 0 || n > most || err == nil {
		t.Errorf("the program read %d bytes and %v, want what was taken and ECONNRESET", n, err)
	}
	r.expectEnd(t, ErrTruncated)
}

type countingConn struct {
	net.Conn
	n atomic.Int64
}

func (c *countingConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.n.Add(int64(n))
	return n, err
}

// One message at a time: nothing waits for more to come.
func TestPingPong(t *testing.T) {
	each(t, func(t *testing.T, opts rigOptions) {
		r := newRig(t, opts)
		for n := 1; n < 200_000; n = n*3 + 1 {
			message, got := pattern(n), make([]byte, n)
			go mustWriteInGoroutine(t, r.program, message)
			if _, err := io.ReadFull(r.peer, got); err != nil || string(got) != string(message) {
				t.Fatalf("%d bytes to the peer: %v", n, err)
			}
			go mustWriteInGoroutine(t, r.peer, message)
			if _, err := io.ReadFull(r.program, got); err != nil || string(got) != string(message) {
				t.Fatalf("%d bytes to the program: %v", n, err)
			}
		}
	})
}

// Records that come byte by byte.
func TestDrip(t *testing.T) {
	r := newRig(t, rigOptions{version: tls.VersionTLS12})
	for _, record := range r.encrypt(t, []byte("slow"), []byte("ly")) {
		for i := range record {
			mustWrite(t, r.peerTCP, record[i:i+1])
		}
	}
	r.peerShutdown(t)
	expectRead(t, "the program", r.program, []byte("slowly"), nil)
	must(t, r.program.Close())
	r.expectEnd(t, nil)
}
