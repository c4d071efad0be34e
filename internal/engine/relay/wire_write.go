package relay

import (
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// errStalled ends a connection whose program has gone and whose peer takes nothing.
var errStalled = errors.New("the peer took nothing for too long after the program had gone")

// errAborted ends a connection whose program has gone and wants it reset.
var errAborted = errors.New("the program reset the connection")

// abortStep is how often a write that TCP does not take looks whether the
// program has gone.
const abortStep = 250 * time.Millisecond

// patience says how long sending waits for TCP.
type patience struct {
	stall time.Duration // see Config; zero in a handshake: no limit
	step  time.Duration // how often a write that waits looks about
	gone  func() bool   // the program has gone
	abort func() bool   // the program has gone, and what it wrote with it
}

// wireWriter is the sending half of a Wire. Both directions of a relay use it:
// receiving may have to answer a key update or to send an alert.
type wireWriter struct {
	patience
	stalls stalls // of a running relay

	outMu    sync.Mutex
	idle     sync.Cond // signalled when sending ends
	pending  *buffer   // records that wait to be sent, nil when none
	corked   bool      // records are being gathered
	sending  bool      // one goroutine is writing to TCP, without outMu
	finished bool      // TCP is shut down for writing
	behind   []byte    // what is left behind for who takes TCP over: see leave
	outErr   error     // why TCP takes no more
	leaving  atomic.Bool

	// Of the one goroutine that is sending.
	rest        []byte
	restErr     error
	waited      bool // the last thing TCP did was to take nothing
	sendFunc    func(fd uintptr) bool
	trySendFunc func(fd uintptr) bool
}

// Write sends p, or adds it to what is being gathered. In a running relay it
// does not wait for TCP: what TCP does not take now goes out with what the
// program writes next, which is in time for the answer to a key update and as
// good as can be for an alert. Only a full buffer makes it wait.
func (w *Wire) Write(p []byte) (int, error) {
	if w.disowned.Load() {
		return len(p), nil // nothing of crypto/tls may leave any more
	}
	w.outMu.Lock()
	defer w.outMu.Unlock()
	if !w.relaying.Load() {
		w.sendLocked(p)
		return len(p), w.outErr
	}
	for done := 0; done < len(p); {
		if w.finished {
			return done, net.ErrClosed
		}
		if w.outErr != nil {
			return done, w.outErr
		}
		if w.pending == nil {
			w.pending = getBuffer(len(p) - done)
		}
		n := w.pending.add(p[done:])
		done += n
		if n == 0 {
			w.flushLocked()
		}
	}
	w.trySendPendingLocked()
	return len(p), w.outErr
}

// closeWrite shuts TCP down for writing once everything is sent.
func (w *Wire) closeWrite() error {
	w.outMu.Lock()
	defer w.outMu.Unlock()
	w.flushLocked()
	w.finished = true
	if w.outErr != nil {
		return w.outErr
	}
	return w.tcp.CloseWrite()
}

// flushLocked returns when nothing is pending or TCP has failed.
func (w *Wire) flushLocked() {
	for w.sending {
		w.idle.Wait()
	}
	for w.pending != nil && w.outErr == nil {
		b := w.pending
		w.pending = nil
		w.sendLocked(b.bytes())
		b.release()
	}
}

// sendLocked gives p to TCP, without outMu while it waits.
func (w *Wire) sendLocked(p []byte) {
	for w.sending {
		w.idle.Wait()
	}
	if w.outErr != nil || len(p) == 0 {
		return
	}
	w.sending = true
	w.outMu.Unlock()
	err := error(nil)
	if w.behind != nil { // of the one goroutine that is sending
		w.behind = append(w.behind, p...)
	} else {
		err = w.send(p)
	}
	w.outMu.Lock()
	w.sending = false
	w.stalls.over()
	w.outErr = err
	w.idle.Broadcast()
}

// trySendLocked gives TCP what it takes at once of what is pending.
func (w *Wire) trySendLocked() {
	if w.raw == nil || w.behind != nil {
		w.flushLocked()
		return
	}
	w.rest, w.restErr = w.pending.bytes(), nil
	if err := w.raw.Write(w.trySendFunc); err != nil && !isTimeout(err) {
		w.outErr = err
	} else if w.restErr != nil {
		w.outErr = w.restErr
	}
	w.pending.r = w.pending.w - len(w.rest)
	w.rest = nil
	if w.pending.len() == 0 {
		w.pending.release()
		w.pending = nil
	}
}

// send gives p to TCP. It gives up when the program has gone and TCP has taken
// nothing for the stall time.
func (w *Wire) send(p []byte) error {
	for quiet := time.Duration(0); ; {
		n, err := w.sendUntilDeadline(p)
		p = p[n:]
		if w.stall == 0 || !isTimeout(err) {
			return err
		}
		if w.leaving.Load() {
			if w.gone() && !w.abort() {
				w.rest, w.restErr = p, nil
				return w.keepRest()
			}
			w.disarmStall() // of leave
		}
		if n > 0 {
			quiet = 0
		}
		if w.waited {
			quiet += w.step
		}
		switch {
		case w.isCutOff():
			return os.ErrDeadlineExceeded
		case w.abort():
			return errAborted
		case quiet >= w.stall && w.gone():
			return errStalled
		}
	}
}

// sendUntilDeadline gives p to TCP and returns how much of it was taken.
func (w *Wire) sendUntilDeadline(p []byte) (int, error) {
	w.waited = false
	if w.raw == nil {
		w.armStall()
		n, err := w.tcp.Write(p)
		w.disarmStall()
		w.waited = n == 0
		return n, err
	}
	w.rest, w.restErr = p, nil
	err := w.resumed(w.raw.Write(w.sendFunc))
	if err == nil {
		err = w.restErr
	}
	if w.waited {
		w.disarmStall()
	}
	n := len(p) - len(w.rest)
	w.rest = nil
	return n, err
}

// sendReady writes to a descriptor that may be writable.
func (w *Wire) sendReady(fd uintptr) bool {
	if w.trySendReady(fd); len(w.rest) == 0 || w.restErr != nil {
		return true
	}
	w.waited = true
	w.stalls.wait(w.rest)
	w.pause()
	w.armStall()
	return false
}

// trySendReady writes what the descriptor takes and does not wait.
func (w *Wire) trySendReady(fd uintptr) bool {
	for len(w.rest) > 0 {
		n, err := writeFD(fd, w.rest)
		w.rest = w.rest[n:]
		if errors.Is(err, errAgain) {
			break
		}
		if err != nil {
			w.restErr = err
			break
		}
	}
	return true
}

// cut fails a write under way and all later ones.
func (w *Wire) cut() {
	w.deadlineMu.Lock()
	defer w.deadlineMu.Unlock()
	w.cutOff = true
	_ = w.tcp.SetWriteDeadline(longAgo)
}

func (w *Wire) isCutOff() bool {
	w.deadlineMu.Lock()
	defer w.deadlineMu.Unlock()
	return w.cutOff
}

// armStall sets the deadline of a step, from now on.
func (w *Wire) armStall() {
	if w.stall == 0 {
		return
	}
	w.deadlineMu.Lock() // what leave set meanwhile stays
	defer w.deadlineMu.Unlock()
	step := w.step
	if w.leaving.Load() {
		step = min(step, abortStep)
	}
	w.setWriteDeadlineLocked(time.Now().Add(step))
}

func (w *Wire) disarmStall() {
	if w.stall > 0 {
		w.setWriteDeadline(time.Time{})
	}
}

// setWriteDeadline never undoes a cut.
func (w *Wire) setWriteDeadline(t time.Time) {
	w.deadlineMu.Lock()
	defer w.deadlineMu.Unlock()
	w.setWriteDeadlineLocked(t)
}

func (w *Wire) setWriteDeadlineLocked(t time.Time) {
	if !w.cutOff {
		_ = w.tcp.SetWriteDeadline(t)
	}
}

// isTimeout recognises a deadline. TCP's own ETIMEDOUT is none.
func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
