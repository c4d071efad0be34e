package relay

import (
	"errors"
	"time"
)

// finish ends what receive's end has not, closes both streams and says how it
// went.
func (r *Relay) finish(err error) End {
	if errors.Is(err, ErrTruncated) {
		err = r.awaitAnswer(err)
	}
	refused := false
	switch {
	case err == nil && r.finSent.Load():
		<-r.sendDone // the program has gone, and nothing of it is left
	case err == nil:
		_ = r.plaintext.CloseWrite() // fails when the program reads no more
		<-r.sendDone
		refused = r.refused
		r.source.drain()
	case r.programGone(err):
		<-r.sendDone // what it wrote still goes out
		if errors.Is(err, errAbandoned) {
			r.wire.resetOnClose()
		}
		err = nil
	default:
		r.breakOff(err)
	}
	_ = r.plaintext.Close()
	if r.cfg.Leftover != nil && !errors.Is(r.sendErr, errAborted) &&
		(r.wire.hasLeft() || r.handOver.Load()) {
		r.cfg.Leftover(r.wire.tcp, r.wire.behind)
	}
	r.wire.endRelay()
	return End{
		Err:       err,
		Truncated: r.sloppy || errors.Is(err, ErrTruncated),
		SendErr:   r.sendErr,
		Refused:   refused,
		Sent:      r.sent.Load(),
		Received:  r.received.Load(),
	}
}

// programGone says whether nobody is left to be told of err.
func (r *Relay) programGone(err error) bool {
	return errors.Is(err, errAbandoned) || errors.Is(err, errLingered) || r.source.hungUp()
}

// breakOff ends the program's stream with ECONNRESET. While there is something
// that the program has not read, its writes fail already; the end follows when it
// has read, for a program that sees data and the end in one look takes that for a
// clean end (libuv does). One that does not read sees them in one look, after a
// time, as with TCP.
func (r *Relay) breakOff(why error) {
	r.source.stop()
	r.wire.cut()
	<-r.sendDone
	r.prepareReset(why)
	if r.sink.unread() > 0 {
		r.refuse()
		r.sink.awaitRead(readTime, nil)
	}
}

// readTime is how long a program whose connection has broken may read nothing of
// what came before.
const readTime = time.Second

// refuse makes the program's writes fail.
func (r *Relay) refuse() {
	r.refused = true
	r.source.refuse()
}

// prepareReset makes closing Plaintext mean ECONNRESET to the program. Plaintext must
// not be read any more.
func (r *Relay) prepareReset(why error) {
	if r.resetSet {
		return
	}
	r.resetSet = true
	if r.cfg.BeforeReset != nil {
		r.cfg.BeforeReset(why)
	}
}
