package session

import (
	"crypto/tls"
	"sync"
	"time"
)

// maxTicket is the longest ticket kept. Those of servers that put the whole
// session into it have some hundred bytes, or a few thousand with a client's
// certificate.
const maxTicket = 16 << 10

// Slot is one connection's view of a Cache: the tls.ClientSessionCache for the
// configuration of that connection alone.
//
// A session is taken out of the cache when it is offered. RFC 8446, appendix
// C.4, wants TLS 1.3 tickets used once, since a ticket seen twice links two
// connections; a server sends new ones with each handshake. A TLS 1.2 session
// may be used again, and servers often send no new ticket: Established puts it
// back.
type Slot struct {
	cache    *Cache
	key      Key
	lifetime time.Duration

	mu      sync.Mutex
	offered *kept // what this connection tried to resume
	closed  bool  // keep nothing of this connection
	// limit ends what is kept of this connection; zero for no other end than
	// the lifetime's.
	limit time.Time
}

// Slot makes the view for a connection with the given key, whose sessions may
// be resumed for the given time.
func (c *Cache) Slot(key Key, lifetime time.Duration) *Slot {
	return &Slot{cache: c, key: key, lifetime: lifetime}
}

// Get implements tls.ClientSessionCache. The key is this connection's, whatever
// crypto/tls calls it: it knows names only, neither ports nor scopes.
func (s *Slot) Get(string) (*tls.ClientSessionState, bool) {
	found, ok := s.cache.take(s.key)
	if !ok {
		return nil, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.offered = &found
	return found.state, true
}

// Put implements tls.ClientSessionCache.
func (s *Slot) Put(_ string, state *tls.ClientSessionState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if state == nil {
		// What was offered is not to be used again.
		s.offered = nil
		return
	}
	if s.closed {
		return
	}
	if ticket, _, err := state.ResumptionState(); err != nil || len(ticket) > maxTicket {
		return
	}
	now := s.cache.cfg.Now()
	until := now.Add(s.lifetime)
	if !s.limit.IsZero() && s.limit.Before(until) {
		until = s.limit
	}
	s.cache.put(s.key, kept{state: state, since: now, until: until})
}

// Established says that the handshake succeeded.
func (s *Slot) Established(state tls.ConnectionState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.offered != nil && state.DidResume && state.Version < tls.VersionTLS13 && !s.closed {
		// Its age counts on from when it was made.
		s.cache.put(s.key, *s.offered)
	}
	s.offered = nil
}

// Limit makes the slot keep nothing beyond a time: a resumed session shows the
// proofs of the first handshake, and is of no use when they have expired.
func (s *Slot) Limit(until time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limit = until
}

// Close makes the slot keep nothing from now on.
func (s *Slot) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}
