package service

import (
	"context"
	"log/slog"
	"net"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/service/wire"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// TestRequestThatCrossesLeaving: a handshake that was asked for while a service
// without connections left is refused in the way that has the next one asked,
// and not lost with the connection to it.
func TestRequestThatCrossesLeaving(t *testing.T) {
	s := New(Config{Policy: policy.Builtin(), Identifier: &looked{},
		Log: slog.New(slog.DiscardHandler)})
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := wire.NewConn(sys.Own(pair[1]), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	s.welcome(sys.Own(pair[0]))
	if _, err := wire.Greet(t.Context(), conn, wire.Hello{Agent: "test"}); err != nil {
		t.Fatal(err)
	}
	peer, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	dialled, err := net.Dial("tcp", peer.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer dialled.Close()
	tcp, err := dialled.(*net.TCPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	s.Leave()
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		s.Drain(context.Background())
	}()
	self := pidfdOf(t, os.Getpid())
	if err := conn.Send(&wire.Handshake{Ref: 1, Request: wire.Request{Name: "a.example"}},
		int(tcp.Fd()), self.Int()); err != nil {
		t.Fatalf("the service is gone: %v", err)
	}
	for {
		frame, err := conn.Receive(t.Context())
		if err != nil {
			t.Fatalf("the request is lost: %v", err)
		}
		frame.Close()
		if _, ok := frame.Message.(*wire.GoAway); ok {
			continue
		}
		if m, ok := frame.Message.(*wire.Refused); !ok || engine.Reason(m.Reason) != engine.Down {
			t.Errorf("the answer is %+v", frame.Message)
		}
		break
	}
	conn.Close()
	<-drained
}
