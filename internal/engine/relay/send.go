package relay

import (
	"errors"
	"io"
	"time"
)

// ackLimit and ackStep say how long and how often StopLingering asks TCP whether
// the peer has acknowledged everything.
const (
	ackLimit = time.Second
	ackStep  = 2 * time.Millisecond
	// leftoverAckLimit is that of a relay whose TCP somebody takes over.
	leftoverAckLimit = 200 * time.Millisecond
)

// send moves what the program writes to the peer, its end included, and stays
// until the program has gone or the connection has ended. It returns why not
// everything reached TCP.
func (r *Relay) send() error {
	err := r.pump()
	switch {
	case errors.Is(err, errIdle):
		return err
	case errors.Is(err, errStopped):
		return nil // receive knows why
	case errors.Is(err, errStalled), errors.Is(err, errAborted):
		r.wire.resetOnClose()
		r.wire.interruptRead()
		return err
	case err != nil:
		// As TCP does after a reset: writing fails at once, while what was
		// received can still be read, then comes ECONNRESET.
		r.lost = err // before anybody is told, so that the end has the same reason
		close(r.sendLost)
		r.prepareReset(err)
		r.refuse()
		r.sink.interrupt()
	}
	// A peer may answer long after the program has shut down its end, so TCP is
	// kept whole: a FIN would make some servers and many a firewall take the
	// connection for abandoned. The close_notify says all there is to say.
	if r.source.awaitHangUp() && !isDone(r.recvDone) {
		r.leave()
	}
	return err
}

// pump sends until the program's end, a close_notify for that included.
func (r *Relay) pump() error {
	for {
		b, err := r.source.next()
		if (err == nil || errors.Is(err, io.EOF)) && r.aborted() {
			if err == nil {
				b.release()
			}
			return errAborted
		}
		if errors.Is(err, io.EOF) {
			return r.pushEnd()
		}
		if err != nil {
			return err
		}
		if err := r.push(b); err != nil {
			return r.pushError(err)
		}
	}
}

// push encrypts what is in b, releases it, and returns when TCP has taken it.
func (r *Relay) push(b *buffer) error {
	n := b.len()
	r.taken.Add(int64(n))
	err := r.records.send(b)
	if err == nil {
		r.sent.Add(int64(n))
	}
	return err
}

// pushEnd sends a close_notify.
func (r *Relay) pushEnd() error { return r.pushError(r.records.sendEnd()) }

// pushError tells a failed write from one that finish has cut.
func (r *Relay) pushError(err error) error {
	if err != nil && r.source.isStopped() {
		return errors.Join(errStopped, err)
	}
	return err
}

// leave ends the connection of a program that has gone: a FIN, then some
// patience for the peer's end, so that session tickets and the peer's own
// close_notify do not turn our close into a reset.
func (r *Relay) leave() {
	if r.aborted() {
		r.wire.resetOnClose()
		r.wire.interruptRead()
		return
	}
	if r.wire.hasLeft() {
		r.finSent.Store(true)
		r.wire.interruptRead()
		return
	}
	_ = r.wire.closeWrite() // a TCP that has failed shows on its other side too
	r.finSent.Store(true)
	timer := time.NewTimer(r.cfg.Linger)
	defer timer.Stop()
	select {
	case <-r.recvDone:
		return
	case <-timer.C:
	case <-r.stopLinger:
		r.handOver.Store(!r.awaitAcknowledged())
	}
	r.wire.interruptRead()
}

// awaitAcknowledged waits, not for long, until the peer's kernel has all we sent.
// It returns false when that takes longer.
func (r *Relay) awaitAcknowledged() bool {
	limit := ackLimit
	if r.cfg.Leftover != nil {
		limit = leftoverAckLimit
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	ticker := time.NewTicker(ackStep)
	defer ticker.Stop()
	for r.wire.unsent() > 0 {
		select {
		case <-r.recvDone:
			return true
		case <-timer.C:
			return false
		case <-ticker.C:
		}
	}
	return true
}

// isDone says whether a channel is closed.
func isDone(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
