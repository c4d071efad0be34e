//go:build linux

package ssa

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/engine/remote"
	"github.com/secure-socket-api/ssa/internal/service/wire"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// socketVariable names the socket of a service that is not at its usual place.
const socketVariable = "SSA_SOCKET"

// service is the service of this machine, which programs use that were not
// started with ssa run.
type service struct {
	engine *remote.Engine
	self   *sys.FD // a pidfd: on whose behalf we ask
}

// theService returns the service, nil when there is none.
var theService = sync.OnceValue(func() *service {
	path := os.Getenv(socketVariable)
	if path == "" {
		path = wire.DefaultPath
	}
	if _, err := os.Stat(path); err != nil {
		return nil
	}
	n, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		return nil
	}
	e := remote.New(remote.Config{Path: path, Agent: "Go package ssa",
		Log: slog.New(slog.DiscardHandler)})
	return &service{e, sys.Own(n)}
})

// request is what settings ask for.
func (s *service) request(role engine.Role, settings []Setting) (*engine.Request, error) {
	req := &engine.Request{Role: role, ID: s.engine.NewID(),
		Program: engine.ProgramClaim{Process: s.self}}
	if err := fill(req, settings); err != nil {
		return nil, err
	}
	return req, nil
}

// established hands a connection whose handshake is done to the program.
func (s *service) established(c engine.Conn, between addresses) (*Conn, error) {
	plaintext, end, err := plaintextPair()
	if err != nil {
		c.Abort()
		return nil, err
	}
	t := &throughService{UnixConn: end, conn: c, addresses: between}
	c.Relay(plaintext, engine.RelayOptions{BeforeReset: t.mark}, t.ended)
	return &Conn{stream: t, answers: t}, nil
}

// plaintextPair makes the two ends between the service and this program.
func plaintextPair() (service *sys.Stream, program *net.UnixConn, err error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	file := os.NewFile(uintptr(pair[1]), "tls")
	defer file.Close()
	if service, err = sys.NewStream(sys.Own(pair[0]), nil); err != nil {
		return nil, nil, err
	}
	end, err := net.FileConn(file)
	if err != nil {
		service.Close()
		return nil, nil, err
	}
	return service, end.(*net.UnixConn), nil
}

// throughService is this program's end of a connection in the service. Its
// addresses are those of the TCP connection.
type throughService struct {
	*net.UnixConn
	conn      engine.Conn
	addresses addresses

	mu   sync.Mutex
	last error // how it ended, when badly
	shut bool  // for writing
}

// ended notes how the relay has ended.
func (t *throughService) ended(end engine.End) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = end.Err
}

// mark notes why the connection breaks, and writes the byte of no meaning that
// makes a close of the other end show as ECONNRESET.
func (t *throughService) mark(why error) {
	t.ended(engine.End{Err: why})
	raw, err := t.UnixConn.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.Sendto(int(fd), []byte{0}, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, nil)
	})
}

// CloseWrite ends what we send. A cut of what the peer sends can still be told
// afterwards, for which a byte of no meaning stays unread.
func (t *throughService) CloseWrite() error {
	t.mu.Lock()
	first := !t.shut
	t.shut = true
	t.mu.Unlock()
	if first {
		t.conn.Guard()
		if _, err := t.Write([]byte{0}); err != nil && !errors.Is(err, syscall.EPIPE) {
			return err
		}
	}
	return t.UnixConn.CloseWrite()
}

// LocalAddr and RemoteAddr are those of the TCP connection.
func (t *throughService) LocalAddr() net.Addr  { return t.addresses.local }
func (t *throughService) RemoteAddr() net.Addr { return t.addresses.remote }

// explain makes an error of the engine one of this package.
func explain(err error) error {
	var failed *engine.Error
	if !errors.As(err, &failed) {
		return err
	}
	return &Error{Err: failed.Errno(), Reason: failed.Sentence}
}

// addresses are those of a TCP connection.
type addresses struct{ local, remote net.Addr }

// takeTCP takes the socket of a connection that the service is going to have:
// nothing in this program can read or write it any more.
func takeTCP(c net.Conn) (*sys.Stream, addresses, error) {
	defer c.Close()
	of := addresses{c.LocalAddr(), c.RemoteAddr()}
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return nil, of, errors.New("the connection is not TCP")
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil, of, err
	}
	n := -1
	closed := raw.Control(func(fd uintptr) { n, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) })
	if err = errors.Join(closed, err); err != nil {
		return nil, of, fmt.Errorf("taking the socket of a connection: %w", err)
	}
	stream, err := sys.NewStream(sys.Own(n), nil)
	return stream, of, err
}

// dial makes a connection through the service.
func (s *service) dial(ctx context.Context, d *Dialer, network, address string,
	settings []Setting) (net.Conn, error) {
	req, err := s.request(engine.Client, settings)
	if err != nil {
		return nil, err
	}
	if err := s.engine.Available(ctx); err != nil {
		return nil, explain(err)
	}
	dialer := d.Net
	dialer.SetMultipathTCP(false)
	c, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	stream, between, err := takeTCP(c)
	if err != nil {
		return nil, err
	}
	conn, err := s.engine.Handshake(ctx, stream, req)
	if err != nil {
		return nil, explain(err)
	}
	return s.established(conn, between)
}
