//go:build linux

package ssa

import (
	"context"
	"errors"
	"net"
	"syscall"

	"github.com/secure-socket-api/ssa/abi"
)

// Listen listens as net.Listen does. chain and key are PEM text, or paths to
// files with it; the key is read by the operating system's side and never by
// this program. More settings are set after them, in order. What Accept returns
// is a *Conn, whose handshake is done; peers that fail it are never seen.
func Listen(ctx context.Context, network, address, chain, key string,
	settings ...Setting) (net.Listener, error) {
	if err := checkNetwork(network, address); err != nil {
		return nil, err
	}
	all := append([]Setting{{abi.CertificateChain, chain}, {abi.PrivateKey, key}}, settings...)
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		return control(c, func(fd int) error { return apply(fd, all) })
	}}
	config.SetMultipathTCP(false) // the default of listeners, and not TCP
	l, err := config.Listen(ctx, network, address)
	if errors.Is(err, ErrUnavailable) && theService() != nil {
		return theService().listen(ctx, network, address, all)
	}
	if err != nil {
		return nil, err
	}
	return &listener{l}, nil
}

type listener struct{ net.Listener }

func (l *listener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return newConn(conn)
}
