package remote

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/service/wire"
)

// Config is what an Engine works with. Path and Log are needed.
type Config struct {
	// Path is that of the service's socket.
	Path string
	// Agent says for the service's log who asks.
	Agent string
	// Wait is how long new connections wait for a service that is not there;
	// zero: not at all.
	Wait time.Duration
	Log  *slog.Logger
	// SetPolicy, when not nil, is told each policy that the service announces,
	// in order, one at a time. Those of the first Available come before it
	// returns.
	SetPolicy func(*policy.Policy)
}

// Engine is an engine.Engine in the service.
type Engine struct {
	cfg     Config
	work    sync.WaitGroup // of all links
	denials *denials

	policyMu sync.Mutex // while a policy is announced

	mu     sync.Mutex
	link   *link // the one for new connections, nil at first; may be down
	closed bool
	dialMu sync.Mutex // one at a time connects
}

var _ engine.Engine = (*Engine)(nil)

// New makes an engine, which connects when it is first needed.
func New(cfg Config) *Engine {
	e := &Engine{cfg: cfg}
	e.denials = newDenials(e)
	return e
}

// Close ends all connections to the service; what it relays there goes on
// until the programs' ends are closed.
func (e *Engine) Close() {
	e.denials.close()
	e.mu.Lock()
	e.closed = true
	current := e.link
	e.mu.Unlock()
	if current != nil {
		current.close()
	}
	e.work.Wait()
}

// down is the error of everything that needs the service while it is not there.
func down(err error) *engine.Error {
	why := err.Error()
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		why = "it did not answer in time"
	}
	return &engine.Error{Reason: engine.Down, Sentence: "the TLS service of this machine is not running: " + why, Err: err}
}

// Ready implements engine.Engine.
func (e *Engine) Ready() bool { return e.live() != nil }

// Available implements engine.Engine.
func (e *Engine) Available(ctx context.Context) error {
	_, err := e.current(ctx)
	return err
}

// NewID implements engine.Engine. Without the service it returns 0: the
// service then numbers the connection.
func (e *Engine) NewID() uint64 {
	e.mu.Lock()
	current := e.link
	e.mu.Unlock()
	if current == nil {
		return 0
	}
	return current.newID()
}

// lastID is the end of the numbers that the last link had.
func (e *Engine) lastID() uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.link == nil {
		return 0
	}
	return e.link.ids.end
}

// current returns the link for new connections, which it makes when there is
// none.
func (e *Engine) current(ctx context.Context) (*link, error) {
	if l := e.live(); l != nil {
		return l, nil
	}
	e.dialMu.Lock()
	defer e.dialMu.Unlock()
	if l := e.live(); l != nil {
		return l, nil
	}
	l, err := e.dialFor(ctx)
	if err != nil {
		return nil, down(err)
	}
	return l, nil
}

// live returns the link if it can be used for new connections.
func (e *Engine) live() *link {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.link == nil || !e.link.usable() {
		return nil
	}
	return e.link
}

// Pauses between attempts to reach a service that is waited for.
const (
	firstPause = 10 * time.Millisecond
	lastPause  = 500 * time.Millisecond
)

// dialFor connects to the service, waiting for it as configured.
func (e *Engine) dialFor(ctx context.Context) (*link, error) {
	deadline := time.Now().Add(e.cfg.Wait)
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		l, err := e.dial(ctx)
		if err == nil || e.cfg.Wait == 0 || time.Now().Add(pause).After(deadline) {
			return l, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// dial makes a link the one for new connections. The one before goes on with
// what it has.
func (e *Engine) dial(ctx context.Context) (*link, error) {
	conn, err := wire.Dial(e.cfg.Path)
	if err != nil {
		return nil, err
	}
	l, err := newLink(ctx, e, conn)
	if err != nil {
		conn.Close()
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		conn.Close()
		return nil, context.Canceled
	}
	if old := e.link; old != nil {
		old.retire()
	}
	e.link = l
	e.work.Go(l.receive)
	return l, nil
}

// announce tells of a policy that the service has.
func (e *Engine) announce(m *wire.Policy) error {
	if e.cfg.SetPolicy == nil {
		return nil
	}
	files := make([]policy.File, len(m.Names))
	for i, name := range m.Names {
		files[i] = policy.File{Name: name, Data: m.Contents[i]}
	}
	rules, err := policy.Outline(files)
	if err != nil {
		return fmt.Errorf("reading the policy of the service: %w", err)
	}
	e.policyMu.Lock()
	defer e.policyMu.Unlock()
	e.cfg.SetPolicy(rules)
	return nil
}
