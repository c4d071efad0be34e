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

	"github.com/secure-socket-api/ssa/internal/identity/pkcs11/wire"
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
	state
}

var (
	errClosed = errors.New("the connection to ssa-pkcs11 is closed")
	errBusy   = errors.New("too many signatures wait for the token")
)

// NewClient makes a client of a socket on whose other side is ssa-pkcs11. It
// takes the descriptor. A timeout of zero is DefaultTimeout.
func NewClient(socket *os.File, timeout time.Duration) (*Client, error) {
	return newClient(socket, timeout, false)
}

func newClient(socket *os.File, timeout time.Duration, owner bool) (*Client, error) {
	conn, err := wire.NewConn(socket)
	if err != nil {
		return nil, err
	}
	if timeout == 0 {
		timeout = DefaultTimeout
	}
	c := &Client{conn: conn, timeout: timeout, sends: make(chan *wire.Message),
		closed:  make(chan struct{}),
		pending: map[uint32]chan *wire.Message{}, state: newState(owner)}
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
			c.greeted(m.Number)
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

// call makes a request, once the first process had time to start, and waits for
// its answer.
func (c *Client) call(m wire.Message) ([]byte, error) {
	if err := c.waitStarted(); err != nil {
		return nil, err
	}
	return c.ask(m, func() error { return c.down })
}

// tell makes a request of the owner to a process that is not there yet for
// others.
func (c *Client) tell(process uint32, m wire.Message) error {
	_, err := c.ask(m, func() error {
		if c.process != process || c.down != nil && c.down != errStarting {
			return errAnother
		}
		return nil
	})
	return err
}

// ask makes a request, unless something is in the way, which is asked for with
// c.mu held.
func (c *Client) ask(m wire.Message, obstacleLocked func() error) ([]byte, error) {
	answer, err := c.register(&m, obstacleLocked)
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
func (c *Client) register(m *wire.Message,
	obstacleLocked func() error) (<-chan *wire.Message, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := obstacleLocked(); err != nil {
		return nil, err
	}
	if len(c.pending) >= maxPending {
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
