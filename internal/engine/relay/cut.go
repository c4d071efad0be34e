package relay

// Cut ends a running relay at once: both streams are closed, that to the peer by
// a reset, and what is under way is lost. It never waits.
func (r *Relay) Cut() {
	r.wire.resetOnClose()
	_ = r.wire.Close()
	_ = r.plaintext.Close()
	r.wire.arrivals.pin()
	r.source.pin()
}

// survive is deferred by both halves: it ends a relay whose half, for which
// done stands, has panicked, where Config.Bug allows that.
func (r *Relay) survive(done chan struct{}) {
	if r.cfg.Bug == nil {
		return
	}
	bug := recover()
	if bug == nil {
		return
	}
	err := r.cfg.Bug(bug)
	r.wire.resetOnClose()
	_ = r.wire.Close()
	r.source.stop()
	if r.cfg.BeforeReset != nil {
		r.cfg.BeforeReset(err)
	}
	r.Cut()
	r.unwatch()
	r.over(End{Err: err, Sent: r.sent.Load(), Received: r.received.Load()})
	if !isDone(done) {
		close(done) // the other half may wait for this one
	}
}
