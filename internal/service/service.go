package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/engine/lobby"
	"github.com/secure-socket-api/ssa/internal/engine/turns"
	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/service/wire"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// Config is what a Service works with.
type Config struct {
	Engine     engine.Engine
	Policy     *policy.Policy // at first: see SetPolicy
	Identifier Identifier
	Log        *slog.Logger
	// Observer, when not nil, is told of connections.
	Observer Observer
	// Administrator is a user beside root who may take the service over and
	// switch key logs on: the service's own.
	Administrator uint32
	// Earlier is the service that this one took over from, nil for none.
	Earlier *Earlier
	// Limits; zero values mean the defaults.
	Limits Limits
}

// Service serves callers. Make it with New.
type Service struct {
	cfg        Config
	rules      atomic.Pointer[policy.Policy]
	processes  *identityCache
	complaints *complaints
	denials    *complaints // of what gates refused
	users      *users
	owners     *owners
	house      *lobby.House         // of servers' clients that keep a handshake waiting
	queue      *turns.Queue[uint32] // of handshakes
	judged     *turns.Queue[uint32] // of requests that no limit counts yet
	reports    *turns.Queue[uint32] // of statuses, which stop the observer for a moment
	blocks     atomic.Uint64        // of numbers given out
	clock      atomic.Uint64        // counts what callers have asked

	mu       sync.Mutex
	listener *sys.Stream
	callers  map[*caller]bool
	leaving  bool           // no new connections any more
	work     sync.WaitGroup // callers and their connections
	open     int            // connections under way
	idle     chan struct{}  // closed when leaving and nothing is under way
	alone    chan struct{}  // closed, by nobody, when leaving and no caller is left
	nobody   func()
	relays   map[*func()]bool // what ends each relay at once
}

// idsPerCaller is how many numbers a caller gets for its connections.
const idsPerCaller = 1_000_000

// New makes a service, which serves once Serve is called.
func New(cfg Config) *Service {
	cfg.Limits.setDefaults()
	if cfg.Observer == nil {
		cfg.Observer = noObserver{}
	}
	queue := func(n int) *turns.Queue[uint32] { return turns.NewQueue[uint32](n, cfg.Limits.share(n)) }
	s := &Service{cfg: cfg, processes: newIdentityCache(cfg.Identifier),
		complaints: newComplaints(maxComplaints, complaintsTime),
		denials:    newComplaints(maxDenials, denialsTime),
		users:      newUsers(cfg.Limits), owners: newOwners(),
		house: lobby.NewHouse(lobby.ForDescriptors(cfg.Limits.Connections)),
		queue: queue(cfg.Limits.Handshakes), judged: queue(cfg.Limits.Judged),
		reports: queue(cfg.Limits.Reports),
		callers: map[*caller]bool{}, relays: map[*func()]bool{}, idle: make(chan struct{}),
		alone: make(chan struct{})}
	s.nobody = sync.OnceFunc(func() { close(s.alone) })
	s.rules.Store(cfg.Policy)
	return s
}

// SetPolicy sets the policy of connections made from now on, and announces it.
// Those there are keep theirs, and servers that listen too.
func (s *Service) SetPolicy(p *policy.Policy) {
	s.rules.Store(p)
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.callers {
		c.announce(p)
	}
}

// Serve takes callers on until ctx is done, another service takes over, or the
// listening socket fails. It owns that, and closes it then; connections go on:
// see Drain.
func (s *Service) Serve(ctx context.Context, socket *sys.FD) error {
	listener, err := sys.NewStream(socket, nil)
	if err != nil {
		return err
	}
	defer listener.Close()
	s.mu.Lock()
	s.listener = listener
	leaving := s.leaving
	s.mu.Unlock()
	if leaving {
		return nil
	}
	stop := context.AfterFunc(ctx, func() { listener.Close() })
	defer stop()
	for {
		fd, err := listener.Accept()
		switch {
		case ctx.Err() != nil || err != nil && s.isLeaving():
			return nil
		case sys.AcceptsLater(err):
			s.cfg.Log.Warn("accepting a caller: " + err.Error())
			select {
			case <-time.After(50 * time.Millisecond):
			case <-ctx.Done():
			}
		case err != nil:
			return fmt.Errorf("accepting callers: %w", err)
		default:
			s.welcome(fd)
		}
	}
}

func (s *Service) isLeaving() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.leaving
}

// welcome begins to serve a caller.
func (s *Service) welcome(fd *sys.FD) {
	c, err := newCaller(s, fd)
	if err != nil {
		if !errors.Is(err, errTurnedAway) {
			s.cfg.Log.Warn("a caller was turned away: " + err.Error())
		}
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.callers[c] = true
	s.work.Go(c.serve)
}

// Leave takes no new connections on: callers are told to go to the service
// that listens now.
func (s *Service) Leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leaving {
		return
	}
	s.leaving = true
	if s.listener != nil {
		s.listener.Close()
	}
	for c := range s.callers {
		_ = c.conn.Send(&wire.GoAway{})
	}
	if s.open == 0 {
		close(s.idle)
	}
	if len(s.callers) == 0 {
		s.nobody()
	}
}

// farewell is how long callers have to go when nothing of theirs is under way.
// A request may have crossed the word that they should: it is still refused in a
// way that has the next service asked.
const farewell = time.Second

// Drain waits until no connection is left and the callers have gone, or ctx is
// done, and then ends what is left. It may be called once, after Leave.
func (s *Service) Drain(ctx context.Context) {
	select {
	case <-s.idle:
		wait := time.NewTimer(farewell)
		defer wait.Stop()
		select {
		case <-s.alone:
		case <-wait.C:
		case <-ctx.Done():
		}
	case <-ctx.Done():
	}
	s.mu.Lock()
	for c := range s.callers {
		c.cancel()
	}
	for end := range s.relays {
		(*end)()
	}
	s.mu.Unlock()
	s.work.Wait()
}

// forced notes what ends a relay at once, should Drain not wait for it. The
// result takes that back.
func (s *Service) forced(end func()) (over func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.relays[&end] = true
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.relays, &end)
	}
}

// Left is closed once Leave was called and no connection is left.
func (s *Service) Left() <-chan struct{} { return s.idle }

// Waiting is how many handshakes wait for their turn.
func (s *Service) Waiting() int { return s.queue.Length() }

// begin counts a connection; false when no more are taken.
func (s *Service) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leaving {
		return false
	}
	s.open++
	return true
}

func (s *Service) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open--; s.open == 0 && s.leaving {
		close(s.idle)
	}
}

// maxSkip bounds how far a caller's word moves the numbers on.
const maxSkip = 1 << 20

// block returns the next block of numbers for a caller: one beyond those that it
// had from a service before this one.
func (s *Service) block(last uint64) uint64 {
	for {
		now := s.blocks.Load()
		next := now + 1
		if had := last / idsPerCaller; had >= next && had-next < maxSkip {
			next = had + 1
		}
		if s.blocks.CompareAndSwap(now, next) {
			return next
		}
	}
}

func (s *Service) gone(c *caller) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.callers, c)
	if s.leaving && len(s.callers) == 0 {
		s.nobody()
	}
}
