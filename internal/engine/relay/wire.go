package relay

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Wire is the TCP connection as crypto/tls sees it. It takes from TCP what is
// there in one read and hands it on record by record, and gathers records so
// that many leave in one write. Until a Relay starts it behaves as the TCP
// connection itself, so that a handshake can be made on it.
//
// It gives crypto/tls at most one record at a time: what follows stays here,
// where it is known whether the next record is complete and whether crypto/tls
// has been told of TCP's end.
type Wire struct {
	tcp Stream
	raw syscall.RawConn // nil when tcp has no descriptor

	wireReader
	wireWriter
	arrivals waiter // of a running relay
	turn     Turn   // of a handshake; nil once a relay runs
	paused   bool   // turn was given back

	relaying atomic.Bool // see beginRelay
	disowned atomic.Bool // crypto/tls is no longer connected to TCP

	deadlineMu sync.Mutex
	cutOff     bool // no more writes: the write deadline stays in the past
}

var _ net.Conn = (*Wire)(nil)

// NewWire returns tcp as a connection for crypto/tls.
func NewWire(tcp Stream) *Wire {
	w := &Wire{tcp: tcp, raw: rawConn(tcp)}
	w.arrivals.stream, w.arrivals.raw = w.tcp, w.raw
	w.idle.L = &w.outMu
	w.fillFunc, w.sendFunc, w.trySendFunc = w.fillReady, w.sendReady, w.trySendReady
	return w
}

// Turn is the right to compute of whoever makes a handshake. It is given back
// while TCP is waited for.
type Turn interface {
	Pause()
	Resume() error
}

// SetTurn sets the turn of a handshake, before that begins.
func (w *Wire) SetTurn(t Turn) { w.turn = t }

// pause gives the turn of a handshake back.
func (w *Wire) pause() {
	if w.turn != nil {
		w.paused = true
		w.turn.Pause()
	}
}

// resumed waits for the turn, if it was given back, after err.
func (w *Wire) resumed(err error) error {
	if !w.paused {
		return err
	}
	w.paused = false
	if err != nil {
		return err
	}
	return w.turn.Resume()
}

// beginRelay ends the handshake's way of working: reads no longer wait (see
// await), writes no longer block crypto/tls, and the deadlines that crypto/tls
// sets round a close_notify are the relay's business.
func (w *Wire) beginRelay(p patience) {
	w.patience, w.turn = p, nil
	// A stream that has no deadlines has none to clear.
	_ = w.tcp.SetDeadline(time.Time{})
	w.relaying.Store(true)
}

// Close closes TCP at once.
func (w *Wire) Close() error { return w.tcp.Close() }

// LocalAddr returns TCP's local address.
func (w *Wire) LocalAddr() net.Addr { return w.tcp.LocalAddr() }

// RemoteAddr returns the peer's address.
func (w *Wire) RemoteAddr() net.Addr { return w.tcp.RemoteAddr() }

// SetDeadline limits a handshake; a running relay ignores it.
func (w *Wire) SetDeadline(t time.Time) error {
	if w.relaying.Load() {
		return nil
	}
	return w.tcp.SetDeadline(t)
}

// SetReadDeadline limits a handshake; a running relay ignores it.
func (w *Wire) SetReadDeadline(t time.Time) error {
	if w.relaying.Load() {
		return nil
	}
	return w.tcp.SetReadDeadline(t)
}

// SetWriteDeadline limits a handshake; a running relay ignores it.
func (w *Wire) SetWriteDeadline(t time.Time) error {
	if w.relaying.Load() {
		return nil
	}
	return w.tcp.SetWriteDeadline(t)
}

// interruptRead ends waiting for TCP, now and later.
func (w *Wire) interruptRead() { w.arrivals.interrupt() }

// unsent counts what the peer's kernel has not acknowledged.
func (w *Wire) unsent() int {
	n := 0
	if w.raw != nil {
		_ = w.raw.Control(func(fd uintptr) { n = unsentFD(fd) })
	}
	return n
}

// takes reports whether TCP takes something now.
func (w *Wire) takes() bool {
	takes := true
	if w.raw != nil {
		_ = w.raw.Control(func(fd uintptr) { takes = writableFD(fd) })
	}
	return takes
}

// resetOnClose makes Close a reset.
func (w *Wire) resetOnClose() {
	if w.raw != nil {
		_ = w.raw.Control(resetOnCloseFD)
	}
}

// longAgo as a deadline interrupts.
var longAgo = time.Unix(1, 0)

// endRelay closes TCP and gives the buffers back. Nobody may be using the Wire.
func (w *Wire) endRelay() {
	_ = w.tcp.Close()
	if w.in != nil {
		w.in.release()
		w.in = nil
	}
	if w.pending != nil {
		w.pending.release()
		w.pending = nil
	}
}

// ended says whether crypto/tls has been told that TCP ended. If not, its
// io.EOF means close_notify.
func (w *Wire) ended() bool { return w.toldEnd }

// wouldBlock tells crypto/tls that no complete record is in hand. Being
// temporary, it leaves the connection intact.
type wouldBlock struct{}

func (wouldBlock) Error() string   { return "no complete record in hand" }
func (wouldBlock) Timeout() bool   { return true }
func (wouldBlock) Temporary() bool { return true }

var (
	_             net.Error = wouldBlock{}
	errWouldBlock error     = wouldBlock{}
	_             io.Reader = (*Wire)(nil)
)
