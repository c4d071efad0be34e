package engine

import (
	"container/list"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"hash"
	"strconv"
	"sync"
	"time"

	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/trust"
)

// defaultLifetime is how long a session may be resumed when the policy does
// not say.
const defaultLifetime = 24 * time.Hour

// settings are what connections with the same policy, options and identities
// share, so that making the next one costs neither parsing nor copying.
// Immutable apart from the ticket keys.
type settings struct {
	// policy keeps alive what the key of these settings refers to by address.
	policy *policy.Effective
	// scope is unique among all settings ever made. Sessions are kept by it,
	// so none is resumed under other settings.
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

type settingsKey [sha256.Size]byte

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

// keyOf digests everything in a request that settings are made of.
func keyOf(req *Request) settingsKey {
	d := digest{sha256.New()}
	pol := req.Policy
	d.number(uint64(req.Role))
	d.text(pol.Profile)
	d.number(uint64(pol.MinVersion), uint64(pol.MaxVersion))
	numbers(d, pol.CipherSuites)
	numbers(d, pol.CipherSuites13)
	numbers(d, pol.KeyExchange)
	d.trustKey(pol)
	d.text(fmt.Sprintf("%p", pol.Anchors))
	d.text(pol.RootsFrom)
	d.number(uint64(pol.ProgramRoots), uint64(pol.ClientAuth))
	d.text(fmt.Sprint(pol.SkipVerify, pol.Resumption))
	d.number(uint64(pol.Lifetime), uint64(pol.SharedBy))
	d.text(req.Sharers)
	d.number(uint64(len(req.ALPN)))
	for _, protocol := range req.ALPN {
		d.text(protocol)
	}
	d.number(uint64(len(req.Identities)))
	for _, id := range req.Identities {
		fingerprint := id.Fingerprint()
		d.Write(fingerprint[:])
	}
	d.number(uint64(len(req.ProgramRoots)))
	for _, cert := range req.ProgramRoots {
		d.text(string(cert.Raw))
	}
	return settingsKey(d.Sum(nil))
}

// digest hashes values so that no two lists of values look the same.
type digest struct{ hash.Hash }

func (d digest) number(values ...uint64) {
	var buf [8]byte
	for _, v := range values {
		binary.BigEndian.PutUint64(buf[:], v)
		d.Write(buf[:])
	}
}

func (d digest) text(s string) {
	d.number(uint64(len(s)))
	d.Write([]byte(s))
}

// numbers tells an empty list from none: they mean different things.
func numbers[T ~uint16](d digest, values []T) {
	if values == nil {
		d.number(1<<64 - 1)
		return
	}
	d.number(uint64(len(values)))
	for _, v := range values {
		d.number(uint64(v))
	}
}
