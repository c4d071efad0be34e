//go:build linux

package remote_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/service/wire"
	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/internal/sys"
)

func echoRig(t *testing.T) (*rig, net.Listener) {
	t.Helper()
	ssatest.NoLeaks(t)
	a := ssatest.NewAuthority(t)
	l := echoServer(t, a.Issue(t, ssatest.Leaf{Names: []string{"a.example"}}))
	return newRig(t, fmt.Sprintf("default: {trust: {roots: [%s]}}", a.File(t))), l
}

// relayed makes a connection and begins its relay.
func relayed(t *testing.T, r *rig,
	l net.Listener) (conn engine.Conn, program *sys.Stream, ended chan engine.End) {
	t.Helper()
	conn, err := dial(r, l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	ours, program := pair(t, unix.SOCK_STREAM)
	ended = make(chan engine.End, 1)
	conn.Relay(ours,
		engine.RelayOptions{BeforeReset: func(error) { _, _ = program.Write([]byte{0}) }},
		func(e engine.End) { ended <- e })
	return conn, program, ended
}

// TestAbortOfRelayed: Abort cuts what is being relayed, as it does in the
// engine of this process.
func TestAbortOfRelayed(t *testing.T) {
	r, l := echoRig(t)
	conn, program, ended := relayed(t, r, l)
	if _, err := io.WriteString(program, "x"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(program, make([]byte, 1)); err != nil { // the relay has begun
		t.Fatal(err)
	}
	conn.Abort()
	if _, err := io.ReadAll(program); !errors.Is(err, unix.ECONNRESET) {
		t.Errorf("the program read %v at the end, want ECONNRESET", err)
	}
	if end := <-ended; end.Err == nil {
		t.Error("the relay says that it ended well")
	}
	r.wantNothingCounted(t)
}

// TestIdleConnectionsHaveNoGoroutine: neither in the service nor in the gate,
// once nothing has come for a while.
func TestIdleConnectionsHaveNoGoroutine(t *testing.T) {
	r, l := echoRig(t)
	if err := exchange(r, l.Addr().String()); err != nil { // whatever is begun once
		t.Fatal(err)
	}
	const connections = 20
	before := runtime.NumGoroutine()
	for range connections {
		_, program, _ := relayed(t, r, l)
		if _, err := io.WriteString(program, "x"); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(program, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
	// the echo server has one for each
	own := func() int { return runtime.NumGoroutine() - before - connections }
	ssatest.Await(t, fmt.Sprintf("%d idle connections need few goroutines", connections),
		func() bool { return own() <= connections/2 })
}

// TestHastyRelay: a caller that sends Relay, or Abort, before it is told that
// the connection is established gets what it asked for.
func TestHastyRelay(t *testing.T) {
	r, l := echoRig(t)
	caller, err := wire.Dial(r.path)
	if err != nil {
		t.Fatal(err)
	}
	defer caller.Close()
	if _, err := wire.Greet(context.Background(), caller, wire.Hello{Agent: "hasty"}); err != nil {
		t.Fatal(err)
	}
	handshake := func(ref uint64) {
		tcp, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer tcp.Close()
		file, err := tcp.(*net.TCPConn).File()
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if err := caller.Send(&wire.Handshake{Ref: ref, Request: wire.Request{Name: "a.example"}},
			int(file.Fd()), r.self.Int()); err != nil {
			t.Fatal(err)
		}
	}
	ours, program := pair(t, unix.SOCK_STREAM)
	handshake(1)
	if err := ours.Control(func(fd int) error {
		return caller.Send(&wire.Relay{Ref: 1},
			fd)
	}); err != nil {
		t.Fatal(err)
	}
	ours.Close()
	handshake(2)
	if err := caller.Send(&wire.Abort{Ref: 2}); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(program, "hello"); err != nil {
		t.Fatal(err)
	}
	if err := program.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(program); err != nil || string(got) != "hello" {
		t.Errorf("got %q and %v back", got, err)
	}
	program.Close()
	r.wantNothingCounted(t)
}

// TestSlowGoodbye: a connection that is given up, and whose peer does not take
// the close_notify, holds up no other of the same caller.
func TestSlowGoodbye(t *testing.T) {
	r, f, l := faultyRig(t)
	f.slow.Store(true)
	conn, err := dial(r, l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn.Abort()
	other := make(chan error, 1)
	go func() { other <- exchange(r, l.Addr().String()) }()
	select {
	case err := <-other:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(30 * time.Second):
		t.Error("another connection has waited for 30 s")
	}
	close(f.aborts)
	r.wantNothingCounted(t)
}
