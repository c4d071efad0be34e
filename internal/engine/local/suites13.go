package local

import (
	"crypto/tls"
	"slices"
	"sync"
)

// suites13 is what crypto/tls has in there, and who relies on it. It belongs
// to the process because the two variables do. Everything in the process that
// does TLS has to go through an engine while policies differ in their lists.
var suites13 = &suiteGate{}

// suiteGate lets those pass together that need the same list, and makes the
// others wait. What is done behind it is never more than some computing: a
// client's hello, or a server's choice after it has read one.
//
//	closed to others ◀─ enter ── free ── enter, another list ─▶ list replaced
//	       └──────── leave, by the last one ─▶ free
type suiteGate struct {
	mu      sync.Mutex
	changed sync.Cond // L is mu
	// Turns make it fair: whoever came first enters first, and followers with
	// the same list enter at the same time.
	nextTurn, turn uint64
	inside         int
	list           []uint16    // in force; nil for the built-in ones
	builtin        [2][]uint16 // what to put back, while list is not nil
}

// pass is one connection's right to rely on a list, until it leaves.
type pass struct {
	gate *suiteGate
	once sync.Once
}

// enter returns when the list is in force: nil for the built-in lists, which
// prefer what the hardware of both sides is good at.
func (g *suiteGate) enter(list []uint16) *pass {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.changed.L = &g.mu
	turn := g.nextTurn
	g.nextTurn++
	for turn != g.turn || (g.inside > 0 && !slices.Equal(g.list, list)) {
		g.changed.Wait()
	}
	g.turn++
	g.inside++
	g.replaceLocked(list)
	g.changed.Broadcast()
	return &pass{gate: g}
}

// replaceLocked writes only when it must: nothing else in a process whose
// policies do not differ is touched by this.
func (g *suiteGate) replaceLocked(list []uint16) {
	if slices.Equal(g.list, list) {
		return
	}
	if g.list == nil {
		g.builtin = [2][]uint16{defaultCipherSuitesTLS13, defaultCipherSuitesTLS13NoAES}
	}
	g.list = list
	if list == nil {
		defaultCipherSuitesTLS13, defaultCipherSuitesTLS13NoAES = g.builtin[0], g.builtin[1]
		return
	}
	defaultCipherSuitesTLS13, defaultCipherSuitesTLS13NoAES = list, list
}

// leave gives up the pass. It may be called more than once; a nil pass has
// nothing to give up.
func (p *pass) leave() {
	if p == nil {
		return
	}
	p.once.Do(func() {
		p.gate.mu.Lock()
		defer p.gate.mu.Unlock()
		if p.gate.inside--; p.gate.inside == 0 {
			p.gate.replaceLocked(nil)
			p.gate.changed.Broadcast()
		}
	})
}

// builtinSuites13 is what crypto/tls implements, in its order.
var builtinSuites13 = func() (ids []uint16) {
	for _, suite := range tls.CipherSuites() {
		if slices.Contains(suite.SupportedVersions, tls.VersionTLS13) {
			ids = append(ids, suite.ID)
		}
	}
	return ids
}()

// suiteList13 returns the list for suiteGate of what a policy says; ok is false
// when nothing that can be done is left of it.
func suiteList13(allowed []uint16) (list []uint16, ok bool) {
	if allowed == nil {
		return nil, true
	}
	for _, id := range allowed {
		if slices.Contains(builtinSuites13, id) && !slices.Contains(list, id) {
			list = append(list, id)
		}
	}
	if slices.Equal(list, builtinSuites13) {
		return nil, true
	}
	return list, len(list) > 0
}
