// Package pkcs11 has keys that are on a token: as crypto.Signer, with every
// signature made by a process of its own, ssa-pkcs11, which loads the library
// that speaks to the token. It never loads a library, and never has a key or a
// PIN in its memory.
//
// Helper owns the process and starts it again when it dies. Client only asks
// for signatures, over a socket that may have come from another process.
package pkcs11

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/secure-socket-api/ssa/internal/pkcs11/wire"
)

// DefaultTimeout is how long a signature may take.
const DefaultTimeout = 5 * time.Second

// maxPending bounds the requests that wait for an answer.
const maxPending = 1024

// Client asks ssa-pkcs11 for signatures. It is safe for concurrent use.
type Client struct {
	conn    *wire.Conn
	timeout time.Duration
	sends   chan *wire.Message
	closed  chan struct{} // by Close
	wg      sync.WaitGroup

	mu      sync.Mutex
	pending map[uint32]chan *wire.Message // each takes one answer
	number  uint32
	down    error         // why nobody answers now, nil if somebody does
	process uint32        // the number that who answers, or did last, gave itself
	changed chan struct{} // closed when down or process change
}

var (
	errClosed   = errors.New("the connection to ssa-pkcs11 is closed")
	errStarting = errors.New("ssa-pkcs11 is being started")
	errBusy     = errors.New("too many signatures wait for the token")
)

// NewClient makes a client of a socket on whose other side is ssa-pkcs11. It
// takes the descriptor. A timeout of zero is DefaultTimeout.
func NewClient(socket *os.File, timeout time.Duration) (*Client, error) {
	conn, err := wire.NewConn(socket)
	if err != nil {
		return nil, err
	}
	if timeout == 0 {
		timeout = DefaultTimeout
	}
	c := &Client{conn: conn, timeout: timeout, sends: make(chan *wire.Message), closed: make(chan struct{}),
		pending: map[uint32]chan *wire.Message{}, down: errStarting, changed: make(chan struct{})}
	c.wg.Go(c.receive)
	c.wg.Go(c.send)
	return c, nil
}

// Close ends the connection. Signatures under way are errors.
func (c *Client) Close() error {
	c.mu.Lock()
	select {
	case <-c.closed:
		c.mu.Unlock()
		return nil
	default:
		close(c.closed)
	}
	c.mu.Unlock()
	err := c.conn.Close()
	c.wg.Wait()
	return err
}

// receive hands out answers until the connection ends.
func (c *Client) receive() {
	for {
		m, err := c.conn.Receive()
		switch {
		case errors.Is(err, wire.ErrMalformed):
			c.setDown(fmt.Errorf("from ssa-pkcs11: %w", err))
		case err != nil:
			c.setDown(fmt.Errorf("the connection to ssa-pkcs11 has ended: %w", err))
			return
		case m.Kind == wire.Hello:
			c.setUp(m.Number)
		case m.Kind == wire.Down:
			c.setDown(errors.New(m.Text))
		case m.Kind == wire.OK, m.Kind == wire.Error:
			c.answer(m)
		}
	}
}

// send sends what call gives it until the client is closed. It may wait for as
// long as nobody reads; those who wait for answers do not.
func (c *Client) send() {
	for {
		select {
		case <-c.closed:
			return
		case m := <-c.sends:
			// What is wrong with the connection, receive finds out.
			_ = c.conn.Send(m)
		}
	}
}

// answer passes an answer on. One that nobody waits for any more is dropped.
func (c *Client) answer(m *wire.Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if to := c.pending[m.Number]; to != nil {
		delete(c.pending, m.Number)
		to <- m
	}
}

func (c *Client) setUp(process uint32) {
	c.set(process, nil, errors.New("ssa-pkcs11 was started anew meanwhile"))
}

func (c *Client) setDown(why error) {
	c.mu.Lock()
	process := c.process
	c.mu.Unlock()
	c.set(process, why, why)
}

// set notes who answers, or why nobody does. What was asked for before gets an
// error.
func (c *Client) set(process uint32, down, lost error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failLocked(lost)
	c.process, c.down = process, down
	close(c.changed)
	c.changed = make(chan struct{})
}

// failLocked answers everyone who waits.
func (c *Client) failLocked(err error) {
	for number, to := range c.pending {
		delete(c.pending, number)
		to <- wire.Failure(number, err)
	}
}

// waitUp waits until a process answers, the one with that number.
func (c *Client) waitUp(process uint32, stop <-chan struct{}) error {
	return c.wait(stop, func() bool { return c.down == nil && c.process == process })
}

// waitThere waits for a process that answers: one may just be started.
func (c *Client) waitThere() error {
	return c.wait(c.closed, func() bool { return c.down == nil })
}

// wait waits for a condition of what set sets.
func (c *Client) wait(stop <-chan struct{}, condition func() bool) error {
	timer := time.NewTimer(c.timeout)
	defer timer.Stop()
	for {
		c.mu.Lock()
		ok, changed, down := condition(), c.changed, c.down
		c.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-stop:
			return errClosed
		case <-timer.C:
			return fmt.Errorf("it did not answer within %v: %w", c.timeout, down)
		}
	}
}

// call makes a request and waits for its answer.
func (c *Client) call(m wire.Message) ([]byte, error) {
	answer, err := c.register(&m)
	if err != nil {
		return nil, err
	}
	timer := time.NewTimer(c.timeout)
	defer timer.Stop()
	sends := c.sends
	for {
		select {
		case sends <- &m:
			sends = nil
		case a := <-answer:
			return a.Data, a.Err()
		case <-c.closed:
			c.forget(m.Number)
			return nil, errClosed
		case <-timer.C:
			c.forget(m.Number)
			return nil, fmt.Errorf("the token did not answer within %v", c.timeout)
		}
	}
}

// register gives a request its number.
func (c *Client) register(m *wire.Message) (<-chan *wire.Message, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.down != nil:
		return nil, c.down
	case len(c.pending) >= maxPending:
		return nil, errBusy
	}
	for {
		c.number++
		if _, taken := c.pending[c.number]; !taken {
			break
		}
	}
	m.Number = c.number
	answer := make(chan *wire.Message, 1)
	c.pending[m.Number] = answer
	return answer, nil
}

func (c *Client) forget(number uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.pending, number)
}
