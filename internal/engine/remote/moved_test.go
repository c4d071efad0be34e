//go:build linux

package remote_test

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/engine/remote"
	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/service/wire"
	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// answerAlways is a service that gives one answer to every handshake. It
// ends when the caller does.
func answerAlways(c *wire.Conn, answer wire.Refused) error {
	defer c.Close()
	for {
		frame, err := c.Receive(context.Background())
		if err != nil {
			return nil // the caller has gone
		}
		frame.Close()
		switch m := frame.Message.(type) {
		case *wire.Hello:
			err = c.Send(&wire.Welcome{Version: wire.Version, FirstID: 1, IDs: 10})
		case *wire.Handshake:
			answer.Ref = m.Ref
			err = c.Send(&answer)
		}
		if err != nil {
			return err
		}
	}
}

// answerInTurn has a service of its own answer each caller, until the listener
// is closed.
func answerInTurn(t *testing.T, l *sys.Stream, answers ...wire.Refused) (wait func()) {
	var work sync.WaitGroup
	work.Go(func() {
		for _, answer := range answers {
			fd, err := l.Accept()
			if err != nil {
				return
			}
			work.Go(func() {
				c, err := wire.NewConn(fd, nil)
				if err == nil {
					err = answerAlways(c, answer)
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
	})
	return work.Wait
}

// TestNextServiceIsAsked: a handshake that comes to a service as it leaves is
// taken to the one that listens then, with the same TCP connection.
func TestNextServiceIsAsked(t *testing.T) {
	ssatest.NoLeaks(t)
	socket, path := serviceSocket(t)
	l, err := sys.NewStream(socket, nil)
	if err != nil {
		t.Fatal(err)
	}
	wait := answerInTurn(t, l, wire.Refused{Reason: uint64(engine.Down), Sentence: "leaving"},
		wire.Refused{Reason: uint64(engine.Refused), Sentence: "the second was asked"})
	peer, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	tcp, err := net.Dial("tcp", peer.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	rules, err := policy.Parse("test", []byte("default: {}"))
	if err != nil {
		t.Fatal(err)
	}
	e := remote.New(remote.Config{Path: path, Log: slog.New(slog.DiscardHandler)})
	_, err = e.Handshake(context.Background(), tcp.(*net.TCPConn),
		&engine.Request{Policy: rules.Default(), Name: "a.example"})
	if err == nil || !strings.Contains(err.Error(), "the second was asked") {
		t.Errorf("the handshake ended with %v, want the answer of the second service", err)
	}
	e.Close()
	l.Close()
	wait()
}
