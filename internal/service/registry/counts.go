package registry

import (
	"crypto/tls"
	"slices"
	"time"
)

// buckets are the upper bounds of handshake times.
var buckets = [...]time.Duration{
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond,
	25 * time.Millisecond,
	50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second,
}

// HandshakeKey is what handshakes are counted by. A failed one has a reason,
// and no version and suite.
type HandshakeKey struct {
	Role, Profile  string
	Version, Suite string
	Resumed        bool
	Reason         string // "" for one that was done
}

// maxKeys bounds the kinds that are counted apart; a peer can make only so many
// of them, but profiles come and go with the policy.
const maxKeys = 4096

// counts only ever grow.
type counts struct {
	handshakes     map[HandshakeKey]uint64
	ends           map[string]uint64 // by reason
	refused        map[string]uint64 // by what refused
	missed         uint64            // refusals by gates that were not told
	sent, received int64             // of connections that are over
	times          [2]Histogram      // by role
	suites         map[uint16]string // names, which crypto/tls is slow to tell
}

// Histogram counts durations, not cumulated: Counts[i] are those up to
// Bounds[i] that fit no smaller bound, the last those above all.
type Histogram struct {
	Bounds []time.Duration
	Counts []uint64
	Sum    time.Duration
}

func (c *counts) init() {
	c.handshakes, c.ends, c.refused = map[HandshakeKey]uint64{}, map[string]uint64{},
		map[string]uint64{}
	c.suites = map[uint16]string{}
	for i := range c.times {
		c.times[i] = Histogram{Bounds: buckets[:], Counts: make([]uint64, len(buckets)+1)}
	}
}

// suiteName is tls.CipherSuiteName. Only suites that crypto/tls has get here.
func (c *counts) suiteName(suite uint16) string {
	name, known := c.suites[suite]
	if !known {
		name = tls.CipherSuiteName(suite)
		if len(c.suites) < maxSuites {
			c.suites[suite] = name
		}
	}
	return name
}

func (c *counts) done(e *Entry) {
	c.count(HandshakeKey{
		Role: roleWord(e.role), Profile: e.program.key.profile,
		Version: tls.VersionName(e.version), Suite: c.suiteName(e.suite), Resumed: e.resumed,
	})
	h := &c.times[e.role]
	i, _ := slices.BinarySearch(h.Bounds, e.took)
	h.Counts[i]++
	h.Sum += e.took
}

func (c *counts) failed(e *Entry, reason string) {
	c.count(HandshakeKey{Role: roleWord(e.role), Profile: e.program.key.profile, Reason: reason})
}

func (c *counts) count(k HandshakeKey) {
	if _, known := c.handshakes[k]; !known && len(c.handshakes) >= maxKeys {
		k.Profile = restName
	}
	c.handshakes[k]++
}

func (c *counts) ended(reason string) { c.ends[reason]++ }
