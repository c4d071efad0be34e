//go:build linux

package remote_test

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/engine/local"
	"github.com/secure-socket-api/ssa/internal/service"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// TestSilentPeerKeepsNoTurn: with one handshake at a time, a peer that never
// answers does not keep another connection from its own.
func TestSilentPeerKeepsNoTurn(t *testing.T) {
	ssatest.NoLeaks(t)
	a := ssatest.NewAuthority(t)
	l := echoServer(t, a.Issue(t, ssatest.Leaf{Names: []string{"a.example"}}))
	local := local.New(local.Config{})
	t.Cleanup(local.Close)
	r := newRigWith(t, service.Config{Engine: local, Limits: service.Limits{Handshakes: 1}},
		fmt.Sprintf("default: {trust: {roots: [%s]}, limits: {handshake_timeout: 10m}}", a.File(t)))
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	tcp, err := net.Dial("tcp", silent.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		_, err := r.engine.Handshake(ctx, tcp.(*net.TCPConn), &engine.Request{
			ID: r.engine.NewID(), Policy: r.policy.Default(), Name: "a.example",
			Program: engine.ProgramClaim{Process: r.self}})
		ended <- err
	}()
	peer, err := silent.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	if _, err := peer.Read(make([]byte, 1)); err != nil { // the ClientHello: it has its turn
		t.Fatal(err)
	}
	other := make(chan error, 1)
	go func() { other <- exchange(r, l.Addr().String()) }()
	select {
	case err := <-other:
		if err != nil {
			t.Errorf("the other connection: %v", err)
		}
	case <-time.After(30 * time.Second):
		t.Error("the other connection has waited for 30 s, while the peer of the first says nothing")
	}
	cancel()
	if err := <-ended; err == nil {
		t.Error("a handshake without a peer succeeded")
	}
}
