package session

import (
	"container/list"
	"crypto/rand"
	"sync"
	"time"
)

// generations is how many ticket keys of a scope are valid at a time. The
// newest makes tickets for a quarter of the lifetime and is then kept for
// three quarters more to read them, so that no ticket is accepted once it is
// older than the lifetime, and each at least until three quarters of it.
const generations = 4

// KeysConfig sets the limits of Keys; zero values mean the defaults.
type KeysConfig struct {
	Scopes int // scopes remembered, 1024
	// Now is the clock, time.Now.
	Now func() time.Time
}

// Keys holds the keys of the tickets our servers give: a set for each scope,
// renewed as time goes by. It is safe for concurrent use.
type Keys struct {
	cfg KeysConfig

	mu     sync.Mutex
	scopes map[string]*list.Element // of *ring
	order  *list.List               // most recently used first
}

// ring is the keys of one scope.
type ring struct {
	scope      string
	keys       [][32]byte // of this machine alone, newest first
	shared     sharedKeys
	renewed    time.Time
	generation uint64
}

// NewKeys makes an empty set.
func NewKeys(cfg KeysConfig) *Keys {
	if cfg.Scopes <= 0 {
		cfg.Scopes = 1024
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Keys{cfg: cfg, scopes: make(map[string]*list.Element), order: list.New()}
}

// Current returns the keys of a scope for tls.Config.SetSessionTicketKeys, the
// first of which makes new tickets. The generation changes when they do, and
// is never zero. The lifetime, which is above zero and the same for all calls
// for a scope, limits the age of a ticket. With seeds, machines that have the
// same ones read each other's tickets of a scope; nil keeps them apart.
func (k *Keys) Current(scope string, lifetime time.Duration,
	seeds Seeds) (keys [][32]byte, generation uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	r := k.ringLocked(scope)
	now, interval := k.cfg.Now(), Period(lifetime)
	r.renew(now, interval)
	r.share(now, interval, seeds)
	return r.all(), r.generation
}

func (k *Keys) ringLocked(scope string) *ring {
	if element, ok := k.scopes[scope]; ok {
		k.order.MoveToFront(element)
		return element.Value.(*ring)
	}
	if len(k.scopes) >= k.cfg.Scopes {
		oldest := k.order.Back()
		delete(k.scopes, oldest.Value.(*ring).scope)
		k.order.Remove(oldest)
	}
	// Generations of a scope that was dropped and came back must differ.
	r := &ring{scope: scope, generation: randomGeneration()}
	k.scopes[scope] = k.order.PushFront(r)
	return r
}

// renew adds a key when the newest is older than the interval. Time that
// passed unused counts: then older keys go without a successor of their own.
func (r *ring) renew(now time.Time, interval time.Duration) {
	age := now.Sub(r.renewed)
	switch {
	case len(r.keys) > 0 && age >= 0 && age < interval:
		return
	case len(r.keys) == 0 || age < 0:
		// A clock that was set back says nothing about the age of keys.
		r.keys, r.renewed = nil, now
	default:
		passed := int64(age / interval)
		keep := max(generations-passed, 0)
		r.keys = r.keys[:min(int64(len(r.keys)), keep)]
		r.renewed = r.renewed.Add(time.Duration(passed) * interval)
	}
	r.keys = append([][32]byte{newKey()}, r.keys...)
	r.generation++
}

// Period is how long a key makes tickets of a lifetime.
func Period(lifetime time.Duration) time.Duration { return max(lifetime/generations, 1) }

func newKey() (key [32]byte) {
	// crypto/rand.Read never fails: it ends the process instead.
	_, _ = rand.Read(key[:])
	return key
}

func randomGeneration() uint64 {
	key := newKey()
	var n uint64
	for _, b := range key[:7] { // leaves room to count
		n = n<<8 | uint64(b)
	}
	return n
}
