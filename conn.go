//go:build linux

package ssa

import (
	"fmt"
	"io"
	"net"
	"syscall"

	"github.com/secure-socket-api/ssa/abi"
)

// Conn is a TLS connection: a TCP connection to this program, with the
// questions that only TLS can answer.
type Conn struct {
	stream
	answers answers
}

// stream is what a connection is without TLS.
type stream interface {
	net.Conn
	// CloseRead and CloseWrite shut one direction down, shutdown(2).
	CloseRead() error
	CloseWrite() error
	SyscallConn() (syscall.RawConn, error)
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
	return &Conn{stream: tcp, answers: optionAnswers{raw}}, nil
}

// ReadFrom implements io.ReaderFrom: copying from a file or a connection may
// take place in the kernel.
func (c *Conn) ReadFrom(r io.Reader) (int64, error) {
	if to, ok := c.stream.(io.ReaderFrom); ok {
		return to.ReadFrom(r)
	}
	return io.Copy(struct{ io.Writer }{c.stream}, r)
}

// PeerIdentity is the verified name of the peer: to a client the host name
// that was checked, to a server the subject of the client's certificate, empty
// when it gave none.
func (c *Conn) PeerIdentity() (string, error) { return c.answers.text(abi.PeerIdentity) }

// PeerCertificates is the chain that the peer sent, in PEM, its own first.
func (c *Conn) PeerCertificates() (string, error) {
	return c.answers.text(abi.PeerCertificateChain)
}

// Version is the TLS version, such as 0x0304 for TLS 1.3.
func (c *Conn) Version() (int, error) { return c.answers.number(abi.VersionConn) }

// CipherSuite is the IANA name of the cipher suite.
func (c *Conn) CipherSuite() (string, error) { return c.answers.text(abi.ChosenCipher) }

// Protocol is the ALPN protocol that was agreed on, empty if none was.
func (c *Conn) Protocol() (string, error) { return c.answers.text(abi.ALPN) }

// ServerName is, to a server, the name that the client asked for.
func (c *Conn) ServerName() (string, error) { return c.answers.text(abi.Hostname) }

// Resumed reports whether the connection resumed an earlier session.
func (c *Conn) Resumed() (bool, error) {
	n, err := c.answers.number(abi.ResumedSession)
	return n != 0, err
}

// ID is the connection's number in the logs.
func (c *Conn) ID() (id uint64, err error) { return c.answers.id() }

// LastError is why the last operation on the connection failed, in one
// sentence for people; empty when nothing did.
func (c *Conn) LastError() (string, error) { return c.answers.text(abi.Error) }
