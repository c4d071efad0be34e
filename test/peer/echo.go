//go:build linux

package peer

import (
	"crypto/tls"
	"io"
	"net"
	"sync"
	"time"
)

// ServeEcho returns to every client what it sends, many at once, until the
// listener is closed. Clients may do what they like: no failure of theirs is
// one of the test.
func (l *Listener) ServeEcho() {
	var group sync.WaitGroup
	defer group.Wait()
	if err := l.net.SetDeadline(time.Time{}); err != nil {
		return
	}
	for {
		tcp, err := l.net.AcceptTCP()
		if err != nil {
			return
		}
		group.Go(func() { echo(tcp, l.network.Server) })
	}
}

func echo(tcp *net.TCPConn, config *tls.Config) {
	defer tcp.Close()
	if tcp.SetDeadline(time.Now().Add(patience)) != nil {
		return
	}
	if config == nil {
		_, _ = io.Copy(tcp, tcp)
		return
	}
	c := tls.Server(tcp, config)
	_, _ = io.Copy(c, c)
	_ = c.Close()
}
