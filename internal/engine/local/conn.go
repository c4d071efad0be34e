package local

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/engine/relay"
)

// localConn is a Conn of a local engine. It keeps nothing of the handshake that
// it came from: there may be many, and most of the time they are idle.
type localConn struct {
	id    uint64
	side  side
	facts *engine.Facts
	log   *slog.Logger

	memory *memory // shared among users
	owner  uint32

	abortive atomic.Bool // see SetAbortive

	mu       sync.Mutex
	cfg      relay.Config // until Relay is called
	relay    *relay.Relay // nil until Relay is called
	guarded  bool         // Guard was called before Relay
	noLinger bool         // StopLingering was called before Relay
}

func newConn(a *attempt, conn *tls.Conn, wire *relay.Wire) *localConn {
	return &localConn{
		id: a.req.ID, side: a.side, facts: a.facts(conn.ConnectionState()), log: a.engine.cfg.Log,
		memory: a.engine.memory, owner: a.req.Owner,
		cfg: relay.Config{TLS: conn, Wire: wire, SloppyEnd: a.req.Policy.SloppyEnd,
			Linger: a.engine.cfg.Linger,
			Answer: answerTime(a.req.Role), Idle: a.engine.idle},
	}
}

// serverAnswers is how long a server's program may think about its answer to a
// client that has ended its half of TCP without a close_notify.
const serverAnswers = 2 * time.Second

// answerTime is that of relay.Config. A server that ends TCP wants no answer, and
// a client's program waits for no more than the news.
func answerTime(r engine.Role) time.Duration {
	if r == engine.Server {
		return serverAnswers
	}
	return 0
}

func (c *localConn) Facts() *engine.Facts { return c.facts }

// Relay implements Conn.
func (c *localConn) Relay(plaintext engine.Stream, opts engine.RelayOptions,
	done func(engine.End)) {
	memory, over := c.memory.of(c.owner)
	c.begin(plaintext, opts, memory).Start(func(end relay.End) {
		over()
		done(c.ended(end))
	})
}

func (c *localConn) ended(end relay.End) engine.End {
	if end.Truncated && end.Err == nil {
		c.log.Warn("the peer ended the connection without close_notify: what was received may be incomplete; "+
			"the policy takes that for an end (truncation: end)", "id", c.id, "peer", c.facts.PeerIdentity)
	}
	return engine.End{Err: c.explain(end.Err), Refused: end.Refused, Sent: end.Sent,
		Received: end.Received}
}

func (c *localConn) begin(plaintext engine.Stream, opts engine.RelayOptions,
	memory relay.Memory) *relay.Relay {
	c.mu.Lock()
	defer c.mu.Unlock()
	cfg := c.cfg
	c.cfg = relay.Config{}
	cfg.Plaintext, cfg.Abortive, cfg.Bug = plaintext, c.abortive.Load, opts.Bug
	if opts.Leftover != nil {
		cfg.Leftover = func(tcp relay.Stream, rest []byte) { opts.Leftover(tcp, rest) }
	}
	if opts.BeforeReset != nil {
		cfg.BeforeReset = func(why error) { opts.BeforeReset(c.explain(why)) }
	}
	cfg.Memory = memory
	c.relay = relay.New(cfg)
	if c.guarded {
		c.relay.Guard()
	}
	if c.noLinger {
		c.relay.StopLingering()
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

// StopLingering implements Conn. Before Relay it takes effect when that starts.
func (c *localConn) StopLingering() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.relay == nil {
		c.noLinger = true
		return
	}
	c.relay.StopLingering()
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
	c.mu.Lock()
	conn, running := c.cfg.TLS, c.relay
	c.mu.Unlock()
	switch {
	case running != nil:
		running.Cut()
	case conn != nil:
		// It is given up: whether the peer hears of it changes nothing.
		_ = conn.Close()
	}
}

// explain says why a relayed connection ended badly. It returns a plain error so
// that a nil one is nil.
func (c *localConn) explain(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, relay.ErrTruncated) {
		return &engine.Error{Reason: engine.Truncated, Err: err,
			Sentence: "the peer ended the connection without close_notify: what was received may be incomplete"}
	}
	var known *engine.Error
	if errors.As(err, &known) {
		return known // of RelayOptions.Bug
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return &engine.Error{Reason: engine.Network,
			Sentence: "the connection to the peer broke: " + errno.Error(), Err: errno}
	}
	if err := c.side.endingAlert(err); err != nil {
		return err
	}
	return &engine.Error{Reason: engine.Protocol,
		Sentence: "the peer broke the TLS protocol: " + printableText(err), Err: err}
}
