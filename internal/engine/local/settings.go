package local

import (
	"container/list"
	"crypto/tls"
	"strconv"
	"sync"
	"time"

	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/trust"
)

// settings are what connections with the same policy, options and identities
// share, so that making the next one costs neither parsing nor copying.
// Immutable apart from the ticket keys.
type settings struct {
	// policy keeps alive what the key of these settings refers to by address.
	policy *policy.Effective
	// scope stands for these settings: sessions are kept by it, so none is
	// resumed under other ones. A client's is unique among all settings ever
	// made; for a server's see serverScope.
	scope    string
	lifetime time.Duration // of sessions; zero: none are kept
	suites13 []uint16      // for the suiteGate
	// verifier judges peers; nil in settings of a server that asks its clients
	// for no certificate.
	verifier *trust.Verifier
	// config is copied for each connection that verifies its peer, and shared
	// by the others.
	config *tls.Config

	mu         sync.Mutex
	generation uint64 // of the ticket keys that config has
}

// maxSettings bounds what is kept. A machine has some profiles, each with a
// handful of programs that set options of their own.
const maxSettings = 256

// settingsCache finds settings made before. Its zero value is empty.
type settingsCache struct {
	mu     sync.Mutex
	made   uint64
	byKey  map[settingsKey]*list.Element // of *namedSettings
	recent list.List                     // most recently used first
}

type namedSettings struct {
	key      settingsKey
	settings *settings
}

// get returns the settings of a key, made by build if there are none.
func (c *settingsCache) get(key settingsKey, build func(scope string) *settings) *settings {
	c.mu.Lock()
	defer c.mu.Unlock()
	if element, ok := c.byKey[key]; ok {
		c.recent.MoveToFront(element)
		return element.Value.(*namedSettings).settings
	}
	if c.byKey == nil {
		c.byKey = make(map[settingsKey]*list.Element)
	}
	if len(c.byKey) >= maxSettings {
		oldest := c.recent.Back()
		delete(c.byKey, oldest.Value.(*namedSettings).key)
		c.recent.Remove(oldest)
	}
	c.made++
	s := build(strconv.FormatUint(c.made, 10))
	c.byKey[key] = c.recent.PushFront(&namedSettings{key, s})
	return s
}
