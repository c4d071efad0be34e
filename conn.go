//go:build linux

package ssa

import (
	"fmt"
	"net"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
)

// Conn is a TLS connection: a TCP connection to this program, with the
// questions that only TLS can answer.
type Conn struct {
	*net.TCPConn
	raw syscall.RawConn
}

func newConn(conn net.Conn) (*Conn, error) {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		conn.Close()
		return nil, fmt.Errorf("the connection is a %T, not TCP", conn)
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		conn.Close()
		return nil, err
	}
	return &Conn{TCPConn: tcp, raw: raw}, nil
}

// PeerIdentity is the verified name of the peer: to a client the host name
// that was checked, to a server the subject of the client's certificate, empty
// when it gave none.
func (c *Conn) PeerIdentity() (string, error) { return c.text(abi.PeerIdentity) }

// PeerCertificates is the chain that the peer sent, in PEM, its own first.
func (c *Conn) PeerCertificates() (string, error) { return c.text(abi.PeerCertificateChain) }

// Version is the TLS version, such as 0x0304 for TLS 1.3.
func (c *Conn) Version() (int, error) { return c.number(abi.VersionConn) }

// CipherSuite is the IANA name of the cipher suite.
func (c *Conn) CipherSuite() (string, error) { return c.text(abi.ChosenCipher) }

// Protocol is the ALPN protocol that was agreed on, empty if none was.
func (c *Conn) Protocol() (string, error) { return c.text(abi.ALPN) }

// ServerName is, to a server, the name that the client asked for.
func (c *Conn) ServerName() (string, error) { return c.text(abi.Hostname) }

// Resumed reports whether the connection resumed an earlier session.
func (c *Conn) Resumed() (bool, error) {
	n, err := c.number(abi.ResumedSession)
	return n != 0, err
}

// ID is the connection's number in the logs.
func (c *Conn) ID() (id uint64, err error) {
	err = c.ask(abi.ID, func(fd int) (err error) {
		id, err = unix.GetsockoptUint64(fd, abi.ProtocolTLS, int(abi.ID))
		return err
	})
	return id, err
}

// LastError is why the last operation on the connection failed, in one
// sentence for people; empty when nothing did.
func (c *Conn) LastError() (string, error) { return c.text(abi.Error) }

func (c *Conn) text(option abi.Option) (value string, err error) {
	err = c.ask(option, func(fd int) (err error) {
		value, err = unix.GetsockoptString(fd, abi.ProtocolTLS, int(option))
		return err
	})
	return value, err
}

func (c *Conn) number(option abi.Option) (value int, err error) {
	err = c.ask(option, func(fd int) (err error) {
		value, err = unix.GetsockoptInt(fd, abi.ProtocolTLS, int(option))
		return err
	})
	return value, err
}

func (c *Conn) ask(option abi.Option, get func(fd int) error) error {
	if err := control(c.raw, get); err != nil {
		return fmt.Errorf("%s: %w", option, err)
	}
	return nil
}
