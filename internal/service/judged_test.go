package service

import (
	"errors"
	"log/slog"
	"net"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/policy"
	programs "github.com/secure-socket-api/ssa/internal/program"
	"github.com/secure-socket-api/ssa/internal/service/wire"
	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// slow is an Identifier whose answers wait.
type slow struct{ begun, end chan struct{} }

func (s slow) Identify(*sys.FD) (programs.Process, error) {
	s.begun <- struct{}{}
	<-s.end
	return programs.Process{}, errors.New("it has been looked at long enough")
}

// connectedFD is a connected TCP socket.
func connectedFD(t *testing.T, address string) *sys.FD {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	file, err := conn.(*net.TCPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	n, err := unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	return sys.Own(n)
}

// TestRequestsDoNotPileUp: a caller whose requests come faster than they are
// judged is not read from, so that it cannot fill the service with descriptors
// that no limit counts.
func TestRequestsDoNotPileUp(t *testing.T) {
	rules, err := policy.Parse("p.yaml", []byte("default: {}"))
	if err != nil {
		t.Fatal(err)
	}
	identifier := slow{make(chan struct{}, 100), make(chan struct{})}
	s := New(Config{Policy: rules, Identifier: identifier, Log: slog.New(slog.DiscardHandler),
		Limits: Limits{Judged: 4}})
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	gate := sys.Own(pair[1])
	defer gate.Close()
	c, err := newCaller(s, sys.Own(pair[0]))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	const requests = 6
	results := make(chan error, 1)
	var tcp, pidfds [requests]*sys.FD
	for i := range requests {
		tcp[i], pidfds[i] = connectedFD(t, listener.Addr().String()), pidfdOf(t, unix.Getpid())
	}
	go func() {
		var err error
		for i := 0; i < requests && err == nil; i++ {
			err = c.handshake(&wire.Handshake{Ref: uint64(i + 1)}, tcp[i], pidfds[i])
		}
		results <- err
	}()
	for range 3 { // the share of one user of 4
		<-identifier.begun
	}
	ssatest.Await(t, "a request beyond the share waits", func() bool {
		if len(identifier.begun) > 0 {
			t.Fatal("more is judged at a time than one user's share")
		}
		return s.judged.Length() > 0
	})
	close(identifier.end)
	if err := <-results; err != nil {
		t.Errorf("a request that waited: %v", err)
	}
	for range requests - 3 {
		<-identifier.begun
	}
	s.work.Wait()
	if n := s.judged.Taken(); n != 0 {
		t.Errorf("%d turns are taken still", n)
	}
	c.end()
}
