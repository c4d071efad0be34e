package relay

import "errors"

// finish ends what receive's end has not, closes both streams and says how it
// went.
func (r *Relay) finish(err error) End {
	switch {
	case err == nil && r.finSent.Load():
		<-r.sendDone // the program has gone, and nothing of it is left
	case err == nil:
		_ = r.plain.CloseWrite() // fails when the program reads no more
		<-r.sendDone
		r.source.drain()
	case r.programGone(err):
		<-r.sendDone // what it wrote still goes out
		if errors.Is(err, errAbandoned) {
			r.wire.resetOnClose()
		}
		err = nil
	default:
		r.source.stop()
		r.wire.cut()
		<-r.sendDone
		r.prepareReset()
	}
	_ = r.plain.Close()
	r.wire.endRelay()
	return End{
		Err:       err,
		Truncated: r.sloppy || errors.Is(err, ErrTruncated),
		SendErr:   r.sendErr,
		Sent:      r.sent.Load(),
		Received:  r.received.Load(),
	}
}

// programGone says whether nobody is left to be told of err.
func (r *Relay) programGone(err error) bool {
	return errors.Is(err, errAbandoned) || errors.Is(err, errLingered) || r.source.hungUp()
}

// prepareReset makes closing Plain mean ECONNRESET to the program. Plain must
// not be read any more.
func (r *Relay) prepareReset() {
	if r.resetSet || r.source.unread() > 0 {
		return
	}
	r.resetSet = true
	if r.cfg.BeforeReset != nil {
		r.cfg.BeforeReset()
	}
}
