package trust

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"sync"
	"time"
)

// A verification is remembered for a few minutes, so that the many connections
// of a busy program do not each build the same chain. That is safe since the
// key covers everything that a verification depends on, apart from the time:
// the whole chain and the name; a Verifier's anchors, limits and pins never
// change. Revocation and transparency are not remembered here.
const (
	memorySpan = 5 * time.Minute
	memorySize = 1024
)

type memory struct {
	mu      sync.Mutex
	entries map[[sha256.Size]byte]remembered
}

type remembered struct {
	chains      [][]*x509.Certificate // fit ones, never empty
	from, until time.Time
}

func newMemory() *memory {
	return &memory{entries: make(map[[sha256.Size]byte]remembered)}
}

func memoryKey(chain []*x509.Certificate, name string) [sha256.Size]byte {
	hash := sha256.New()
	var length [8]byte
	part := func(data []byte) {
		binary.BigEndian.PutUint64(length[:], uint64(len(data)))
		hash.Write(length[:])
		hash.Write(data)
	}
	part([]byte(name))
	for _, cert := range chain {
		part(cert.Raw)
	}
	var sum [sha256.Size]byte
	hash.Sum(sum[:0])
	return sum
}

func (m *memory) find(key [sha256.Size]byte, now time.Time) [][]*x509.Certificate {
	m.mu.Lock()
	defer m.mu.Unlock()
	entry, ok := m.entries[key]
	// A clock that was set back makes it unknown again: the certificate may
	// not be valid yet.
	if !ok || now.Before(entry.from) || !now.Before(entry.until) {
		return nil
	}
	return entry.chains
}

func (m *memory) add(key [sha256.Size]byte, chains [][]*x509.Certificate, now time.Time) {
	until := now.Add(memorySpan)
	for _, chain := range chains {
		if end := earliest(chain); end.Before(until) {
			until = end
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for old := range m.entries {
		if len(m.entries) < memorySize {
			break
		}
		// Any entry may go: the order of a map is no order.
		delete(m.entries, old)
	}
	m.entries[key] = remembered{chains: chains, from: now, until: until}
}
