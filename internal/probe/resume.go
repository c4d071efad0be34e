package probe

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/secure-socket-api/ssa/internal/engine"
)

// patience is how long a peer has to end a connection after us. Session
// tickets of TLS 1.3 arrive before its end.
const patience = 2 * time.Second

// resumption ends the first connection in good order and says whether a second
// one takes up its session.
func (r *run) resumption(ctx context.Context, conn engine.Conn, tcp *net.TCPConn) string {
	if !r.cfg.Policy.Resumption {
		conn.Abort()
		return "off in the policy (sessions.resumption)"
	}
	if err := finish(conn, tcp); err != nil {
		return "not tried: " + err.Error()
	}
	second, _, err := r.handshake(ctx, r.cfg.Policy)
	if err != nil {
		return "a second connection failed: " + err.Error()
	}
	defer second.Abort()
	if second.Facts().Resumed {
		return "yes, a second connection resumed the session"
	}
	return "no, a second connection made a new session"
}

// finish relays nothing in both directions, until the peer has ended or was
// given time to.
func finish(conn engine.Conn, tcp *net.TCPConn) error {
	mine, theirs, err := pair()
	if err != nil {
		conn.Abort()
		return err
	}
	defer mine.Close()
	done := make(chan struct{})
	go func() {
		conn.Relay(theirs, engine.RelayOptions{})
		close(done)
	}()
	_ = mine.CloseWrite()
	_ = mine.SetReadDeadline(time.Now().Add(patience))
	_, _ = io.Copy(io.Discard, mine)
	_ = tcp.Close() // a peer that does not end is not waited for
	<-done
	return nil
}

// pair makes two connected streams.
func pair() (a, b *net.UnixConn, err error) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("making a pair of streams: %w", err)
	}
	var conns [2]*net.UnixConn
	for i, fd := range fds {
		file := os.NewFile(uintptr(fd), "pair")
		c, openErr := net.FileConn(file)
		file.Close()
		if openErr != nil {
			err = fmt.Errorf("making a pair of streams: %w", openErr)
			continue
		}
		conns[i] = c.(*net.UnixConn)
	}
	if err != nil {
		for _, c := range conns {
			if c != nil {
				c.Close()
			}
		}
		return nil, nil, err
	}
	return conns[0], conns[1], nil
}
