//go:build linux

package peer

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// Conn is one connection of a peer.
type Conn struct {
	t   testing.TB
	tcp *net.TCPConn
	tls *tls.Conn // nil for plain TCP
	raw *watched
}

// stream is what both kinds of connections can do.
type stream interface {
	net.Conn
	CloseWrite() error
}

// watched notices the end of TCP, which crypto/tls hides at record boundaries.
type watched struct {
	*net.TCPConn
	ended atomic.Bool
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.TCPConn.Read(p)
	if err != nil {
		w.ended.Store(true)
	}
	return n, err
}

func newConn(t testing.TB, tcp *net.TCPConn, wrap func(net.Conn) *tls.Conn) (*Conn, error) {
	c := &Conn{t: t, tcp: tcp, raw: &watched{TCPConn: tcp}}
	t.Cleanup(func() { tcp.Close() })
	if err := tcp.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	c.tls = wrap(c.raw)
	if c.tls != nil {
		if err := c.tls.Handshake(); err != nil {
			tcp.Close()
			return nil, fmt.Errorf("handshake: %w", err)
		}
	}
	return c, nil
}

func (c *Conn) stream() stream {
	if c.tls != nil {
		return c.tls
	}
	return c.tcp
}

// TCP returns the connection below.
func (c *Conn) TCP() *net.TCPConn { return c.tcp }

// State returns what was negotiated.
func (c *Conn) State() tls.ConnectionState { return c.tls.ConnectionState() }

// RemoteAddr is where the program is.
func (c *Conn) RemoteAddr() *net.TCPAddr { return c.tcp.RemoteAddr().(*net.TCPAddr) }

// Write sends bytes.
func (c *Conn) Write(data []byte) {
	c.t.Helper()
	if _, err := c.stream().Write(data); err != nil {
		c.t.Fatalf("peer: write %d bytes: %v", len(data), err)
	}
}

// Say sends text.
func (c *Conn) Say(text string) {
	c.t.Helper()
	c.Write([]byte(text))
}

// Expect reads exactly this text.
func (c *Conn) Expect(text string) {
	c.t.Helper()
	got := make([]byte, len(text))
	if n, err := io.ReadFull(c.stream(), got); err != nil {
		c.t.Fatalf("peer: read %q, wanted %q: %v", got[:n], text, err)
	}
	if string(got) != text {
		c.t.Fatalf("peer: read %q, wanted %q", got, text)
	}
}

// Echo returns n bytes to where they came from.
func (c *Conn) Echo(n int) {
	c.t.Helper()
	data := make([]byte, n)
	if got, err := io.ReadFull(c.stream(), data); err != nil {
		c.t.Fatalf("peer: read %d of %d bytes: %v", got, n, err)
	}
	c.Write(data)
}

// EchoAll returns everything until the program has ended its side, and then
// ends ours.
func (c *Conn) EchoAll() {
	c.t.Helper()
	buffer := make([]byte, 64<<10)
	for {
		n, err := c.stream().Read(buffer)
		c.Write(buffer[:n])
		if err != nil {
			c.mustBeClean(err)
			c.CloseWrite()
			return
		}
	}
}

// ReadAll reads until the program ends its side in the proper way: end of file,
// and with TLS a close_notify before that.
func (c *Conn) ReadAll() []byte {
	c.t.Helper()
	data, err := c.Drain()
	c.mustBeClean(err)
	return data
}

// ExpectEnd reads until the end, which must come next. It returns the
// connection, to be closed or not.
func (c *Conn) ExpectEnd() *Conn {
	c.t.Helper()
	if data := c.ReadAll(); len(data) > 0 {
		c.t.Fatalf("peer: read %d bytes (%.40q), wanted the end", len(data), data)
	}
	return c
}

// Drain reads until any end, which it returns; io.EOF is the proper one.
func (c *Conn) Drain() ([]byte, error) {
	var all []byte
	buffer := make([]byte, 64<<10)
	for {
		n, err := c.stream().Read(buffer)
		all = append(all, buffer[:n]...)
		if err == nil {
			continue
		}
		if errors.Is(err, io.EOF) && c.tls != nil && c.raw.ended.Load() {
			return all, ErrTruncated
		}
		return all, err
	}
}

// ErrTruncated is the end of TCP where a close_notify should have been.
var ErrTruncated = errors.New("TCP ended without a close_notify")

func (c *Conn) mustBeClean(err error) {
	c.t.Helper()
	if c.tls != nil && errors.Is(err, io.EOF) && c.raw.ended.Load() {
		err = ErrTruncated
	}
	if !errors.Is(err, io.EOF) {
		c.t.Fatalf("peer: wanted a proper end, got: %v", err)
	}
}

// CloseWrite ends our side: FIN, or close_notify.
func (c *Conn) CloseWrite() {
	c.t.Helper()
	if err := c.stream().CloseWrite(); err != nil {
		c.t.Fatalf("peer: end our side: %v", err)
	}
}

// Close ends the connection in the proper way. It may have ended already.
func (c *Conn) Close() { c.stream().Close() }

// CloseTCP ends TCP and says nothing before: with TLS, a truncation.
func (c *Conn) CloseTCP() { c.tcp.Close() }

// CloseWriteTCP ends our side of TCP and says nothing before.
func (c *Conn) CloseWriteTCP() {
	c.t.Helper()
	if err := c.tcp.CloseWrite(); err != nil {
		c.t.Fatalf("peer: end our side of TCP: %v", err)
	}
}

// Reset ends TCP with RST.
func (c *Conn) Reset() {
	c.t.Helper()
	if err := c.tcp.SetLinger(0); err != nil {
		c.t.Fatalf("peer: ask for a reset: %v", err)
	}
	c.tcp.Close()
}

// WaitQueued returns once the program's end of the wire has acknowledged every
// byte sent. It says nothing of what reads there.
func (c *Conn) WaitQueued() {
	c.t.Helper()
	raw, err := c.tcp.SyscallConn()
	if err != nil {
		c.t.Fatalf("peer: %v", err)
	}
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		var left int
		if err := raw.Control(func(fd uintptr) { left = outstanding(fd) }); err != nil {
			c.t.Fatalf("peer: %v", err)
		}
		if left == 0 {
			return
		}
	}
	c.t.Fatal("peer: the program's side does not acknowledge what was sent")
}

// IsReset reports whether an error is that of a reset.
func IsReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
