//go:build linux

package hostile

import (
	"crypto/tls"
	"net"
	"regexp"
	"slices"
	"testing"
)

// badServer is a server that does something bad instead of a handshake.
type badServer struct {
	name string
	talk func(*net.TCPConn)
	// want matches the errno of connect. EPROTO is a peer that does not speak
	// TLS; a peer whose TCP fails has TCP's own errno.
	want string
}

var badServers = []badServer{
	{"closes at once", func(*net.TCPConn) {}, "EPROTO|ECONNRESET"},
	{"resets at once", func(c *net.TCPConn) { _ = c.SetLinger(0) }, "ECONNRESET"},
	{"speaks HTTP", says("HTTP/1.1 400 Bad Request\r\n\r\n"), "EPROTO"},
	{"speaks SMTP", says("220 mail.example ESMTP\r\n"), "EPROTO"},
	{"nothing but zeros", says(string(make([]byte, 100000))), "EPROTO"},
	{"a huge record", says("\x16\x03\x03\xff\xff" + string(make([]byte, 70000))), "EPROTO"},
	{"an alert", says("\x15\x03\x03\x00\x02\x02\x28"), "EPROTO"},
	{"a record of nothing, many times", says(repeat("\x16\x03\x03\x00\x00", 5000)), "EPROTO"},
	{"warnings without end", says(repeat("\x15\x03\x03\x00\x02\x01\x5a", 5000)), "EPROTO"},
	{"application data first", says("\x17\x03\x03\x00\x05hello"), "EPROTO"},
	{"a server hello of one byte", says("\x16\x03\x03\x00\x05\x02\x00\x00\x01\x00"), "EPROTO"},
	{"a handshake message of 16 MiB", says("\x16\x03\x03\x00\x04\x02\xff\xff\xff"), "EPROTO"},
	{"half a record, then nothing", says("\x16\x03\x03\x01\x00\x02\x00"), "EPROTO"},
}

func repeat(s string, n int) string { return string(slices.Repeat([]byte(s), n)) }

// says reads the client's hello first: so its TCP is not reset for unread bytes.
func says(text string) func(*net.TCPConn) {
	return func(c *net.TCPConn) {
		_, _ = c.Read(make([]byte, 4096))
		_, _ = c.Write([]byte(text)) // the client may have gone already
	}
}

func TestBadServers(t *testing.T) {
	w := newWorld(t)
	for _, bad := range badServers {
		t.Run(bad.name, func(t *testing.T) {
			t.Parallel()
			l := w.network.Listen(t)
			p := w.start(t, "verify", l.Port(), 0)
			c := l.AcceptTCP()
			bad.talk(c)
			c.Close()
			got := p.Finish()
			if want := regexp.MustCompile("^connect = -1 (" + bad.want + ")$"); len(got) < 2 ||
				!want.MatchString(got[0]) {
				t.Fatalf("the program printed %q, wanted %v first", got, want)
			}
			if !regexp.MustCompile(`^TLS_ERROR: ".{10,}"$`).MatchString(got[1]) {
				t.Errorf("no sentence about it: %q", got[1])
			}
		})
	}
}

// TestEarlyClose closes a good server's connection after every number of bytes
// of its handshake.
func TestEarlyClose(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		w := newWorld(t)
		w.network.Server.MaxVersion = version
		for _, cut := range []int{0, 1, 4, 5, 6, 60, 127, 140, 200, 400, 600} {
			t.Run(tls.VersionName(version), func(t *testing.T) {
				t.Parallel()
				l := w.network.Listen(t)
				p := w.start(t, "verify", l.Port(), 0)
				tcp := l.AcceptTCP()
				server := tls.Server(&cutConn{TCPConn: tcp, left: cut}, w.network.Server)
				_ = server.Handshake() // fails when it is cut
				tcp.Close()
				got := p.Finish()
				if !regexp.MustCompile(`^connect = -1 (EPROTO|ECONNRESET)$`).MatchString(got[0]) {
					t.Errorf("cut after %d bytes: the program printed %q", cut, got)
				}
			})
		}
	}
}

// cutConn writes so many bytes and then no more.
type cutConn struct {
	*net.TCPConn
	left int
}

func (c *cutConn) Write(data []byte) (int, error) {
	n := min(len(data), c.left)
	c.left -= n
	if n, err := c.TCPConn.Write(data[:n]); err != nil {
		return n, err
	}
	if n < len(data) {
		return n, net.ErrClosed
	}
	return n, nil
}

// TestBadClients: whatever clients do, the server goes on serving others, and
// accept never shows a connection whose handshake failed.
func TestBadClients(t *testing.T) {
	w := newWorld(t)
	bad := map[string]string{
		"nothing":      "",
		"HTTP":         "GET / HTTP/1.1\r\n\r\n",
		"huge record":  "\x16\x03\x01\xff\xff" + string(make([]byte, 70000)),
		"huge message": "\x16\x03\x01\x00\x04\x01\xff\xff\xff",
		"empty hello":  "\x16\x03\x01\x00\x04\x01\x00\x00\x00",
		"an alert":     "\x15\x03\x03\x00\x02\x02\x28",
		"zeros":        string(make([]byte, 5000)),
	}
	p := w.start(t, "accept-many", 0, len(bad))
	port := p.Port()
	var silent []*net.TCPConn
	for name, text := range bad {
		c := w.network.DialTCP(t, port)
		_, _ = c.Write([]byte(text)) // the server may have gone off already
		silent = append(silent, w.network.DialTCP(t, port))
		good := w.network.Dial(t, port)
		good.Say("hello")
		good.Expect("hello")
		good.CloseWrite()
		good.ExpectEnd().Close()
		c.Close()
		t.Logf("served beside: %s", name)
	}
	if got := p.Finish(); !slices.Equal(got, []string{"35 bytes", "exit status 0"}) {
		t.Errorf("the program printed %q", got)
	}
	for _, c := range silent {
		c.Close()
	}
}

// TestDrip: a server that sends its handshake a byte at a time is slow, and no
// more than that.
func TestDrip(t *testing.T) {
	w := newWorld(t)
	l := w.network.Listen(t)
	p := w.start(t, "many", l.Port(), 1)
	tcp := l.AcceptTCP()
	server := tls.Server(dripConn{tcp}, w.network.Server)
	buffer := make([]byte, 1)
	if _, err := server.Read(buffer); err != nil {
		t.Fatalf("read: %v", err)
	}
	if _, err := server.Write(buffer); err != nil {
		t.Fatalf("write: %v", err)
	}
	if got := p.Finish(); !slices.Equal(got, []string{"1 connections", "exit status 0"}) {
		t.Errorf("the program printed %q", got)
	}
}

// dripConn writes one byte at a time, each in a segment of its own.
type dripConn struct{ *net.TCPConn }

func (c dripConn) Write(data []byte) (int, error) {
	for i := range data {
		if _, err := c.TCPConn.Write(data[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(data), nil
}
