package revocation

import (
	"container/list"
	"context"
	"sync"
	"time"
)

// cache remembers what was fetched, by key, up to a number of entries and a
// sum of sizes; the least recently used goes first. Those who ask for the same
// at the same time wait for one fetch.
type cache[T any] struct {
	entries int
	bytes   int

	mu      sync.Mutex
	byKey   map[string]*list.Element // of *cached[T]
	recent  list.List                // most recently used first
	size    int
	waiting map[string]chan struct{} // closed when the fetch of a key is over
}

type cached[T any] struct {
	key         string
	value       T
	err         error // a failure is remembered too, for a short time
	size        int
	from, until time.Time
	// passing says that a failure has to do with its caller alone, and tells
	// others nothing.
	passing bool
}

func newCache[T any](entries, bytes int) *cache[T] {
	return &cache[T]{entries: entries, bytes: bytes, byKey: make(map[string]*list.Element),
		waiting: make(map[string]chan struct{})}
}

// find returns what is known, false when that is nothing.
func (c *cache[T]) find(key string, now time.Time) (*cached[T], bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.findLocked(key, now)
}

func (c *cache[T]) findLocked(key string, now time.Time) (*cached[T], bool) {
	element, ok := c.byKey[key]
	if !ok {
		return nil, false
	}
	entry := element.Value.(*cached[T])
	// After the clock was set back nobody knows how old an entry is.
	if now.Before(entry.from) || !now.Before(entry.until) {
		c.removeLocked(element)
		return nil, false
	}
	c.recent.MoveToFront(element)
	return entry, true
}

func (c *cache[T]) removeLocked(element *list.Element) {
	entry := element.Value.(*cached[T])
	delete(c.byKey, entry.key)
	c.recent.Remove(element)
	c.size -= entry.size
}

// add keeps an entry. One that is larger than the cache is not kept.
func (c *cache[T]) add(entry *cached[T]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if old, ok := c.byKey[entry.key]; ok {
		c.removeLocked(old)
	}
	if entry.size > c.bytes {
		return
	}
	for c.recent.Len() >= c.entries || c.size+entry.size > c.bytes {
		c.removeLocked(c.recent.Back())
	}
	c.byKey[entry.key] = c.recent.PushFront(entry)
	c.size += entry.size
}

// get returns what is known of a key, by fetch if nothing is. When several ask,
// the first one fetches for all; should its caller give up, another one does.
func (c *cache[T]) get(ctx context.Context, key string, now time.Time,
	fetch func() *cached[T]) (T, error) {
	for {
		c.mu.Lock()
		if entry, ok := c.findLocked(key, now); ok {
			c.mu.Unlock()
			return entry.value, entry.err
		}
		done, busy := c.waiting[key]
		if !busy {
			done = make(chan struct{})
			c.waiting[key] = done
		}
		c.mu.Unlock()
		if !busy {
			return c.lead(key, done, fetch)
		}
		select {
		case <-done:
		case <-ctx.Done():
			var none T
			return none, withoutURL(context.Cause(ctx))
		}
	}
}

func (c *cache[T]) lead(key string, done chan struct{}, fetch func() *cached[T]) (T, error) {
	defer func() {
		c.mu.Lock()
		delete(c.waiting, key)
		c.mu.Unlock()
		close(done)
	}()
	entry := fetch()
	if !entry.passing {
		entry.key = key
		c.add(entry)
	}
	return entry.value, entry.err
}
