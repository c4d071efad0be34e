//go:build linux

package hostile

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/engine/lobby"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// hello is what a client of crypto/tls says first.
func (w *world) hello(t *testing.T) []byte {
	t.Helper()
	a, b := net.Pipe()
	defer a.Close()
	go func() {
		_ = tls.Client(b, w.network.Client).Handshake() // it never gets an answer
		b.Close()
	}()
	buffer := make([]byte, 16<<10)
	n, err := a.Read(buffer)
	if err != nil {
		t.Fatal(err)
	}
	return buffer[:n]
}

// closed reports whether the server has closed a connection, without waiting
// for it.
func closed(c *net.TCPConn) bool {
	_ = c.SetReadDeadline(time.Now().Add(100 * time.Microsecond))
	for buffer := make([]byte, 16<<10); ; {
		if _, err := c.Read(buffer); err != nil {
			return !errors.Is(err, os.ErrDeadlineExceeded)
		}
	}
}

// stalled are connections that say something and then nothing.
type stalled struct {
	w    *world
	port int
	says []byte
	all  []*net.TCPConn
}

// come opens connections.
func (s *stalled) come(t *testing.T, n int) {
	for range n {
		c := s.w.network.DialTCP(t, s.port)
		_, _ = c.Write(s.says) // it may have been let go already
		s.all = append(s.all, c)
	}
}

// gone takes out those that the server has closed, and counts them.
func (s *stalled) gone() int {
	before := len(s.all)
	s.all = slices.DeleteFunc(s.all, closed)
	return before - len(s.all)
}

// TestStallingClients: clients that keep a handshake waiting do not keep others
// out, however many they are, from the same address, with a limit of handshakes
// that all of them pass and a time limit that none of them reaches. Those that
// are let go and come back do no better.
func TestStallingClients(t *testing.T) {
	w := newWorld(t)
	whole := w.hello(t)
	for _, tc := range []struct {
		name    string
		says    []byte
		clients int
		gone    int // so many at least are let go
	}{
		{"nothing", nil, 300, 0},
		{"a few bytes", whole[:7], 300, 0},
		{"half a hello", whole[:len(whole)/2], lobby.MaxHello + 300, 300},
		{"a whole hello", whole, 300, 0},
		{"many whole hellos", whole, lobby.MaxAnswer + 300, 300},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := *w
			w.policy = ssatest.PolicyWithRoots(t, "  limits: {handshakes: 2, handshake_timeout: 10m, connections: 8}\n", w.root)
			p := w.start(t, "accept-many", 0, 2)
			crowd := &stalled{w: &w, port: p.Port(), says: tc.says}
			honest := func() {
				good := w.network.Dial(t, crowd.port)
				good.Say("hello")
				good.Expect("hello")
				good.CloseWrite()
				good.ExpectEnd().Close()
			}
			crowd.come(t, tc.clients)
			honest()
			left := 0
			ssatest.Await(t, fmt.Sprintf("%d of %d are let go", tc.gone, tc.clients), func() bool {
				left += crowd.gone()
				return left >= tc.gone
			})
			crowd.come(t, left)
			honest()
			if got := p.Finish(); !slices.Equal(got, []string{"10 bytes", "exit status 0"}) {
				t.Errorf("the program printed %q", got)
			}
			for _, c := range crowd.all {
				c.Close()
			}
		})
	}
}

// TestServerThatNeverAnswers: connect ends by the policy's limit, with a peer
// that takes the hello and then says nothing, or begins to answer and stops.
func TestServerThatNeverAnswers(t *testing.T) {
	for name, says := range map[string]string{"nothing": "",
		"half a record": "\x16\x03\x03\x01\x00\x02"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.policy = ssatest.PolicyWithRoots(t, "  limits: {client_handshake_timeout: 300ms}\n", w.root)
			l := w.network.Listen(t)
			p := w.start(t, "verify", l.Port(), 0)
			c := l.AcceptTCP()
			_, _ = c.Write([]byte(says)) // the client reads it or not
			got := p.Finish()
			c.Close()
			if len(got) < 2 || got[0] != "connect = -1 ETIMEDOUT" ||
				!strings.Contains(got[1], "did not finish within 300ms") {
				t.Errorf("the program printed %q", got)
			}
		})
	}
}
