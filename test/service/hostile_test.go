//go:build linux

package service

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/service/wire"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// caller is somebody at the service's socket who does what he likes.
type caller struct {
	*wire.Conn
	t *testing.T
}

func (w *world) caller(t *testing.T) *caller {
	t.Helper()
	conn, err := wire.Dial(w.socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	if _, err := wire.Greet(t.Context(), conn, wire.Hello{Agent: "test"}); err != nil {
		t.Fatal(err)
	}
	return &caller{conn, t}
}

// wantRefused fails the test unless a question is refused with these words.
func (c *caller) wantRefused(ref uint64, words string, question wire.Message, descriptors ...int) {
	c.t.Helper()
	frame, err := wire.Ask(c.t.Context(), c.Conn, ref, question, descriptors...)
	if err == nil {
		frame.Close()
		c.t.Errorf("%T was answered with %+v, want a refusal with %q", question, frame.Message, words)
	} else if !strings.Contains(err.Error(), words) {
		c.t.Errorf("%T was refused with %q, want %q", question, err, words)
	}
}

// wantWorking fails the test unless the service does its work for others.
func (w *world) wantWorking(t *testing.T) {
	t.Helper()
	l := w.network.Listen(t)
	p := w.python(t, nil, `
s = tls()
put(s, NAME, "a.example")
connect(s, args[0])
say(s.recv(10))
`, l.Port())
	c := l.Accept()
	c.Say("fine")
	wantTranscript(t, p, "connect 0", "b'fine'")
	c.Close()
}

// descriptorsOf counts the open descriptors of both of the service's processes.
// The worker lets nobody but root look.
func descriptorsOf(t *testing.T, s *ssatest.Service) (n int) {
	t.Helper()
	processes := []int{s.Cmd.Process.Pid}
	if os.Getuid() == 0 {
		processes = append(processes, s.Worker(t))
	}
	for _, pid := range processes {
		entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
		if err != nil {
			t.Fatal(err)
		}
		n += len(entries)
	}
	return n
}

// wantNoMore waits until the service has no more descriptors than before.
func wantNoMore(t *testing.T, s *ssatest.Service, before int) {
	t.Helper()
	for end := time.Now().Add(time.Minute); descriptorsOf(t,
		s) > before; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the service has %d descriptors, and had %d before", descriptorsOf(t, s), before)
		}
	}
}

// wantEnd waits until the service ends the connection.
func wantEnd(t *testing.T, c net.Conn) {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4096)
	for {
		if _, err := c.Read(buf); err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("the service does not end the connection")
			}
			return
		}
	}
}

// TestNonsense: whoever breaks the protocol is cut off; nobody else notices,
// and nothing stays behind.
func TestNonsense(t *testing.T) {
	w := newWorld(t)
	s := w.service(t)
	w.wantWorking(t)
	before := descriptorsOf(t, s)
	hello := "\x00\x00\x00\x0d\x01\x00\x00\x00" + "\x01\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\x01"
	t.Run("kinds", func(t *testing.T) {
		for name, data := range map[string]string{
			"HTTP":                    "GET / HTTP/1.0\r\n\r\n",
			"no Hello":                "\x00\x00\x00\x00\x05\x00\x00\x00",
			"another version":         strings.Replace(hello, "\x01\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\x01", "\x01\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\x63", 1),
			"huge":                    hello + "\xff\xff\xff\xff\x05\x00\x00\x00",
			"an answer":               hello + "\x00\x00\x00\x00\x86\x00\x00\x00",
			"Relay without a stream":  hello + "\x00\x00\x00\x00\x06\x00\x00\x00",
			"descriptors not there":   hello + "\x00\x00\x00\x00\x06\x01\x00\x00",
			"a number of three bytes": hello + "\x00\x00\x00\x08\x05\x00\x00\x00\x01\x00\x00\x00\x03\x00\x00\x00",
			"nothing":                 "",
			"half a greeting":         hello[:9],
			"half a message":          hello + "\x00\x00\x10\x00\x04\x00\x00\x00half",
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				c, err := net.Dial("unix", w.socket)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				if _, err := c.Write([]byte(data)); err != nil {
					t.Fatal(err)
				}
				wantEnd(t, c)
			})
		}
	})
	wantNoMore(t, s, before)
	w.wantWorking(t)
}

// TestWrongDescriptors: what is no TCP connection is not used as one, whatever
// it is.
func TestWrongDescriptors(t *testing.T) {
	w := newWorld(t)
	s := w.service(t)
	w.wantWorking(t)
	before := descriptorsOf(t, s)
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	self, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(self)
	kinds := map[string][3]int{
		"a TCP socket that is not connected": {unix.AF_INET, unix.SOCK_STREAM, 0},
		"a UDP socket":                       {unix.AF_INET, unix.SOCK_DGRAM, 0},
		"an AF_UNIX socket":                  {unix.AF_UNIX, unix.SOCK_STREAM, 0},
	}
	c := w.caller(t)
	ref := uint64(1)
	ask := func(name, words string, r wire.Request, fds ...int) {
		ref++
		t.Log(name)
		c.wantRefused(ref, words, &wire.Handshake{Ref: ref, Request: r}, fds...)
	}
	request := wire.Request{Name: "a.example"}
	for name, kind := range kinds {
		fd, err := unix.Socket(kind[0], kind[1], kind[2])
		if err != nil {
			t.Fatal(err)
		}
		ask(name, "TCP socket", request, fd, self)
		unix.Close(fd)
	}
	ask("a file", "not a TCP socket", request, int(null.Fd()), self)
	ask("nothing at all", "has none", request)
	l := w.network.Listen(t)
	tcp, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", l.Port()))
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	file, err := tcp.(*net.TCPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	fd := int(file.Fd())
	ask("no pidfd", "pidfd", request, fd)
	ask("a file in place of the pidfd", "not a pidfd", request, fd, int(null.Fd()))
	ask("another executable", "executed /bin/other",
		wire.Request{Name: "a.example", Exe: "/bin/other"}, fd, self)
	ask("no such option", "settings",
		wire.Request{Name: "a.example", Options: [][]byte{{1}}}, fd, self)
	ask("a root that is none", "root", wire.Request{Name: "a.example", Roots: [][]byte{{1}}}, fd, self)
	ask("an identity that is none", "certificate",
		wire.Request{Name: "a.example", Identities: [][]byte{{1}}}, fd, self)
	ask("no name", "name", wire.Request{}, fd, self)
	ref++
	c.wantRefused(ref, "no server", &wire.Handshake{Ref: ref, Listener: 99}, fd)
	c.Close()
	wantNoMore(t, s, before)
	w.wantWorking(t)
}

// TestIdleCallers: thousands who only hold on cost nobody else anything, and
// those who do not read their answers are cut off.
func TestIdleCallers(t *testing.T) {
	w := newWorld(t)
	s := w.service(t)
	w.wantWorking(t)
	before := descriptorsOf(t, s)
	const many = 1500
	var idle []*wire.Conn
	for range many {
		conn, err := wire.Dial(w.socket)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := wire.Greet(t.Context(), conn, wire.Hello{}); err != nil {
			t.Fatal(err)
		}
		idle = append(idle, conn)
	}
	w.wantWorking(t)
	deaf := w.caller(t)
	var err error
	for ref := uint64(1); err == nil && ref < 1<<20; ref++ {
		err = deaf.Send(&wire.Status{Ref: ref})
	}
	if err == nil {
		t.Error("a caller who never reads was not cut off")
	}
	w.wantWorking(t)
	for _, c := range idle {
		c.Close()
	}
	deaf.Close()
	wantNoMore(t, s, before)
}
