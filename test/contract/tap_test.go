//go:build linux

package contract

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"sync"
	"testing"
)

// secret is what programs write over every descriptor that they have.
const secret = "PLAINTEXT"

// tap is a TLS server that echoes, and keeps what it read of the wire.
type tap struct {
	net.Listener
	work sync.WaitGroup

	mu    sync.Mutex
	conns []*recording
}

func newTap(t *testing.T, config *tls.Config) *tap {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &tap{Listener: l}
	t.Cleanup(func() { p.wire() })
	p.work.Go(func() {
		for {
			tcp, err := l.Accept()
			if err != nil {
				return
			}
			r := &recording{Conn: tcp}
			p.mu.Lock()
			p.conns = append(p.conns, r)
			p.mu.Unlock()
			p.work.Go(func() {
				defer tcp.Close()
				c := tls.Server(r, config)
				if _, err := io.Copy(c, c); err != nil {
					_, _ = io.Copy(io.Discard, r) // whatever follows
				}
				_ = c.CloseWrite() // the client may be gone
				_, _ = io.Copy(io.Discard, r)
			})
		}
	})
	return p
}

func (p *tap) port() int { return p.Addr().(*net.TCPAddr).Port }

// wire returns what each connection has brought, when all have ended.
func (p *tap) wire() (all [][]byte) {
	p.Close()
	p.work.Wait()
	for _, r := range p.conns {
		all = append(all, r.seen)
	}
	return all
}

// nothingPlain fails the test if anything but TLS records came in, or the
// secret. Programs that wrote it must have ended.
func (p *tap) nothingPlain(t *testing.T) {
	t.Helper()
	for _, seen := range p.wire() {
		if bytes.Contains(seen, []byte(secret)) {
			t.Errorf("plain text on the wire: %.80q", seen)
		}
		for rest := seen; len(rest) > 0; {
			if len(rest) < 5 || rest[0] < 20 || rest[0] > 23 || rest[1] != 3 {
				t.Errorf("no TLS record on the wire: %.80q", rest)
				break
			}
			rest = rest[min(len(rest), 5+int(rest[3])<<8+int(rest[4])):]
		}
	}
}
