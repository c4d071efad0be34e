//go:build linux

package remote_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/engine/local"
	"github.com/secure-socket-api/ssa/internal/service"
	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// faulty is an engine with bugs.
type faulty struct {
	engine.Engine
	handshake, relay atomic.Bool   // what has one
	slow             atomic.Bool   // Abort waits
	aborts           chan struct{} // for this
}

func (f *faulty) Handshake(ctx context.Context, tcp engine.Stream,
	req *engine.Request) (engine.Conn, error) {
	if f.handshake.Load() {
		panic("a bug in handshakes")
	}
	conn, err := f.Engine.Handshake(ctx, tcp, req)
	return &faultyConn{conn, f}, err
}

type faultyConn struct {
	engine.Conn
	faults *faulty
}

func (c *faultyConn) Abort() {
	if c.faults.slow.Load() {
		<-c.faults.aborts
	}
	c.Conn.Abort()
}

func (c *faultyConn) Relay(plaintext engine.Stream, opts engine.RelayOptions,
	done func(engine.End)) {
	if c.faults.relay.Load() {
		panic("a bug in relays")
	}
	c.Conn.Relay(plaintext, opts, done)
}

func faultyRig(t *testing.T) (*rig, *faulty, net.Listener) {
	ssatest.NoLeaks(t)
	a := ssatest.NewAuthority(t)
	l := echoServer(t, a.Issue(t, ssatest.Leaf{Names: []string{"a.example"}}))
	local := local.New(local.Config{})
	t.Cleanup(local.Close)
	f := &faulty{Engine: local, aborts: make(chan struct{})}
	return newRigWith(t, service.Config{Engine: f}, fmt.Sprintf("default: {trust: {roots: [%s]}}",
		a.File(t))), f, l
}

// dial makes a connection, without a relay.
func dial(r *rig, address string) (engine.Conn, error) {
	tcp, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	return r.engine.Handshake(context.Background(), tcp.(*net.TCPConn), &engine.Request{
		ID: r.engine.NewID(), Policy: r.policy.Default(), Name: "a.example",
		Program: engine.ProgramClaim{Process: r.self}})
}

// pair returns the service's and the program's end of a connection.
func pair(t *testing.T, kind int) (ours, program *sys.Stream) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range []**sys.Stream{&ours, &program} {
		if *s, err = sys.NewStream(sys.Own(fds[i]), nil); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { program.Close() })
	return ours, program
}

// TestBugInHandshake: a panic ends the connection that it was for, and no
// other.
func TestBugInHandshake(t *testing.T) {
	r, f, l := faultyRig(t)
	f.handshake.Store(true)
	if _, err := dial(r, l.Addr().String()); err == nil ||
		!strings.Contains(err.Error(), "a bug in handshakes") {
		t.Errorf("the handshake ended with %v, want to be told of the bug", err)
	}
	f.handshake.Store(false)
	if err := exchange(r, l.Addr().String()); err != nil {
		t.Errorf("the next connection: %v", err)
	}
	r.wantNothingCounted(t)
}

// wantNothingCounted has the service leave, which ends when no connection is
// under way.
func (r *rig) wantNothingCounted(t *testing.T) {
	t.Helper()
	r.service.Leave()
	select {
	case <-r.service.Left():
	case <-time.After(30 * time.Second):
		t.Error("connections that have ended are counted as under way")
	}
}

// TestBugInRelay: to the program the stream is cut, not ended.
func TestBugInRelay(t *testing.T) {
	r, f, l := faultyRig(t)
	f.relay.Store(true)
	conn, err := dial(r, l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	ours, program := pair(t, unix.SOCK_STREAM)
	end := engine.RelayToEnd(conn, ours,
		engine.RelayOptions{BeforeReset: func(error) { _, _ = program.Write([]byte{0}) }})
	if end.Err == nil || !strings.Contains(end.Err.Error(), "a bug in relays") {
		t.Errorf("the relay ended with %v, want to be told of the bug", end.Err)
	}
	if _, err := io.ReadAll(program); !errors.Is(err, unix.ECONNRESET) {
		t.Errorf("the program read %v at the end, want ECONNRESET", err)
	}
	f.relay.Store(false)
	if err := exchange(r, l.Addr().String()); err != nil {
		t.Errorf("the next connection: %v", err)
	}
	r.wantNothingCounted(t)
}

// TestRelayOfAnythingElse: the service relays to stream sockets alone, and says
// so.
func TestRelayOfAnythingElse(t *testing.T) {
	r, _, l := faultyRig(t)
	conn, err := dial(r, l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	ours, _ := pair(t, unix.SOCK_DGRAM)
	if end := engine.RelayToEnd(conn, ours, engine.RelayOptions{}); end.Err == nil ||
		!strings.Contains(end.Err.Error(), "not an AF_UNIX stream socket") {
		t.Errorf("the relay ended with %v, want to be told that the descriptor is of no use", end.Err)
	}
}
