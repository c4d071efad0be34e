package engine

import (
	"crypto/tls"
	"errors"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/secure-socket-api/ssa/internal/relay"
)

// localConn is a Conn of a Local engine.
type localConn struct {
	tls   *tls.Conn
	wire  *relay.Wire
	facts *Facts
	// attempt is the handshake that this connection came from.
	attempt *attempt

	abortive atomic.Bool // see SetAbortive

	mu      sync.Mutex
	relay   *relay.Relay // nil until Relay is called
	guarded bool         // Guard was called before Relay
	hurried bool         // HurryUp was called before Relay
}

func (c *localConn) Facts() *Facts { return c.facts }

// Relay implements Conn.
func (c *localConn) Relay(plain Stream, opts RelayOptions) End {
	end := c.begin(plain, opts).Run()
	if end.Truncated && end.Err == nil {
		c.attempt.engine.cfg.Log.Warn("the peer ended the connection without close_notify: what was received may be incomplete; "+
			"the policy takes that for an end (truncation: end)", "id", c.attempt.req.ID, "peer", c.facts.PeerIdentity)
	}
	return End{Err: c.explainEnd(end), Sent: end.Sent, Received: end.Received}
}

func (c *localConn) begin(plain Stream, opts RelayOptions) *relay.Relay {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.relay = relay.New(relay.Config{
		TLS: c.tls, Wire: c.wire, Plain: plain,
		BeforeReset: opts.BeforeReset, Abortive: c.abortive.Load,
		SloppyEnd: c.attempt.req.Policy.SloppyEnd, Linger: c.attempt.engine.cfg.Linger,
	})
	if c.guarded {
		c.relay.Guard()
	}
	if c.hurried {
		c.relay.HurryUp()
	}
	return c.relay
}

// Guard implements Conn. Before Relay it takes effect when that starts.
func (c *localConn) Guard() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.relay == nil {
		c.guarded = true
		return
	}
	c.relay.Guard()
}

// HurryUp implements Conn. Before Relay it takes effect when that starts.
func (c *localConn) HurryUp() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.relay == nil {
		c.hurried = true
		return
	}
	c.relay.HurryUp()
}

// SetAbortive implements Conn.
func (c *localConn) SetAbortive(on bool) { c.abortive.Store(on) }

// Progress implements Conn.
func (c *localConn) Progress() (sent, received int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.relay == nil {
		return 0, 0
	}
	return c.relay.Progress()
}

// Abort implements Conn.
func (c *localConn) Abort() {
	// The connection is given up: whether the peer hears of it changes nothing.
	_ = c.tls.Close()
}

// explainEnd says why a relayed connection ended badly. It returns a plain
// error so that a nil one is nil.
func (c *localConn) explainEnd(end relay.End) error {
	if end.Err == nil {
		return nil
	}
	if end.Truncated {
		return &Error{Reason: Truncated, Err: end.Err,
			Sentence: "the peer ended the connection without close_notify: what was received may be incomplete"}
	}
	var errno syscall.Errno
	if errors.As(end.Err, &errno) {
		return &Error{Reason: Network, Sentence: "the connection to the peer broke: " + errno.Error(), Err: errno}
	}
	if err := c.attempt.alertError(end.Err, "ended the connection"); err != nil {
		return err
	}
	return &Error{Reason: Protocol, Sentence: "the peer broke the TLS protocol: " + plainText(end.Err), Err: end.Err}
}
