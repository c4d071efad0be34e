// Package ticketstore gets, from stores that several machines share, the seeds
// of the keys of session tickets, and keeps them fresh in the background. A
// handshake never waits for a store: while one cannot be reached, tickets are of
// keys of this machine alone, and those of other machines cost a full handshake.
//
// It stores nothing that a ticket can be read with: keys are derived from what
// is stored together with a secret that only the machines have. It believes
// nothing that was not made with this secret, and bounds whatever it reads.
package ticketstore

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/secure-socket-api/ssa/internal/engine/local"
	"github.com/secure-socket-api/ssa/internal/engine/session"
	"github.com/secure-socket-api/ssa/internal/policy"
)

const (
	// maxSources bounds the stores in use at a time. A policy has 16 at most;
	// after it has changed, those of before are in use for a while.
	maxSources = 32
	// idle is how long a store is asked that no server has used.
	idle = time.Hour
)

// Config is what Stores need.
type Config struct {
	// Log is told when a store cannot be used, and when it can again.
	Log *slog.Logger
	// Now is the clock that epochs are counted by, time.Now if nil. Intervals
	// run on the real one.
	Now func() time.Time
}

// Stores are the stores in use. They are safe for concurrent use.
type Stores struct {
	cfg    Config
	ctx    context.Context // ends the work
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu      sync.Mutex
	engine  *local.Engine // for connections to stores; nil before the first
	sources map[[32]byte]*source
	refused map[[32]byte]bool // stores that this process may not use, and that has been said
	closed  bool
}

// New returns stores of which none is in use.
func New(cfg Config) *Stores {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	s := &Stores{cfg: cfg, sources: make(map[[32]byte]*source), refused: make(map[[32]byte]bool)}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// Seeds returns what is known of a store, and begins to ask it on the first
// use. It never waits. It returns nil for a store that cannot be used.
func (s *Stores) Seeds(store *policy.TicketStore) session.Seeds {
	key := store.Digest()
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.sources[key]
	if found == nil {
		if found = s.startLocked(store); found == nil {
			return nil
		}
		s.sources[key] = found
	}
	found.used = s.cfg.Now()
	return found
}

func (s *Stores) startLocked(store *policy.TicketStore) *source {
	if s.closed || s.refused[store.Digest()] || len(s.sources) >= maxSources {
		return nil
	}
	access, err := store.Access()
	if err != nil {
		if len(s.refused) >= maxSources {
			clear(s.refused)
		}
		s.refused[store.Digest()] = true
		s.cfg.Log.Warn("session tickets are not shared with other machines: " + err.Error())
		return nil
	}
	if s.engine == nil { // most programs run no server
		s.engine = local.New(local.Config{})
	}
	d := &dialer{engine: s.engine, store: store, access: access}
	started := &source{
		stores: s, digest: store.Digest(), name: store.Name + " (" + store.Address() + ")",
		sealer: newSealer(access.Secret), retention: store.Retention,
		open: d.open, seeds: make(map[int64]entry),
	}
	s.work.Go(started.run)
	return started
}

// retire forgets a store that no server has used for long, and reports that.
func (s *Stores) retire(src *source) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cfg.Now().Sub(src.used) < idle {
		return false
	}
	delete(s.sources, src.digest)
	return true
}

// Close ends what goes on in the background, and waits for it.
func (s *Stores) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	s.work.Wait()
	if s.engine != nil { // and closed keeps it from being made now
		s.engine.Close()
	}
}
