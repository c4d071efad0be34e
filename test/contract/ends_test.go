//go:build linux

package contract

import (
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/test/peer"
	"github.com/secure-socket-api/ssa/test/programs"
)

// pair is an authority, a leaf and a policy that trusts them.
type pair struct {
	policy  string
	network *peer.Network
	server  []string // settings of a program that serves
}

func newPair(t *testing.T, versions ...uint16) *pair {
	authority := ssatest.NewAuthority(t)
	leaf := authority.Issue(t, ssatest.Leaf{Names: []string{"a.example"}})
	server := &tls.Config{Certificates: []tls.Certificate{leaf.TLS}}
	client := &tls.Config{RootCAs: authority.Pool(), ServerName: "a.example"}
	if len(versions) > 0 {
		server.MaxVersion, client.MaxVersion = versions[0], versions[0]
	}
	return &pair{
		policy:  ssatest.PolicyWithRoots(t, "", authority.File(t)),
		network: &peer.Network{Server: server, Client: client},
		server:  []string{"chain=" + leaf.ChainFile(t), "key=" + leaf.KeyFile(t)},
	}
}

// client starts a program that connects to the pair's server.
func (p *pair) client(t *testing.T, scenario string) (*programs.Process, *peer.Listener) {
	t.Helper()
	l := p.network.Listen(t)
	return start(t, p.policy, scenario, to(l), "name=a.example"), l
}

// TestTruncation: whatever the peer does in place of a close_notify, the
// program reads what came before and then ECONNRESET, never a silent end.
func TestTruncation(t *testing.T) {
	const text = "everything that was said"
	drain := func(c *peer.Conn) { _, _ = c.Drain() }
	ends := map[string]struct {
		end  func(*peer.Conn)
		want string
		// after, when not nil, comes once the program reads.
		after func(*peer.Conn)
	}{
		"close_notify":          {end: func(c *peer.Conn) { c.Close() }, want: "the end"},
		"close_notify and wait": {end: func(c *peer.Conn) { c.CloseWrite() }, want: "the end", after: func(c *peer.Conn) { c.ExpectEnd() }},
		"end of TCP":            {end: func(c *peer.Conn) { c.CloseTCP() }, want: "ECONNRESET"},
		"half end of TCP":       {end: func(c *peer.Conn) { c.CloseWriteTCP() }, want: "ECONNRESET", after: drain},
		"in the middle of a record": {end: func(c *peer.Conn) {
			if _, err := c.TCP().Write([]byte{23, 3, 3, 1, 0, 42, 42}); err != nil {
				t.Error(err)
			}
			c.CloseTCP()
		}, want: "ECONNRESET"},
		"in the middle of a header": {end: func(c *peer.Conn) {
			if _, err := c.TCP().Write([]byte{23, 3}); err != nil {
				t.Error(err)
			}
			c.CloseTCP()
		}, want: "ECONNRESET"},
		"a record nobody sealed": {end: func(c *peer.Conn) {
			if _, err := c.TCP().Write(append([]byte{23, 3, 3, 0, 40}, make([]byte, 40)...)); err != nil {
				t.Error(err)
			}
		}, want: "ECONNRESET", after: drain},
		"plain text": {end: func(c *peer.Conn) {
			if _, err := c.TCP().Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")); err != nil {
				t.Error(err)
			}
		}, want: "ECONNRESET", after: drain},
		"a reset": {end: func(c *peer.Conn) { c.WaitQueued(); c.Reset() }, want: "ECONNRESET"},
	}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		world := newPair(t, version)
		for name, e := range ends {
			for _, scenario := range []string{"read-end", "read-end-half-closed", "read-end-late",
				"server-end"} {
				t.Run(fmt.Sprintf("%s/%s/%s", tls.VersionName(version), name, scenario), func(t *testing.T) {
					t.Parallel()
					p, c := world.begin(t, scenario)
					c.Say(text)
					e.end(c)
					if scenario == "read-end-late" {
						p.WaitAndGoOn("connected")
					}
					if e.after != nil {
						e.after(c)
					}
					c.CloseTCP()
					got := p.Finish()
					line := lineWith(t, got, "read: ")
					if !strings.HasPrefix(line, fmt.Sprintf("read: %d bytes", len(text))) ||
						!strings.HasSuffix(line, "then "+e.want) {
						t.Errorf("%s; wanted %d bytes, then %s", line, len(text), e.want)
					}
					wantLines(t, got, "exit status 0")
				})
			}
		}
	}
}

// begin starts a program of either role and connects with it.
func (p *pair) begin(t *testing.T, scenario string) (*programs.Process, *peer.Conn) {
	t.Helper()
	if scenario == "server-end" {
		process := start(t, p.policy, scenario, p.server...)
		return process, p.network.Dial(t, process.Port())
	}
	process, l := p.client(t, scenario)
	c := l.Accept()
	if scenario == "read-end-half-closed" {
		c.Expect("question")
		process.Wait("half closed")
		c.ExpectEnd()
	}
	return process, c
}

// TestTruncationPolled: a program that waits with poll sees the end as an
// event, and as an error.
func TestTruncationPolled(t *testing.T) {
	p, l := newPair(t).client(t, "read-end-poll")
	c := l.Accept()
	c.CloseTCP()
	got := p.Finish()
	wantLines(t, got, "read = -1 ECONNRESET")
}

