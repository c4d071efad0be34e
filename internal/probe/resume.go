package probe

import (
	"context"
	"errors"
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

// finish ends the first connection in good order, reports how the peer took
// that, and then whether a second one takes up its session.
func (r *run) finish(ctx context.Context, conn engine.Conn, tcp *net.TCPConn) {
	n := r.report.Negotiated
	end, patient, err := drain(conn, tcp)
	switch {
	case err != nil:
		n.Resumption = "not tried: " + err.Error()
		return
	case patient && end.Err != nil:
		n.End = clean(end.Err.Error())
	}
	if !r.cfg.Policy.Resumption {
		n.Resumption = "off in the policy (sessions.resumption)"
		return
	}
	second, _, err := r.handshake(ctx, r.cfg.Policy)
	if err != nil {
		n.Resumption = "a second connection failed: " + err.Error()
		return
	}
	defer second.Abort()
	n.Resumption = "no, a second connection made a new session"
	if second.Facts().Resumed {
		n.Resumption = "yes, a second connection resumed the session"
	}
}

// drain relays nothing to the peer, and nothing from it to anyone, until the
// peer has ended or its time is up: then patient is false, and the end is ours.
func drain(conn engine.Conn, tcp *net.TCPConn) (end engine.End, patient bool, err error) {
	mine, theirs, err := pair()
	if err != nil {
		conn.Abort()
		return end, false, err
	}
	defer mine.Close()
	done := make(chan engine.End)
	go func() { done <- engine.RelayToEnd(conn, theirs, engine.RelayOptions{}) }()
	_ = mine.CloseWrite()
	_ = mine.SetReadDeadline(time.Now().Add(patience))
	_, err = io.Copy(io.Discard, mine)
	patient = !errors.Is(err, os.ErrDeadlineExceeded)
	if !patient {
		_ = tcp.Close()
	}
	_ = mine.Close()
	return <-done, patient, nil
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
