package wire

import (
	"errors"
	"fmt"
	"net"
	"os"
)

// Conn is one end of a SOCK_SEQPACKET socket. One goroutine may receive while
// another sends.
type Conn struct {
	socket *net.UnixConn
	buffer [MaxMessage + 1]byte // one byte more shows what is too long
}

// NewConn makes a Conn of a descriptor, which it takes.
func NewConn(f *os.File) (*Conn, error) {
	defer f.Close() // FileConn has its own
	c, err := net.FileConn(f)
	if err != nil {
		return nil, fmt.Errorf("use the socket %s: %w", f.Name(), err)
	}
	socket, ok := c.(*net.UnixConn)
	if !ok || socket.LocalAddr().Network() != "unixpacket" {
		return nil, errors.Join(fmt.Errorf("the socket %s is not a SOCK_SEQPACKET socket of AF_UNIX", f.Name()), c.Close())
	}
	return &Conn{socket: socket}, nil
}

// Receive waits for a message. An error that is ErrMalformed leaves the
// connection as it was.
func (c *Conn) Receive() (*Message, error) {
	n, err := c.socket.Read(c.buffer[:])
	if err != nil {
		return nil, err
	}
	m, err := Decode(c.buffer[:n])
	clear(c.buffer[:n])
	if err != nil {
		return m, &malformed{err}
	}
	return m, nil
}

// Send sends a message. It waits while the other side does not read.
func (c *Conn) Send(m *Message) error {
	_, err := c.socket.Write(m.Encode())
	return err
}

// Close closes the connection; Receive and Send that wait return.
func (c *Conn) Close() error { return c.socket.Close() }

// ErrMalformed is the kind of error of a message that could not be understood.
var ErrMalformed = errors.New("malformed message")

type malformed struct{ cause error }

func (e *malformed) Error() string        { return "malformed message: " + e.cause.Error() }
func (e *malformed) Is(target error) bool { return target == ErrMalformed }
