package remote

import (
	"errors"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/service/wire"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// errLost is why what was under way in a service that has died has ended.
var errLost = errors.New("it ended, and its connections were lost")

// connection is an engine.Conn in the service. While it is relayed no goroutine
// belongs to it: that of the link starts one for what the service tells of it.
type connection struct {
	link  *link
	ref   uint64
	tcp   engine.Stream // a duplicate of what the service has, until the end
	facts *engine.Facts

	askMu sync.Mutex // one question at a time
	relay *relayed   // nil before and after; guarded by link.mu
}

// relayed is what Relay was called with.
type relayed struct {
	plaintext engine.Stream
	opts      engine.RelayOptions
	done      func(engine.End)
}

var _ engine.Conn = (*connection)(nil)

// begin makes a connection, and a place for the answer to its handshake.
func (l *link) begin(tcp engine.Stream) (*connection, chan wire.Message) {
	ref, answer := l.ref()
	c := &connection{link: l, ref: ref, tcp: tcp}
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
func (c *connection) Relay(plaintext engine.Stream, opts engine.RelayOptions,
	done func(engine.End)) {
	detach(plaintext)
	l := c.link
	l.mu.Lock()
	c.relay = &relayed{plaintext, opts, done}
	ended := l.ended
	l.mu.Unlock()
	if ended { // before link.end could see this one
		l.lose(c)
		return
	}
	err := withDescriptor(plaintext,
		func(fd int) error { return l.conn.Send(&wire.Relay{Ref: c.ref}, fd) })
	if err != nil {
		l.lose(c)
	}
}

// take returns what is being relayed to who ends it, once.
func (c *connection) take() *relayed {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	r := c.relay
	c.relay = nil
	return r
}

// finish ends a relay.
func (c *connection) finish(r *relayed, end engine.End) {
	c.forget()
	r.plaintext.Close()
	c.tcp.Close()
	r.done(end)
}

// endOf carries out what the service says at the end of a relay.
func (l *link) endOf(m *wire.Ended) {
	c := l.find(m.Ref)
	if c == nil {
		return
	}
	r := c.take()
	if r == nil {
		return
	}
	end := engine.End{Sent: m.Sent, Received: m.Received, Refused: m.Refused}
	if m.Failed {
		end.Err = failure(m.Reason, m.Errno, m.Sentence)
	}
	l.engine.work.Go(func() { c.finish(r, end) })
}

// lose ends a relay whose service has died: the program sees ECONNRESET.
func (l *link) lose(c *connection) {
	r := c.take()
	if r == nil {
		return
	}
	l.engine.work.Go(func() {
		why := down(errLost)
		if r.opts.BeforeReset != nil {
			r.opts.BeforeReset(why)
		}
		letRead(r.plaintext)
		c.finish(r, engine.End{Err: why})
	})
}

// letRead ends the writing of a program whose service has died, and gives it a
// moment to read what it has not read: who sees data and the end in one look
// takes that for a clean end.
func letRead(plaintext engine.Stream) {
	const most, step = time.Second, 5 * time.Millisecond
	for waited := time.Duration(0); waited < most; waited += step {
		over := true
		_ = withDescriptor(plaintext, func(fd int) error {
			unread, err := sys.Unsent(fd)
			over = err != nil || unread == 0 || sys.Gone(fd)
			if !over {
				return unix.Shutdown(fd, unix.SHUT_RD)
			}
			return nil
		})
		if over {
			return
		}
		time.Sleep(step)
	}
}

// resetNeeded has the gate prepare a reset of the program's stream.
func (l *link) resetNeeded(m *wire.ResetNeeded) {
	c := l.find(m.Ref)
	if c == nil {
		return
	}
	l.mu.Lock()
	r := c.relay
	l.mu.Unlock()
	if r == nil {
		return
	}
	l.engine.work.Go(func() {
		if r.opts.BeforeReset != nil {
			r.opts.BeforeReset(failure(m.Reason, m.Errno, m.Sentence))
		}
		_ = l.conn.Send(&wire.ResetDone{Ref: m.Ref})
	})
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

// StopLingering implements engine.Conn.
func (c *connection) StopLingering() { _ = c.link.conn.Send(&wire.StopLingering{Ref: c.ref}) }

// Progress implements engine.Conn: the service alone knows.
func (c *connection) Progress() (sent, received int64) { return 0, 0 }

// Abort implements engine.Conn.
func (c *connection) Abort() {
	_ = c.link.conn.Send(&wire.Abort{Ref: c.ref})
	c.link.mu.Lock()
	relayed := c.relay != nil
	c.link.mu.Unlock()
	if relayed {
		return // the service says how it ended
	}
	c.forget()
	c.tcp.Close()
}
