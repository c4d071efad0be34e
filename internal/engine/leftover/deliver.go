//go:build linux

package leftover

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Limits say how long a peer may take.
type Limits struct {
	Stall  time.Duration // nothing
	Linger time.Duration // to end its side, when it has all
}

// step is how often a peer is looked at.
const step = 50 * time.Millisecond

// Deliver sends everything, and returns when that is done or no peer takes more.
func (c *Collection) Deliver(l Limits) {
	var all sync.WaitGroup
	for _, i := range c.take() {
		all.Go(func() { i.deliver(l) })
	}
	all.Wait()
}

func (i item) deliver(l Limits) {
	file := os.NewFile(uintptr(i.tcp.Disown()), "TCP")
	conn, err := net.FileConn(file)
	file.Close()
	if err != nil {
		return
	}
	defer conn.Close()
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return
	}
	// What the peer sends is dropped: closing with some of it unread would be a
	// reset, which destroys what is under way.
	peerDone, lost := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(peerDone)
		if _, err := io.Copy(io.Discard, onlyReader{tcp}); err != nil {
			close(lost)
		}
	}()
	if send(tcp, i.rest, l.Stall) == nil && tcp.CloseWrite() == nil &&
		acknowledged(tcp, l.Stall, lost) {
		select {
		case <-peerDone:
		case <-time.After(l.Linger):
		}
	}
	_ = tcp.SetReadDeadline(time.Unix(1, 0))
	<-peerDone
}

// onlyReader keeps io.Copy from splicing.
type onlyReader struct{ io.Reader }

// send gives TCP everything, unless it takes nothing for the time of stall.
func send(tcp *net.TCPConn, rest []byte, stall time.Duration) error {
	for len(rest) > 0 {
		if err := tcp.SetWriteDeadline(time.Now().Add(stall)); err != nil {
			return err
		}
		n, err := tcp.Write(rest)
		rest = rest[n:]
		if err != nil && (n == 0 || !errors.Is(err, os.ErrDeadlineExceeded)) {
			return err
		}
	}
	return nil
}

// acknowledged waits until the peer's kernel has everything. It returns false when
// it takes nothing for the time of stall, or the connection is lost: then the
// kernel goes on counting what was not acknowledged.
func acknowledged(tcp *net.TCPConn, stall time.Duration, lost <-chan struct{}) bool {
	before, quiet := -1, time.Duration(0)
	for {
		left := unsent(tcp)
		if left <= 0 {
			return left == 0
		}
		if left != before {
			before, quiet = left, 0
		}
		if quiet += step; quiet > stall {
			return false
		}
		select {
		case <-time.After(step):
		case <-lost:
			return false
		}
	}
}

// unsent counts what is not acknowledged, -1 when that cannot be told.
func unsent(tcp *net.TCPConn) int {
	n := -1
	raw, err := tcp.SyscallConn()
	if err == nil {
		_ = raw.Control(func(fd uintptr) {
			if n, err = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ); err != nil {
				n = -1
			}
		})
	}
	return n
}
