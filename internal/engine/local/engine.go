// Package local does TLS on behalf of programs in its own process, with
// crypto/tls: it performs and verifies handshakes, and hands established
// connections to a relay. It never opens sockets or files for a program, and it
// never decides what is allowed: the request carries the effective policy.
package local

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/engine/relay"
	"github.com/secure-socket-api/ssa/internal/engine/session"
	"github.com/secure-socket-api/ssa/internal/engine/turns"
	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/trust/revocation"
)

// Config is what a local engine needs. The zero value is usable.
type Config struct {
	// Log receives one debug line for each handshake. Failures are for the
	// caller to report: they come back as errors.
	Log *slog.Logger
	// Now is the clock that certificates and sessions are held against,
	// time.Now if nil. Time limits of handshakes run on the real one.
	Now func() time.Time
	// Sessions and TicketKeys hold what may be resumed; nil makes new ones.
	Sessions   *session.Cache
	TicketKeys *session.Keys
	// TicketSeeds returns what a server's ticket store has, without waiting; nil
	// while nothing is known of it. Without it no ticket keys are shared with
	// other machines, whatever policies say.
	TicketSeeds func(*policy.TicketStore) session.Seeds
	// Revocation finds out about revocations and remembers them; nil makes a
	// new one.
	Revocation *revocation.Checker
	// Linger is how long a connection waits for its peer's end when the program
	// has gone; zero means relay.DefaultLinger.
	Linger time.Duration
	// Settled, when not nil, is called when many connections have been
	// established and then none for some seconds: the time to clean up after
	// their handshakes.
	Settled func()
	// KeyLog is asked before each handshake where the secrets of a connection
	// of a profile are to be written, in the format of NSS; nil for nowhere,
	// as a nil KeyLog always says. Who has them can read the connection.
	KeyLog func(profile string) io.Writer
}

// Engine is the Engine that does TLS in its own process, with crypto/tls.
type Engine struct {
	cfg      Config
	settings settingsCache
	staplers *staplers
	renewing sync.Mutex
	renewed  atomic.Pointer[map[string]*policy.IdentityFiles] // see Renew
	ids      atomic.Uint64
	settler  settler
	idle     *relay.IdleSet // of idle connections
	memory   *memory        // of those that are stalled
}

var _ engine.Engine = (*Engine)(nil)

// New makes a local engine.
func New(cfg Config) *Engine {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Sessions == nil {
		cfg.Sessions = session.NewCache(session.CacheConfig{Now: cfg.Now})
	}
	if cfg.TicketKeys == nil {
		cfg.TicketKeys = session.NewKeys(session.KeysConfig{Now: cfg.Now})
	}
	if cfg.Revocation == nil {
		cfg.Revocation = revocation.New(revocation.Config{Log: cfg.Log, Now: cfg.Now})
	}
	l := &Engine{cfg: cfg, staplers: newStaplers(cfg), settler: settler{settled: cfg.Settled},
		idle: relay.NewIdleSet(), memory: newMemory(maxStalled)}
	l.renewed.Store(&map[string]*policy.IdentityFiles{})
	return l
}

// Close ends what goes on in the background, and waits for it. Handshakes
// after that are as before, but for new staples.
func (l *Engine) Close() {
	l.settler.close()
	l.idle.Close()
	l.staplers.close()
}

// NewID implements Engine.
func (l *Engine) NewID() uint64 { return l.ids.Add(1) }

// Ready implements Engine: a local engine always is.
func (l *Engine) Ready() bool { return true }

// Available implements Engine: a local engine always is.
func (l *Engine) Available(context.Context) error { return nil }

// Handshake implements Engine.
func (l *Engine) Handshake(ctx context.Context, tcp engine.Stream,
	req *engine.Request) (engine.Conn, error) {
	start := time.Now()
	conn, err := l.handshake(ctx, tcp, req)
	if err != nil {
		l.cfg.Log.DebugContext(ctx, "handshake failed", "id", req.ID, "reason", err.Reason, "error",
			err.Sentence)
		return nil, err
	}
	if !l.cfg.Log.Enabled(ctx, slog.LevelDebug) {
		return conn, nil // the names below cost more than the rest of this function
	}
	facts := conn.facts
	l.cfg.Log.DebugContext(ctx, "handshake done", "id", req.ID, "peer", facts.PeerIdentity,
		"version", tls.VersionName(facts.Version), "suite", tls.CipherSuiteName(facts.CipherSuite),
		"group", facts.Group, "resumed", facts.Resumed, "took", time.Since(start))
	return conn, nil
}

func (l *Engine) handshake(ctx context.Context, tcp engine.Stream,
	req *engine.Request) (*localConn, *engine.Error) {
	req, err := l.withIdentities(req)
	if err != nil {
		tcp.Close()
		return nil, err
	}
	a := &attempt{engine: l, req: req, side: side{role: req.Role}}
	wire := relay.NewWire(tcp)
	wire.SetTurn(turns.Of(ctx))
	conn, err := a.start(wire)
	if err == nil {
		err = a.run(ctx, conn)
	}
	wire.SetTurn(nil)
	if err != nil {
		closeAfterAlert(tcp)
		return nil, err
	}
	l.settler.established()
	return newConn(a, conn, wire), nil
}
