// Package session remembers TLS sessions, so that a second connection between
// the same two parties costs less: the tickets that servers gave to our
// clients, and the keys of the tickets that our servers give. Sessions are
// kept apart by scope: one that was made under one scope never resumes under
// another. Nothing outlives its lifetime, and nothing is written to disk. What
// machines have in common they get elsewhere: this package touches no network.
package session

import (
	"container/list"
	"crypto/tls"
	"sync"
	"time"
)

// Key says which sessions fit a connection.
type Key struct {
	// Scope is an opaque text that stands for everything but the peer that a
	// session depends on: the profile and the settings of the socket.
	Scope string
	// Peer is the name or address that was verified, and Port its port.
	Peer string
	Port uint16
}

// CacheConfig sets the limits of a Cache; zero values mean the defaults.
type CacheConfig struct {
	Peers   int // keys remembered, 1024
	PerPeer int // sessions for each, 4
	// Now is the clock, time.Now.
	Now func() time.Time
}

// Cache holds the sessions of our clients, dropping the least recently used.
// It is safe for concurrent use.
type Cache struct {
	cfg CacheConfig

	mu    sync.Mutex
	peers map[Key]*list.Element // of *peer
	order *list.List            // most recently used first
}

type peer struct {
	key      Key
	sessions []kept // newest last
}

type kept struct {
	state        *tls.ClientSessionState
	since, until time.Time
}

// NewCache makes an empty cache.
func NewCache(cfg CacheConfig) *Cache {
	if cfg.Peers <= 0 {
		cfg.Peers = 1024
	}
	if cfg.PerPeer <= 0 {
		cfg.PerPeer = 4
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Cache{cfg: cfg, peers: make(map[Key]*list.Element), order: list.New()}
}

// take removes and returns the newest session of a peer.
func (c *Cache) take(key Key) (kept, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	element, ok := c.peers[key]
	if !ok {
		return kept{}, false
	}
	p := element.Value.(*peer)
	c.expireLocked(p)
	n := len(p.sessions)
	if n == 0 {
		c.removeLocked(element)
		return kept{}, false
	}
	newest := p.sessions[n-1]
	p.sessions[n-1] = kept{}
	p.sessions = p.sessions[:n-1]
	if n == 1 {
		c.removeLocked(element)
	} else {
		c.order.MoveToFront(element)
	}
	return newest, true
}

// put adds a session, dropping the oldest of the peer, or the sessions of the
// peer unused for longest, when there are too many.
func (c *Cache) put(key Key, session kept) {
	c.mu.Lock()
	defer c.mu.Unlock()
	element, ok := c.peers[key]
	if !ok {
		if len(c.peers) >= c.cfg.Peers {
			c.removeLocked(c.order.Back())
		}
		element = c.order.PushFront(&peer{key: key})
		c.peers[key] = element
	}
	c.order.MoveToFront(element)
	p := element.Value.(*peer)
	if len(p.sessions) == c.cfg.PerPeer {
		copy(p.sessions, p.sessions[1:])
		p.sessions = p.sessions[:len(p.sessions)-1]
	}
	p.sessions = append(p.sessions, session)
}

func (c *Cache) expireLocked(p *peer) {
	now := c.cfg.Now()
	fresh := p.sessions[:0]
	for _, s := range p.sessions {
		// A session of the future means that the clock was set back: nobody
		// knows how old it is.
		if !now.Before(s.since) && now.Before(s.until) {
			fresh = append(fresh, s)
		}
	}
	clear(p.sessions[len(fresh):])
	p.sessions = fresh
}

func (c *Cache) removeLocked(element *list.Element) {
	delete(c.peers, element.Value.(*peer).key)
	c.order.Remove(element)
}
