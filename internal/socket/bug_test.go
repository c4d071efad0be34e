package socket

import (
	"context"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/engine"
)

// faulty is an engine whose relays have a bug.
type faulty struct{ engine.Engine }

type faultyConn struct{ engine.Conn }

func (f faulty) Handshake(ctx context.Context, tcp engine.Stream,
	req *engine.Request) (engine.Conn, error) {
	conn, err := f.Engine.Handshake(ctx, tcp, req)
	return faultyConn{conn}, err
}

func (faultyConn) Relay(engine.Stream, engine.RelayOptions, func(engine.End)) {
	panic("a bug in relays")
}

// TestBugInRelay: a panic cuts the program's stream; it does not look like its
// end.
func TestBugInRelay(t *testing.T) {
	r, a := world(t)
	r.table.cfg.Engine = faulty{r.table.cfg.Engine}
	addr := peer(t, serverConfig(t, a))
	s, c := r.socket(t, abi.FamilyInet, unix.SOCK_STREAM)
	setOption(t, s, c, abi.RemoteHostname, "localhost")
	call := c.call()
	if err := call.wait(s.Connect(call, sockaddr(addr))); err != nil {
		t.Fatalf("connect: %v", err)
	}
	until(t, c.end, unix.POLLHUP)
	if _, err := unix.Read(c.end.Int(), make([]byte, 10)); err != unix.ECONNRESET {
		t.Fatalf("read: %v, want ECONNRESET", err)
	}
	why, err := s.TLSOption(c, abi.Error)
	for err == nil && len(why) <= 1 { // it is noted after the close
		why, err = s.TLSOption(c, abi.Error)
	}
	if !strings.Contains(string(why), "a bug in relays") {
		t.Errorf("TLS_ERROR = %q, %v, want to be told of the bug", why, err)
	}
}
