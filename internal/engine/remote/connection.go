package remote

import (
	"errors"
	"sync"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/service/wire"
)

// errLost is why what was under way in a service that has died has ended.
var errLost = errors.New("it ended, and its connections with it")

// connection is an engine.Conn in the service.
type connection struct {
	link  *link
	ref   uint64
	tcp   engine.Stream // a duplicate of what the service has, until the end
	facts *engine.Facts

	ended chan *wire.Ended // one
	reset chan struct{}    // one

	askMu sync.Mutex // one question at a time
}

var _ engine.Conn = (*connection)(nil)

// begin makes a connection, and a place for the answer to its handshake.
func (l *link) begin(tcp engine.Stream) (*connection, chan wire.Message) {
	ref, answer := l.ref()
	c := &connection{link: l, ref: ref, tcp: tcp, ended: make(chan *wire.Ended, 1), reset: make(chan struct{}, 1)}
	l.mu.Lock()
	l.conns[ref] = c
	l.mu.Unlock()
	return c, answer
}

// forget takes the connection off its link, and closes a link that has nothing
// left.
func (c *connection) forget() {
	l := c.link
	l.mu.Lock()
	delete(l.conns, c.ref)
	delete(l.waiting, c.ref)
	idle := l.retired && len(l.conns) == 0 && len(l.waiting) == 0
	l.mu.Unlock()
	if idle {
		l.close()
	}
}

// Facts implements engine.Conn.
func (c *connection) Facts() *engine.Facts { return c.facts }

// Relay implements engine.Conn. The stream stays open here until the service
// has finished with it: closing the last descriptor is what the program sees.
func (c *connection) Relay(plain engine.Stream, opts engine.RelayOptions) engine.End {
	defer c.tcp.Close()
	defer plain.Close()
	defer c.forget()
	park(plain)
	err := withDescriptor(plain, func(fd int) error { return c.link.conn.Send(&wire.Relay{Ref: c.ref}, fd) })
	if err != nil {
		return c.lost(opts)
	}
	for {
		select {
		case m := <-c.ended:
			end := engine.End{Sent: m.Sent, Received: m.Received}
			if m.Failed {
				end.Err = failure(m.Reason, m.Errno, m.Sentence)
			}
			return end
		case <-c.reset:
			if opts.BeforeReset != nil {
				opts.BeforeReset()
			}
			_ = c.link.conn.Send(&wire.ResetDone{Ref: c.ref})
		case <-c.link.down:
			return c.lost(opts)
		}
	}
}

// lost ends a connection whose service has died: the program sees ECONNRESET.
func (c *connection) lost(opts engine.RelayOptions) engine.End {
	select {
	case m := <-c.ended: // it ended before
		if !m.Failed {
			return engine.End{Sent: m.Sent, Received: m.Received}
		}
	default:
	}
	if opts.BeforeReset != nil {
		opts.BeforeReset()
	}
	return engine.End{Err: down(errLost)}
}

func (c *connection) resetNeeded() {
	select {
	case c.reset <- struct{}{}:
	default: // asked twice
	}
}

// ask sends a question about the connection and waits for the answer.
func (c *connection) ask(m wire.Message) {
	c.askMu.Lock()
	defer c.askMu.Unlock()
	l := c.link
	answer := make(chan wire.Message, 1)
	l.mu.Lock()
	if l.conns[c.ref] == c {
		l.waiting[c.ref] = answer
	} else {
		l.mu.Unlock()
		return // it has ended
	}
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.waiting, c.ref)
	}()
	if err := l.conn.Send(m); err != nil {
		return
	}
	select {
	case <-answer:
	case <-l.down:
	}
}

// Guard implements engine.Conn.
func (c *connection) Guard() { c.ask(&wire.Guard{Ref: c.ref}) }

// SetAbortive implements engine.Conn.
func (c *connection) SetAbortive(on bool) { c.ask(&wire.SetAbortive{Ref: c.ref, On: on}) }

// HurryUp implements engine.Conn.
func (c *connection) HurryUp() { _ = c.link.conn.Send(&wire.HurryUp{Ref: c.ref}) }

// Progress implements engine.Conn: the service alone knows.
func (c *connection) Progress() (sent, received int64) { return 0, 0 }

// Abort implements engine.Conn.
func (c *connection) Abort() {
	_ = c.link.conn.Send(&wire.Abort{Ref: c.ref})
	c.forget()
	c.tcp.Close()
}
