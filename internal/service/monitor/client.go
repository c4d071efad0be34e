package monitor

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/secure-socket-api/ssa/internal/policy/bundle"
	"github.com/secure-socket-api/ssa/internal/program"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// Client is the worker's side. It is a service.Identifier.
type Client struct {
	channel  *channel
	policies chan *Policy
	file     func(name string, f *os.File)

	mu     sync.Mutex
	lastID uint64
	asked  map[uint64]chan<- *message
	failed error
}

// Policy is one that the monitor hands over, or what it says of one.
type Policy struct {
	Bundle *bundle.Bundle // nil: the one before holds
	// Kept, if not nil, is why this policy holds although the files have another
	// one by now.
	Kept   error
	client *Client
	data   []byte
}

// NewClient makes a client of the socket that a worker finds open. file is
// called with named descriptors, which it owns.
func NewClient(fd *sys.FD, file func(name string, f *os.File)) (*Client, error) {
	c, err := newChannel(fd)
	if err != nil {
		return nil, fmt.Errorf("talking to the monitor: %w", err)
	}
	return &Client{channel: c, policies: make(chan *Policy, 1), file: file,
		asked: map[uint64]chan<- *message{}}, nil
}

// Run receives until the monitor has gone or Close was called, and says why.
func (c *Client) Run() error {
	defer close(c.policies)
	for {
		m, fd, err := c.channel.receive()
		if err == nil {
			err = c.handle(m, fd)
		}
		if err != nil {
			c.fail(fmt.Errorf("the monitor no longer answers: %w", err))
			return err
		}
	}
}

// Close ends Run.
func (c *Client) Close() { c.channel.close() }

func (c *Client) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failed = err
	for _, to := range c.asked {
		close(to)
	}
	c.asked = nil
}

func (c *Client) handle(m *message, fd *sys.FD) error {
	switch m.Kind {
	case kindAnswer:
		c.mu.Lock()
		to := c.asked[m.ID]
		delete(c.asked, m.ID)
		c.mu.Unlock()
		if to == nil {
			return fmt.Errorf("an answer to request %d, which was not made", m.ID)
		}
		to <- m
	case kindPolicy:
		data, err := unseal(fd, m.Size)
		if err != nil {
			return err
		}
		b, err := bundle.Decode(data)
		if err != nil {
			return err
		}
		select {
		case old := <-c.policies: // nobody took it, and this one is newer
			old.Done(nil)
		default:
		}
		c.policies <- &Policy{Bundle: b, client: c, data: data}
	case kindKept:
		p := &Policy{client: c}
		select {
		case p = <-c.policies: // nobody took it yet, and it holds
		default:
		}
		p.Kept = errors.New(string(m.Text))
		c.policies <- p
	case kindFile:
		c.file(string(m.Text), os.NewFile(uintptr(fd.Disown()), string(m.Text)))
	default:
		fd.Close()
		return fmt.Errorf("the monitor may not send message %d", m.Kind)
	}
	return nil
}

// Policies are those that the monitor hands over, the first one, which has a
// bundle, at once. It is closed when the monitor has gone.
func (c *Client) Policies() <-chan *Policy { return c.policies }

// Done forgets the bundle's secrets and, when the policy was not taken over,
// tells the monitor why.
func (p *Policy) Done(err error) {
	clear(p.data)
	if err != nil {
		text := []byte(err.Error())
		_ = p.client.channel.send(&message{Kind: kindVerdict, Text: text[:min(len(text), maxWhy)]}, -1)
	}
}

// Ready tells the monitor that callers are served.
func (c *Client) Ready() error { return c.channel.send(&message{Kind: kindReady}, -1) }

// Leaving tells the monitor that another service has the listening socket.
func (c *Client) Leaving() error { return c.channel.send(&message{Kind: kindLeaving}, -1) }

// Identify implements service.Identifier.
func (c *Client) Identify(pidfd *sys.FD) (program.Process, error) {
	answer := make(chan *message, 1)
	c.mu.Lock()
	if c.failed != nil {
		c.mu.Unlock()
		return program.Process{}, ending(c.failed)
	}
	c.lastID++
	id := c.lastID
	c.asked[id] = answer
	c.mu.Unlock()
	if err := c.channel.send(&message{Kind: kindLook, ID: id}, pidfd.Int()); err != nil {
		c.mu.Lock()
		delete(c.asked, id)
		c.mu.Unlock()
		return program.Process{}, ending(err)
	}
	m := <-answer
	switch {
	case m == nil:
		c.mu.Lock()
		defer c.mu.Unlock()
		return program.Process{}, ending(c.failed)
	case m.Process == nil:
		return program.Process{}, errors.New(string(m.Text))
	}
	return m.Process.fromWire(), nil
}

// ending is the error of a worker whose monitor has gone.
func ending(err error) error { return fmt.Errorf("%w: %w", program.ErrEnding, err) }
