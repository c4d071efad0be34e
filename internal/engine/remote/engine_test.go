//go:build linux

package remote_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/engine/local"
	"github.com/secure-socket-api/ssa/internal/engine/remote"
	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/program"
	"github.com/secure-socket-api/ssa/internal/service"
	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// rig is a service in this process, and a remote engine that uses it.
type rig struct {
	path    string // of the service's socket
	engine  *remote.Engine
	service *service.Service
	policy  *policy.Policy // as the service announced it
	self    *sys.FD        // pidfd of the program, which is this process
}

func newRig(t testing.TB, rules string) *rig {
	t.Helper()
	local := local.New(local.Config{})
	t.Cleanup(local.Close)
	return newRigWith(t, service.Config{Engine: local}, rules)
}

// newRigWith is newRig with an engine and limits of the test's.
func newRigWith(t testing.TB, cfg service.Config, rules string) *rig {
	t.Helper()
	loaded, err := policy.Parse("test", []byte(rules))
	if err != nil {
		t.Fatal(err)
	}
	identifier, err := program.New(program.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(identifier.Close)
	cfg.Policy, cfg.Identifier, cfg.Log = loaded, identifier, slog.New(slog.DiscardHandler)
	s := service.New(cfg)
	socket, path := serviceSocket(t)
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, socket) }()
	r := &rig{path: path, service: s}
	r.engine = remote.New(remote.Config{Path: path, Log: slog.New(slog.DiscardHandler),
		SetPolicy: func(p *policy.Policy) { r.policy = p }})
	if err := r.engine.Available(context.Background()); err != nil {
		t.Fatal(err)
	}
	n, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		t.Fatal(err)
	}
	r.self = sys.Own(n)
	t.Cleanup(func() {
		r.engine.Close()
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
		s.Leave()
		s.Drain(ctx)
		r.self.Close()
	})
	return r
}

// serviceSocket returns a listening socket at a short path: sun_path is short.
func serviceSocket(t testing.TB) (socket *sys.FD, path string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "ssa-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path = filepath.Join(dir, "s")
	if socket, err = sys.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0); err == nil {
		err = unix.Bind(socket.Int(), &unix.SockaddrUnix{Name: path})
	}
	if err == nil {
		err = unix.Listen(socket.Int(), 16)
	}
	if err != nil {
		t.Fatal(err)
	}
	return socket, path
}

// echoServer is a TLS server that sends back what it gets.
func echoServer(t testing.TB, issued *ssatest.Issued) net.Listener {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0",
		&tls.Config{Certificates: []tls.Certificate{issued.TLS}})
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	group.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			group.Go(func() {
				_, _ = io.Copy(c, c)
				c.Close()
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		group.Wait()
	})
	return l
}

// Requests of one caller may arrive in any order.
func TestManyAtOnce(t *testing.T) {
	ssatest.NoLeaks(t)
	a := ssatest.NewAuthority(t)
	l := echoServer(t, a.Issue(t, ssatest.Leaf{Names: []string{"a.example"}}))
	r := newRig(t, fmt.Sprintf("default: {trust: {roots: [%s]}}", a.File(t)))
	var group sync.WaitGroup
	for range 200 {
		group.Go(func() {
			if err := exchange(r, l.Addr().String()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

// exchange sends text to an echo server and wants it back.
func exchange(r *rig, address string) error {
	tcp, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	conn, err := r.engine.Handshake(context.Background(), tcp.(*net.TCPConn), &engine.Request{
		ID: r.engine.NewID(), Policy: r.policy.Default(), Name: "a.example",
		Program: engine.ProgramClaim{Process: r.self}})
	if err != nil {
		return fmt.Errorf("handshake: %w", err)
	}
	if facts := conn.Facts(); facts.Version != tls.VersionTLS13 ||
		facts.PeerIdentity != "a.example" || len(facts.PeerChain) == 0 {
		return fmt.Errorf("the facts are %+v", facts)
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	ours, err := sys.NewStream(sys.Own(pair[0]), nil)
	if err != nil {
		return err
	}
	program, err := sys.NewStream(sys.Own(pair[1]), nil)
	if err != nil {
		return err
	}
	ended := make(chan engine.End, 1)
	conn.Relay(ours, engine.RelayOptions{}, func(e engine.End) { ended <- e })
	if _, err := io.WriteString(program, "hello"); err != nil {
		return err
	}
	if err := program.CloseWrite(); err != nil {
		return err
	}
	if got, err := io.ReadAll(program); err != nil || string(got) != "hello" {
		return fmt.Errorf("got %q and %v back", got, err)
	}
	program.Close()
	if end := <-ended; end.Err != nil || end.Sent != 5 || end.Received != 5 {
		return fmt.Errorf("the relay ended with %+v", end)
	}
	return nil
}