// TestEndsOnTheWire: however a program lets go of its connection, the peer gets
// every byte and then a close_notify.
func TestEndsOnTheWire(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		world := newPair(t, version)
		for _, how := range []string{"close", "exit", "killed", "cloexec"} {
			t.Run(tls.VersionName(version)+"/"+how, func(t *testing.T) {
				t.Parallel()
				l := world.network.Listen(t)
				p := start(t, world.policy, how, to(l), "name=a.example", "bytes=200000")
				c := l.Accept()
				data, err := c.Drain()
				if len(data) != 200000 || err.Error() != "EOF" {
					t.Errorf("the peer read %d bytes, then %v; wanted 200000, then a close_notify", len(data), err)
				}
				c.Close()
				p.Wait("written")
				if how == "close" || how == "cloexec" {
					p.WaitAndGoOn("closed")
				}
				p.Finish()
			})
		}
	}
}

// TestClientLeavesTickets: a TLS 1.3 client that sends and closes without
// reading leaves our tickets unread, so its TCP ends with a reset. The program
// still reads what was sent, and a proper end.
func TestClientLeavesTickets(t *testing.T) {
	world := newPair(t)
	for range 20 {
		p := start(t, world.policy, "server-end", world.server...)
		c := world.network.Dial(t, p.Port())
		c.Say("hello")
		c.Close()
		if line := lineWith(t, p.Finish(), "read: "); !strings.HasSuffix(line, "then the end") ||
			!strings.HasPrefix(line, "read: 5 bytes") {
			t.Fatalf("%s; wanted 5 bytes, then the end", line)
		}
	}
}

// TestErrTruncatedIsNoticed guards the tests above against a peer that cannot
// tell the two ends apart.
func TestErrTruncatedIsNoticed(t *testing.T) {
	world := newPair(t)
	l := world.network.Listen(t)
	ended := make(chan struct{})
	port := l.Port()
	go func() {
		defer close(ended)
		c, err := world.network.TryDial(t, port)
		if err == nil {
			c.CloseTCP()
		}
	}()
	c := l.Accept()
	if _, err := c.Drain(); !errors.Is(err, peer.ErrTruncated) {
		t.Errorf("the end of TCP alone is taken for %v", err)
	}
	<-ended
}

// TestTruncationAllowed: where the policy says so, the end of TCP is an end. A
// reset and what is no record are not.
func TestTruncationAllowed(t *testing.T) {
	world := newPair(t)
	text, err := os.ReadFile(world.policy)
	if err != nil {
		t.Fatal(err)
	}
	world.policy = filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(world.policy, append(text, "  truncation: end\n"...), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		last string
		end  func(*peer.Conn)
		want string
	}{
		"between records":      {"", func(c *peer.Conn) { c.CloseTCP() }, "the end"},
		"in the middle of one": {"\x17\x03\x03\x01\x00**", func(c *peer.Conn) { c.CloseTCP() }, "the end"},
		"after what is no TLS": {"HTTP/1.1 400 Bad Request\r\n\r\n", func(c *peer.Conn) { _, _ = c.Drain() }, "ECONNRESET"},
		"with a reset":         {"", func(c *peer.Conn) { c.WaitQueued(); c.Reset() }, "ECONNRESET"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, conn := world.begin(t, "read-end")
			conn.Say("everything")
			if _, err := conn.TCP().Write([]byte(c.last)); err != nil {
				t.Error(err)
			}
			c.end(conn)
			if line := lineWith(t, p.Finish(), "read: "); !strings.HasSuffix(line, "then "+c.want) {
				t.Errorf("%s; wanted %s", line, c.want)
			}
		})
	}
}

// TestAnswerToHalfClosedClient: a client that has ended its half of TCP without
// a close_notify, and waits, gets the answer and a proper end.
func TestAnswerToHalfClosedClient(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		p := newPair(t, version)
		program := start(t, p.policy, "answer-late", p.server...)
		c := p.network.Dial(t, program.Port())
		c.Say("question")
		c.CloseWriteTCP()
		c.WaitQueued()
		program.WaitAndGoOn("asked")
		if n := len(c.ReadAll()); n != 100000 {
			t.Errorf("the client read %d bytes of the answer, want 100000", n)
		}
		wantLines(t, program.Finish(), "read = 8", "write = 100000")
	}
}

// TestRefusedFlags: urgent data and data that is not copied are refused, and
// leave no trace in the stream.
func TestRefusedFlags(t *testing.T) {
	p := newPair(t)
	program, l := p.client(t, "refused-flags")
	c := l.Accept()
	if got := string(c.ReadAll()); got != "def" {
		t.Errorf("the peer read %q, want %q", got, "def")
	}
	c.Close()
	const no = " = -1 EOPNOTSUPP"
	wantLines(t, program.Finish(), "send MSG_OOB"+no, "sendmsg MSG_OOB"+no, "sendmmsg MSG_OOB"+no,
		"SO_ZEROCOPY"+no,
		"send MSG_ZEROCOPY"+no, "sendmsg MSG_ZEROCOPY"+no, "write = 3", "shutdown = 0")
}

// TestNobodyWaitsForAPeer: when the program has ended, so has `ssa run`, with its
// status, and nobody holds its output; what it wrote arrives all the same.
func TestNobodyWaitsForAPeer(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		p := newPair(t, version)
		for _, size := range []int{1000, 200_000, 3_000_000} {
			l := p.network.Listen(t)
			program := start(t, p.policy, "exit", to(l), "name=a.example", fmt.Sprintf("bytes=%d", size))
			c := l.Accept()
			program.Wait("written")
			wantLines(t, program.Finish(), "exit status 0")
			data, err := c.Drain()
			if len(data) != size || err.Error() != "EOF" {
				t.Errorf("the peer read %d bytes, then %v; wanted %d, then a close_notify", len(data), err, size)
			}
			c.Close()
		}
	}
}
