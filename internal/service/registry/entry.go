package registry

import (
	"errors"
	"log/slog"
	"net/netip"
	"time"
	"unique"

	"github.com/secure-socket-api/ssa/internal/engine"
)

// text is a string of which there is one copy, however many connections have
// it.
type text = unique.Handle[string]

// maxText bounds, in bytes, what is kept of a text that a peer or a program
// chose.
const maxText = 512

func clip(s string) string {
	if len(s) > maxText {
		return s[:maxText]
	}
	return s
}

func intern(s string) text { return unique.Make(clip(s)) }

// Counter tells how far a connection is. An engine.Conn is one.
type Counter interface {
	Progress() (sent, received int64)
}

// Entry is one connection, from the beginning of its handshake to its end:
//
//	Begin ──▶ handshake ──Established──▶ connected ──Ended──▶ gone
//	              └────────Failed──────────────────────────────▲
//
// A call that does not fit the drawing changes nothing.
type Entry struct {
	registry *Registry
	program  *programSums
	peer     netip.AddrPort
	began    time.Time
	id       uint64
	pid      int32
	role     engine.Role

	// The rest is guarded by registry.mu.
	state       state
	resumed     bool
	version     uint16
	suite       uint16
	took        time.Duration // of the handshake
	active      int64         // when bytes were last seen to move, Unix time
	seen        int64         // how many there were then
	counter     Counter       // nil before the handshake is done
	name        text          // whom the client asked for
	identity    text          // ours
	alpn, group text
	peerName    text // verified
}

type state uint8

const (
	handshake state = iota
	connected
	gone
)

func (s state) String() string { return [...]string{"handshake", "connected", "gone"}[s] }

// Begin notes that a handshake begins.
func (r *Registry) Begin(c Connection) *Entry {
	none := unique.Make("")
	if c.Role != engine.Server {
		c.Role = engine.Client
	}
	now := r.cfg.Now()
	e := &Entry{
		registry: r, id: c.ID, pid: int32(c.Program.PID), role: c.Role, peer: c.Peer, began: now,
		active: now.Unix(),
		name:   intern(c.Name), identity: intern(c.Identity), alpn: none, group: none, peerName: none,
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	e.program = r.programLocked(c.Program)
	e.program.opened(now)
	e.id = r.numberLocked(e.id)
	r.live[e.id] = e
	return e
}

// numberLocked is the number that a connection is shown by: its own, unless its
// caller gave that to another one too, which must not hide it.
func (r *Registry) numberLocked(id uint64) uint64 {
	if r.live[id] == nil {
		return id
	}
	r.doubles++
	return 1<<63 + r.doubles // the service gives none that is so large
}

// Established notes that the handshake is done. The counter is asked now and
// then until the connection has ended; it must be cheap.
func (e *Entry) Established(facts *engine.Facts, counter Counter) {
	if e.established(facts, counter) {
		e.logEstablished(facts)
	}
}

func (e *Entry) established(facts *engine.Facts, counter Counter) bool {
	r := e.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.state != handshake {
		return false
	}
	e.state, e.counter = connected, counter
	e.took = r.cfg.Now().Sub(e.began)
	e.version, e.suite, e.resumed = facts.Version, facts.CipherSuite, facts.Resumed
	e.alpn, e.group, e.peerName = intern(facts.ALPN), intern(facts.Group), intern(facts.PeerIdentity)
	if e.role == engine.Server {
		e.name = intern(facts.ServerName)
	}
	e.program.handshakes++
	e.program.label.Handshakes++
	if e.resumed {
		e.program.resumed++
	}
	r.counts.done(e)
	r.series.done(e, r.counts.suiteName(e.suite))
	return true
}

// Ended notes that an established connection is over.
func (e *Entry) Ended(end engine.End) {
	if e.ended(end) {
		e.logEnded(end)
	}
}

func (e *Entry) ended(end engine.End) bool {
	r := e.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.state != connected {
		return false
	}
	e.leaveLocked()
	e.program.moved(end.Sent, end.Received)
	r.counts.sent += end.Sent
	r.counts.received += end.Received
	r.counts.ended(endReason(end.Err))
	return true
}

// Failed notes that there is no connection, and why. What the policy, the
// trust in the peer or a limit refused is a refusal too.
func (e *Entry) Failed(err error) {
	if e.failed(err) {
		e.log(slog.LevelWarn, err.Error(), "name", e.name.Value(), "reason", reasonOf(err))
	}
}

func (e *Entry) failed(err error) bool {
	r := e.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.state != handshake {
		return false
	}
	e.leaveLocked()
	reason := reasonOf(err)
	e.program.fail(reason)
	r.counts.failed(e, reason)
	r.series.failed()
	if what, ok := refusalWord(reason); ok {
		refusal := Refusal{
			ID: e.id, Program: e.program.describe(int(e.pid)), Role: roleWord(e.role), Name: e.name.Value(),
			What: what, Sentence: err.Error(), Position: Position(err),
		}
		if e.peer.IsValid() {
			refusal.Peer = e.peer.String()
		}
		r.refusedLocked(refusal)
	}
	return true
}

func (e *Entry) leaveLocked() {
	e.state, e.counter = gone, nil
	e.program.closed(e.registry.cfg.Now())
	delete(e.registry.live, e.id)
}

func (e *Entry) progressLocked() (sent, received int64) {
	if e.counter == nil {
		return 0, 0
	}
	return e.counter.Progress()
}

// reasonOf is why a handshake failed, as a word.
func reasonOf(err error) string {
	var known *engine.Error
	if errors.As(err, &known) {
		return known.Reason.String()
	}
	return "internal"
}

// endReason is how a connection ended, as a word.
func endReason(err error) string {
	if err == nil {
		return "clean"
	}
	return reasonOf(err)
}

func roleWord(role engine.Role) string {
	if role == engine.Server {
		return "server"
	}
	return "client"
}
