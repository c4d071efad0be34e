package journal

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// How long a record may wait for a journal that is busy. After that records
// are dropped for a pause, so that not each of them keeps a connection waiting.
const (
	patience = 100 * time.Millisecond
	pause    = 2 * time.Second
)

// errBusy is the error of a record that was dropped.
var errBusy = errors.New("the journal is busy, and takes no records")

// Conn is the way to the journal, also after that was started again. It is safe
// for concurrent use.
type Conn struct {
	path string

	mu   sync.Mutex
	conn net.Conn  // nil when it has to be made
	busy time.Time // until when nothing is tried
}

// Dial connects to the journal. It is an error when there is none.
func Dial(path string) (*Conn, error) {
	c := &Conn{path: path}
	if err := c.dialLocked(); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *Conn) dialLocked() error {
	// No address of our own: that would be bind(2), which a worker may not.
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: c.path, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("connecting to the journal: %w", err)
	}
	c.conn = conn
	return nil
}

// Close ends the connection.
func (c *Conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closeLocked()
}

func (c *Conn) closeLocked() error {
	if c.conn == nil {
		return nil
	}
	err := c.conn.Close()
	c.conn = nil
	return err
}

// send sends a record, in one datagram.
func (c *Conn) send(record []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.sendLocked(record)
	if errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, unix.ENOTCONN) { // it was started again
		_ = c.closeLocked()
		err = c.sendLocked(record)
	}
	return err
}

func (c *Conn) sendLocked(record []byte) error {
	if c.conn == nil {
		if err := c.dialLocked(); err != nil {
			return err
		}
	}
	now := time.Now()
	if now.Before(c.busy) {
		return errBusy
	}
	if err := c.conn.SetWriteDeadline(now.Add(patience)); err != nil {
		return err
	}
	_, err := c.conn.Write(record)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.busy = time.Now().Add(pause)
		return errBusy
	}
	return err
}
